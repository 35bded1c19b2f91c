"""An answer from the web inside a job: what ``http``, ``requests`` and ``httpx`` show of it alike."""

from __future__ import annotations

from typing import Any

from luajobs_kit.guest.guards.sealed import HostMade
from luajobs_kit.web_messages import Headers, content_of, text_of_body


class WebAnswer(HostMade):
    """Base of the responses: the engine's answer, by the names that all of them have."""

    __slots__ = ("_answer",)

    def __init__(self, answer: dict[str, Any]) -> None:
        self._answer = answer

    @property
    def status_code(self) -> int:
        return int(self._answer["status"])

    @property
    def url(self) -> str:
        """The address that answered, after redirects."""
        return str(self._answer.get("url", ""))

    @property
    def headers(self) -> Headers:
        """The headers, found by any spelling of their names."""
        return Headers(self._answer.get("headers") or {})

    @property
    def text(self) -> str:
        return text_of_body(self._answer)

    @property
    def content(self) -> bytes:
        """The body as bytes, unpacked."""
        return content_of(self._answer)
