"""The masking of secrets in text that is shown: as they are, and as code writes them.

What is masked are the values of the workspace's setting ``env``. A secret is also found as Python's
``repr``, JSON, an address or base 64 have it, and line by line. Standard library only:
the sandbox's child masks too, before it cuts anything.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from typing import Final
from urllib.parse import quote, quote_plus

MASK: Final = "•••"
SHORTEST: Final = 6  # characters; masking shorter secrets would hide ordinary words

_KEPT_IN_ADDRESSES: Final = ("", "/", "!$&'()*+,;=:@/?", "!*'()")  # by those who write them
_ODD: Final = re.compile(r"[^ !#-&(-\[\]-~]")  # a letter that some notation escapes
_HEX: Final = re.compile(r"%[0-9A-F]{2}")


class Mask:
    """Masks ``secrets``, each of ``SHORTEST`` characters or more, in any text."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets if len(secret) >= SHORTEST for form in _forms(secret)}
        # The longest first: a shorter one may be its beginning.
        self._forms = sorted(forms, key=lambda form: (-len(form), form))

    def __call__(self, text: str, *, is_cut: bool = False) -> str:
        """Return ``text`` without the secrets; where it ``is_cut``, without one's beginning at its end."""
        for form in self._forms:
            text = text.replace(form, MASK)
        if is_cut:
            for form in self._forms:
                text = _without_beginning(text, form)
        return text


def _without_beginning(text: str, secret: str) -> str:
    """Return the text masked from where the secret begins that a cut has left only in part."""
    begins = secret[:SHORTEST]
    at = text.find(begins, max(0, len(text) - len(secret) + 1))
    while at >= 0:
        if secret.startswith(text[at:]):
            return text[:at] + MASK
        at = text.find(begins, at + 1)
    return text


@lru_cache(1_000)
def _forms(secret: str) -> frozenset[str]:
    """Return everything by which a secret may be written, ``SHORTEST`` characters or more."""
    lines = [line.strip() for line in secret.splitlines()]
    plain = {secret, secret.strip(), secret.replace("\r\n", "\n"), *lines}
    once = plain | {form for each in plain for form in _escaped(each)}
    # As JSON in a repr has it, or a repr in JSON.
    twice = once | {form for each in once for form in _escaped(each)}
    forms = twice | {form for each in plain for form in _in_addresses(each)}
    forms |= {*_in_base64(secret), *_in_base64(secret.strip())}
    return frozenset(form for form in forms if len(form) >= SHORTEST)


def _escaped(text: str) -> Iterator[str]:
    if not _ODD.search(text):
        return
    for write in (repr, ascii):
        # Letter by letter, for which quotes are escaped depends on the whole that is written.
        inside = _ODD.sub(partial(_within, write), text)
        yield from (inside, inside.replace("'", "\\'"), inside.replace('"', '\\"'))
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield repr(text.encode("utf-8", "surrogatepass"))[2:-1]


def _within(write: Callable[[str], str], found: re.Match[str]) -> str:
    return found[0] if found[0] in "'\"" else write(found[0])[1:-1]


def _in_addresses(text: str) -> Iterator[str]:
    body = text.encode("utf-8", "surrogatepass")
    for written in (*(quote(body, safe=kept) for kept in _KEPT_IN_ADDRESSES), quote_plus(body)):
        yield written
        yield _HEX.sub(lambda found: found[0].lower(), written)


def _in_base64(text: str) -> Iterator[str]:
    """Yield what of it is the same wherever in a longer text it stands, as ``user:secret`` has it."""
    body = text.encode("utf-8", "surrogatepass")
    for before in range(3):  # bytes ahead of it in a group of three, which give four characters
        written = b64encode(bytes(before) + body).decode()
        begin = (before * 8 + 5) // 6
        end = (before + len(body)) * 8 // 6
        yield written[begin:end]
        yield written[begin:end].replace("+", "-").replace("/", "_")
