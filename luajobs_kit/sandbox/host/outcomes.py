"""How a child's last word, or its silence, becomes an outcome a person understands."""

from __future__ import annotations

import signal
from typing import Any, Final

from luajobs_kit.errors import InvalidInput, PolicyViolation, SandboxError
from luajobs_kit.sandbox.frames import BrokenFrame
from luajobs_kit.sandbox.host.fork_server_client import Exit
from luajobs_kit.sandbox.values import Failure, Limits, LogRecord, Outcome, Program, Status

_CRASHES: Final = {signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE}


def with_word(
    word: dict[str, Any] | BrokenFrame,
    program: Program,
    limits: Limits,
    logs: tuple[LogRecord, ...],
    duration: float,
) -> Outcome:
    """Return the outcome of a run that sent a result, an error, or something else."""
    if isinstance(word, BrokenFrame):
        failure = Failure("Killed", f"The run was stopped: it sent {word}.")
        return Outcome("killed", error=failure, logs=logs, duration=duration)
    if "result" in word:
        return Outcome("completed", word["result"], logs=logs, duration=duration)
    error = word["error"]
    line = error["line"]
    if error["type"] == "MemoryError":
        message = f"The run was stopped: it needed more than its {_megabytes(limits)} MB of memory."
        failure = Failure("Killed", message)
        return Outcome("killed", error=failure, logs=logs, duration=duration)
    failure = Failure(
        error["type"],
        error["message"],
        line,
        program.line(line),
        program.file,
        tuple(error["trace"]),
    )
    return Outcome("failed", error=failure, logs=logs, duration=duration)


def without_word(gone: Exit, limits: Limits) -> tuple[Status, Failure]:
    """Return status and failure of a run whose child ended without a last word."""
    if gone.how == "abandoned":
        return "abandoned", Failure(
            "Abandoned",
            "The sandbox's fork server ended while this ran; how far it came is unknown.",
        )
    if gone.why == "timeout":
        return "timeout", Failure(
            "Timeout", f"The run was stopped at its time limit of {limits.timeout:g} s."
        )
    return "killed", Failure("Killed", _silence(gone, limits))


def _silence(gone: Exit, limits: Limits) -> str:
    if gone.how == "exit":
        return f"The run's process ended by itself (status {gone.number}) and gave no result."
    if gone.why == "end":
        return "The run was stopped: what it asked for could not be answered."
    if gone.number in _CRASHES:
        return (
            f"The interpreter crashed ({signal.Signals(gone.number).name}) while it ran this; "
            "most often memory ran out inside it, or something is nested too deeply."
        )
    if gone.number == signal.SIGXCPU:
        return f"The run was stopped: it used its {limits.cpu_seconds:g} s of processor time."
    if gone.number == signal.SIGSYS:
        return "The run was stopped: it made a system call no run may make."
    if gone.number == signal.SIGKILL:
        return "The system killed the run, most often because the machine's memory ran out."
    return f"The run was ended by signal {gone.number}."


def _megabytes(limits: Limits) -> int:
    return limits.memory // 2**20


def compiled(answer: dict[str, Any] | Exit, program: Program) -> str:
    """Return the code in a compiling child's answer.

    Raises ``PolicyViolation``, ``InvalidInput``, or ``SandboxError`` when the fork server ended.
    """
    if isinstance(answer, Exit):
        if answer.how == "abandoned":
            raise SandboxError("The sandbox's fork server ended while it compiled; try again.")
        raise InvalidInput(
            "The source cannot be compiled: the compiler ended without an answer, as it does "
            "on code nested too deeply or far too long. Make it smaller."
        )
    if "code" in answer:
        return str(answer["code"])
    if "invalid" in answer:
        line, message = answer["invalid"]
        where = f"line {line}: " if line is not None else ""
        text = program.line(line)
        raise InvalidInput(
            f"{where}{message}" + (f"\n    {text}" if text else ""),
            line=line, text=text, file=program.file,
        )  # fmt: skip
    violations = [
        {"line": line, "text": text, "rule": rule, "advice": advice}
        for line, text, rule, advice in answer["refused"]
    ]
    raise PolicyViolation(
        "\n".join(_told(violation) for violation in violations),
        violations=violations,
        line=violations[0]["line"] if violations else None,
        file=program.file,
    )


def _told(violation: dict[str, Any]) -> str:
    where = "" if violation["line"] is None else f"line {violation['line']}: "
    shown = f"\n    {violation['text']}" if violation["text"] else ""
    advice = f" {violation['advice']}" if violation["advice"] else ""
    return f"{where}{violation['rule'].rstrip('.')}.{advice}{shown}"
