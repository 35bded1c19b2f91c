"""Find the links on a page that lead nowhere."""

from html.parser import HTMLParser
from urllib.parse import urljoin

import requests

START = "https://example.org/links.html"


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        if tag == "a":
            self.found.append(dict(attrs).get("href"))


def link_checker(job):
    parser = Links()
    parser.feed(requests.get(START, timeout=10).text)
    broken = []
    for link in parser.found:
        url = urljoin(START, link)
        if not requests.head(url, timeout=10).ok:
            broken.append(url)
    return broken
