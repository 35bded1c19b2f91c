"""Tell of what is new in some feeds, once."""

import logging
import xml.etree.ElementTree as ET
from dataclasses import dataclass

import requests

logger = logging.getLogger(__name__)

FEEDS = ["https://example.org/news.xml", "https://example.org/blog.xml"]


@dataclass
class Item:
    title: str
    link: str


def read_feed(url):
    response = requests.get(url, timeout=10)
    response.raise_for_status()
    root = ET.fromstring(response.text)
    return [Item(each.findtext("title"), each.findtext("link")) for each in root.iter("item")]


async def rss_seen_list(job):
    seen = set(job.metadata.get("seen", []))
    user = await job.user()
    for feed in FEEDS:
        for item in read_feed(feed):
            if item.link not in seen:
                seen.add(item.link)
                await user.send(f"{item.title} {item.link}")
    logger.info("%d items are known now", len(seen))
    await job.update_metadata({"seen": sorted(seen)})
