"""Look whether some sites answer."""

import logging
import time
from enum import Enum

import requests

log = logging.getLogger("uptime")

SITES = {"home": "https://example.org/", "shop": "https://example.org/broken"}


class Status(Enum):
    UP = "up"
    DOWN = "down"


def look(url):
    begun = time.perf_counter()
    try:
        answer = requests.get(url, timeout=5)
        answer.raise_for_status()
    except requests.RequestException:
        log.exception("%s is down", url)
        return Status.DOWN
    log.debug("%s answered in %.3f s", url, time.perf_counter() - begun)
    return Status.UP


def uptime(job):
    return {name: look(url).value for name, url in SITES.items()}
