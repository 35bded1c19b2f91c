"""Tools as the engine knows them: who offers which, and the calls that wait for an answer.

A tool runs in the client that offers it; the engine only passes calls and answers on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from luajobs_kit.argument_help import did_you_mean
from luajobs_kit.errors import InvalidInput, LuaJobsError, NotFound, ToolError, ToolUnavailable
from luajobs_kit.ids import Ids
from luajobs_kit.model import Execution
from luajobs_kit.port import ToolCall, ToolOffer

MISSPELT: Final = 0.75  # likeness of two names, from which one is taken for the other misspelt


@dataclass(eq=False)
class _Offer:
    tools: dict[str, ToolOffer]
    calls: asyncio.Queue[ToolCall | None]


@dataclass(eq=False, slots=True)
class _Waiting:
    """A call that waits for its answer; ``taken`` says that its tool works on it."""

    offer: _Offer
    answer: asyncio.Future[Any]
    taken: bool = False


class ToolBroker:
    """Passes each call of a tool to the client that offers it, and the answer back to the run."""

    def __init__(self, ids: Ids, held_up: Callable[[str], str | None]) -> None:
        """``held_up(job_id)`` says which runs wait until a run of that job ends."""
        self._ids = ids
        self._held_up = held_up
        self._offers: list[_Offer] = []
        self._waiting: dict[str, _Waiting] = {}
        self._gone: set[str] = (
            set()
        )  # names that were offered once; the newest offer may have ended
        self._closed = False

    def offer(self, tools: list[ToolOffer]) -> AsyncIterator[ToolCall]:
        """Offer ``tools`` for as long as the iterator is held; the newest offer of a name wins."""
        offer = _Offer({tool.name: tool for tool in tools}, asyncio.Queue())
        self._offers.append(offer)
        if self._closed:
            offer.calls.put_nowait(None)
        return _Calls(self, offer)

    def withdraw(self, offer: _Offer) -> None:
        """End an offer; calls of it that wait for an answer raise ``ToolUnavailable``."""
        if offer not in self._offers:
            return
        self._offers.remove(offer)
        self._gone |= offer.tools.keys()
        for waiting in list(self._waiting.values()):
            if waiting.offer is offer and not waiting.answer.done():
                waiting.answer.set_exception(
                    ToolUnavailable("The client that offered it left before it answered.")
                )

    def offered(self) -> list[ToolOffer]:
        """Return what is offered now, by name."""
        newest = {name: tool for offer in self._offers for name, tool in offer.tools.items()}
        return [newest[name] for name in sorted(newest)]

    def misspelt(self, names: Sequence[str]) -> dict[str, str]:
        """Return each name that nobody offers and that is near to one offered, with that in words.

        One that is near to none may be offered later.
        """
        offered = [tool.name for tool in self.offered()]
        strange = [name for name in names if name not in offered and name not in self._gone]
        near = {name: did_you_mean(name, offered, cutoff=MISSPELT) for name in strange}
        return {name: words for name, words in near.items() if words}

    async def ask(
        self,
        name: str,
        arguments: dict[str, Any],
        *,
        user_id: str | None,
        execution: Execution | None = None,
    ) -> Any:
        """Have the tool called, and return its answer.

        Raises ``ToolUnavailable`` when nobody offers it or it takes longer than it may,
        ``ToolError`` with what it raised.
        """
        offer = next((one for one in reversed(self._offers) if name in one.tools), None)
        if offer is None:
            raise ToolUnavailable(self._why_not(name), name=name)
        call = ToolCall(
            id=self._ids.new("call"),
            name=name,
            arguments=arguments,
            user_id=user_id,
            job_name=execution.job_name if execution else None,
            execution_id=execution.id if execution else None,
        )
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        waiting = self._waiting[call.id] = _Waiting(offer, answer)
        offer.calls.put_nowait(call)
        seconds = offer.tools[name].timeout
        try:
            return await asyncio.wait_for(answer, seconds)
        except TimeoutError:
            late = f"tools.{name} did not answer within {seconds:g} s."
            if not waiting.taken:
                late += (
                    f" The {offer.tools[name].offered_by or 'client'} that offers it has been busy for "
                    f"{seconds:g} s and has not taken the call: code that lets no other thread of its "
                    "process run, or a process that is stopped, keeps it from that."
                )
            if execution is not None and (held := self._held_up(execution.job_id)):
                late += (
                    f" Meanwhile the run that called it keeps others from beginning: {held}. A tool "
                    "that triggers a job and waits for it would wait for its own caller: have it "
                    "return without waiting, or raise max_concurrent."
                )
            raise ToolUnavailable(late) from None
        finally:
            del self._waiting[call.id]

    def answer(self, call_id: str, value: Any, error: dict[str, Any] | None) -> None:
        """Pass an answer to the call that waits for it. Raises ``NotFound`` when none does."""
        waiting = self._found(call_id)
        if error is None:
            waiting.answer.set_result(value)
        else:
            waiting.answer.set_exception(_as_error(error))

    def take(self, call_id: str) -> None:
        """Note that a call's tool works on it. Raises ``NotFound`` where none waits for it."""
        self._found(call_id).taken = True

    def _found(self, call_id: str) -> _Waiting:
        waiting = self._waiting.get(call_id)
        if waiting is None or waiting.answer.done():
            raise NotFound(f"No run waits for {call_id!r}; it ended, or its time was up.")
        return waiting

    def close(self) -> None:
        """End every offer."""
        self._closed = True
        for offer in self._offers:
            offer.calls.put_nowait(None)

    def _why_not(self, name: str) -> str:
        if name in self._gone:
            return f"tools.{name} was offered by a client that has left; run its cell again."
        listed = ", ".join(f"tools.{tool.name}" for tool in self.offered()) or "none"
        meant = did_you_mean(name, [tool.name for tool in self.offered()])
        return (
            f"Nobody offers tools.{name}.{meant} Offered now: {listed}. Register it with @ws.tool."
        )


class _Calls(AsyncIterator[ToolCall]):
    """The calls of one offer; the offer ends when this is closed or dropped.

    A generator would not do: one that was never begun runs no code when it is dropped.
    """

    def __init__(self, broker: ToolBroker, offer: _Offer) -> None:
        self._broker = broker
        self._offer = offer

    async def __anext__(self) -> ToolCall:
        try:
            call = await self._offer.calls.get()
        except BaseException:
            self._broker.withdraw(self._offer)
            raise
        if call is None:
            self._broker.withdraw(self._offer)
            raise StopAsyncIteration
        return call

    async def aclose(self) -> None:
        self._broker.withdraw(self._offer)

    def __del__(self) -> None:
        self._broker.withdraw(self._offer)


def _as_error(error: dict[str, Any]) -> LuaJobsError:
    kind, message = str(error.get("type", "Error")), str(error.get("message", ""))
    if kind == "InvalidInput":
        return InvalidInput(message)
    return ToolError(message if kind == "ToolError" else f"{kind}: {message}")
