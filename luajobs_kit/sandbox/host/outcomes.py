"""Outcomes in words a person understands, from a child's final frame or from how it exited."""

from __future__ import annotations

import signal
from typing import Any, Final

from luajobs_kit.errors import InvalidInput, PolicyViolation, SandboxError
from luajobs_kit.sandbox.frames import BrokenFrame
from luajobs_kit.sandbox.host.child_handle import Exit
from luajobs_kit.sandbox.values import Failure, Limits, LogRecord, Outcome, Program, Status

_CRASHES: Final = {signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE}


def from_final_frame(
    frame: dict[str, Any] | BrokenFrame,
    program: Program,
    limits: Limits,
    logs: tuple[LogRecord, ...],
    duration: float,
) -> Outcome:
    """Return the outcome of a run that sent a result or an error, or broke the protocol."""
    if isinstance(frame, BrokenFrame):
        failure = Failure("Killed", f"The run was stopped: it sent {frame}.")
        return Outcome("killed", error=failure, logs=logs, duration=duration)
    if "result" in frame:
        return Outcome("completed", frame["result"], logs=logs, duration=duration)
    error = frame["error"]
    line = error["line"]
    file = (
        error["file"] if error["file"] in program.files else program.file
    )  # it is job code's word
    if error["type"] == "MemoryError":
        message = f"The run was stopped: it needed more than its {_megabytes(limits)} MB of memory."
        failure = Failure("Killed", message)
        return Outcome("killed", error=failure, logs=logs, duration=duration)
    failure = Failure(
        error["type"],
        error["message"],
        line,
        program.line(line, file),
        file,
        tuple(error["trace"]),
    )
    return Outcome("failed", error=failure, logs=logs, duration=duration)


def from_exit(exit_: Exit, limits: Limits) -> tuple[Status, Failure]:
    """Return status and failure of a run whose child ended without a final frame."""
    if exit_.how == "abandoned":
        return "abandoned", Failure(
            "Abandoned",
            "The sandbox's fork server ended while this ran; how far it came is unknown.",
        )
    if exit_.why == "timeout":
        return "timeout", Failure(
            "Timeout", f"The run was stopped at its time limit of {limits.timeout:g} s."
        )
    return "killed", Failure("Killed", _exit_message(exit_, limits))


def _exit_message(exit_: Exit, limits: Limits) -> str:
    if exit_.how == "exit":
        return f"The run's process ended by itself (status {exit_.number}) and gave no result."
    if exit_.why == "end":
        return "The run was stopped: what it asked for could not be answered."
    if exit_.number in _CRASHES:
        return (
            f"The interpreter crashed ({signal.Signals(exit_.number).name}) while it ran this; "
            "most often memory ran out inside it, or something is nested too deeply."
        )
    if exit_.number == signal.SIGXCPU:
        return f"The run was stopped: it used its {limits.cpu_seconds:g} s of processor time."
    if exit_.number == signal.SIGSYS:
        return "The run was stopped: it made a system call no run may make."
    if exit_.number == signal.SIGKILL:
        return "The system killed the run, most often because the machine's memory ran out."
    return f"The run was ended by signal {exit_.number}."


def _megabytes(limits: Limits) -> int:
    return limits.memory // 2**20


def compiled_code(answer: dict[str, Any] | Exit, program: Program) -> str:
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
        line, file, message = answer["invalid"]
        where = _where(line, file, program)
        text = program.line(line, file)
        raise InvalidInput(
            f"{where}{message}" + (f"\n    {text}" if text else ""),
            line=line, text=text, file=file or program.file,
        )  # fmt: skip
    violations = [
        {"line": line, "text": text, "rule": rule, "advice": advice, "file": file}
        for line, text, rule, advice, file in answer["refused"]
    ]
    raise PolicyViolation(
        "\n".join(_violation_text(violation, program) for violation in violations),
        violations=violations,
        line=violations[0]["line"] if violations else None,
        file=violations[0]["file"] if violations else program.file,
    )


def _where(line: int | None, file: str | None, program: Program) -> str:
    if line is None:
        return ""
    return f"line {line}: " if file in {None, program.file} else f"line {line} of {file}: "


def _violation_text(violation: dict[str, Any], program: Program) -> str:
    where = _where(violation["line"], violation["file"], program)
    shown = f"\n    {violation['text']}" if violation["text"] else ""
    advice = f" {violation['advice']}" if violation["advice"] else ""
    return f"{where}{violation['rule'].rstrip('.')}.{advice}{shown}"
