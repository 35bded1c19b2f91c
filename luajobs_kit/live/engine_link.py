"""A face's connection to an engine: requests and events, wherever the engine is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar

from luajobs_kit.model import Event
from luajobs_kit.port import Port

T = TypeVar("T")
Question = Callable[[Port], Coroutine[Any, Any, T]]


class EngineLink(ABC):
    """What a feed asks and follows. Used from the feed's own event loop only."""

    @abstractmethod
    async def ask(self, question: Question[T]) -> T:
        """Return the answer; raises what the port raises."""

    @abstractmethod
    def events(self, after: str) -> AsyncIterator[Event]:
        """Follow what happens after that event."""

    async def aclose(self) -> None:  # noqa: B027 - most hold nothing
        """Let go of what is held."""


class SameLoop(EngineLink):
    """A port of the feed's own event loop; it stays its owner's to close."""

    def __init__(self, port: Port) -> None:
        self._port = port

    async def ask(self, question: Question[T]) -> T:
        return await question(self._port)

    def events(self, after: str) -> AsyncIterator[Event]:
        return self._port.events(after)
