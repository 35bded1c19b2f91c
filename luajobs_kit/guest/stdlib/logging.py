"""``logging`` of job code: loggers that write the run's log.

Times and levels are the log's own. So handlers and formatters may be made and given, and change
nothing; levels are kept to. A log call never raises, whatever it is given.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

from luajobs_kit.guest.guards.sealed import Frozen, HostMade, make
from luajobs_kit.guest.runtime.error_text import error_text
from luajobs_kit.guest.runtime.run import current
from luajobs_kit.log_text import log_text

NOTSET, DEBUG, INFO, WARNING, ERROR, CRITICAL = 0, 10, 20, 30, 40, 50
WARN, FATAL = WARNING, CRITICAL

_NUMBERS: Final = {
    "NOTSET": NOTSET, "DEBUG": DEBUG, "INFO": INFO, "WARN": WARNING, "WARNING": WARNING,
    "ERROR": ERROR, "FATAL": CRITICAL, "CRITICAL": CRITICAL,
}  # fmt: skip
_NAMES: Final = {
    NOTSET: "NOTSET", DEBUG: "DEBUG", INFO: "INFO", WARNING: "WARNING", ERROR: "ERROR",
    CRITICAL: "CRITICAL",
}  # fmt: skip


class _Logging(Frozen):
    """The methods that write, of loggers and their adapters."""

    __slots__ = ()

    def debug(self, /, *args: Any, **given: Any) -> None:
        self._write(DEBUG, args, given)

    def info(self, /, *args: Any, **given: Any) -> None:
        self._write(INFO, args, given)

    def warning(self, /, *args: Any, **given: Any) -> None:
        self._write(WARNING, args, given)

    def warn(self, /, *args: Any, **given: Any) -> None:
        self._write(WARNING, args, given)

    def error(self, /, *args: Any, **given: Any) -> None:
        self._write(ERROR, args, given)

    def exception(self, /, *args: Any, **given: Any) -> None:
        """Log an error with the exception that is being handled."""
        self._write(ERROR, args, {"exc_info": True, **given})

    def critical(self, /, *args: Any, **given: Any) -> None:
        self._write(CRITICAL, args, given)

    def fatal(self, /, *args: Any, **given: Any) -> None:
        self._write(CRITICAL, args, given)

    def log(self, /, *args: Any, **given: Any) -> None:
        """Log at the level that comes first: a number, or its name."""
        level, *rest = args or (given.pop("level", INFO),)
        number = _NUMBERS.get(level, INFO) if type(level) is str else level
        self._write(number if type(number) is int else INFO, tuple(rest), given)

    def _write(self, level: int, args: tuple[Any, ...], given: Mapping[str, Any]) -> None:
        raise NotImplementedError


class Logger(_Logging, HostMade):
    """A logger. Its level is its own, else that of the one above it; all write one log."""

    __slots__ = ("_level", "_name")

    def __init__(self, name: str) -> None:
        self._name = name
        self._level = NOTSET

    @property
    def name(self) -> str:
        return self._name

    @property
    def level(self) -> int:
        return self._level

    @property
    def handlers(self) -> list[Any]:
        """The run's log; so that no helper finds it has to add a handler."""
        return [_RUNS_LOG]

    def setLevel(self, level: int | str) -> None:  # noqa: N802  # the library's name
        self._level = _number(level)

    def getEffectiveLevel(self) -> int:  # noqa: N802  # likewise
        """Return its level, or the nearest one above it in the dots of its name."""
        name = self._name
        known = current().loggers
        while name:
            logger = known.get(name)
            if logger is not None and logger.level:
                return int(logger.level)
            name = name.rpartition(".")[0]
        return _root().level

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802  # likewise
        return level > current().logging_disabled and level >= self.getEffectiveLevel()

    def getChild(self, suffix: str) -> Logger:  # noqa: N802  # likewise
        return getLogger(suffix if self._name == "root" else f"{self._name}.{_text(suffix)}")

    def hasHandlers(self) -> bool:  # noqa: N802  # likewise
        return True

    def addHandler(self, _handler: Any) -> None:  # noqa: N802  # likewise
        """Do nothing: the run's log is written already."""

    def removeHandler(self, _handler: Any) -> None:  # noqa: N802  # likewise
        """Do nothing: the run's log stays."""

    def _write(self, level: int, args: tuple[Any, ...], given: Mapping[str, Any]) -> None:
        if self.isEnabledFor(level):
            current().log(_level_word(level), _line(args, given))

    def __repr__(self) -> str:
        return f"<Logger {self._name} ({getLevelName(self.getEffectiveLevel())})>"


class LoggerAdapter(_Logging):
    """A logger with fields that each of its lines tells."""

    __slots__ = ("_logger", "extra")

    def __init__(self, logger: Logger, extra: Any = None) -> None:
        if type(logger) not in {Logger, LoggerAdapter}:
            raise TypeError(
                "LoggerAdapter takes a logger: LoggerAdapter(logging.getLogger(…), {…})"
            )
        self._logger = logger
        self.extra = extra

    def setLevel(self, level: int | str) -> None:  # noqa: N802  # likewise
        self._logger.setLevel(level)

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802  # likewise
        return self._logger.isEnabledFor(level)

    def _write(self, level: int, args: tuple[Any, ...], given: Mapping[str, Any]) -> None:
        extra = {**_mapping(self.extra), **_mapping(given.get("extra"))}
        self._logger.log(level, *args, **{**given, "extra": extra})


class Formatter(Frozen):
    """What would lay out a line; the run's log has its own layout."""

    __slots__ = ()

    def __init__(self, *_: Any, **__: Any) -> None:
        pass


class _Handler(Frozen):
    __slots__ = ()

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def setLevel(self, _level: int | str) -> None:  # noqa: N802  # likewise
        """Do nothing: the logger's own level counts."""

    def setFormatter(self, _formatter: Any) -> None:  # noqa: N802  # likewise
        """Do nothing: the run's log has its own layout."""


class NullHandler(_Handler):
    """A handler that writes nothing."""

    __slots__ = ()


class StreamHandler(_Handler):
    """A handler that would write what the run's log has already."""

    __slots__ = ()


_RUNS_LOG: Final = StreamHandler()


def getLogger(name: str | None = None) -> Logger:  # noqa: N802  # likewise
    """Return the logger of that name, the same one each time."""
    wanted = _text(name) if name else "root"
    loggers = current().loggers
    if wanted not in loggers:
        loggers[wanted] = make(Logger, wanted)
    return loggers[wanted]  # type: ignore[no-any-return]


def _root() -> Logger:
    return getLogger()


def basicConfig(**options: Any) -> None:  # noqa: N802  # likewise
    """Set the level of all loggers; what else it takes is of handlers, and changes nothing."""
    if options.get("level") is not None:
        _root().setLevel(options["level"])


def disable(level: int | str = CRITICAL) -> None:
    """Leave out lines of that level and below."""
    current().logging_disabled = _number(level)


def getLevelName(level: int | str) -> int | str:  # noqa: N802  # likewise
    """Return a level's name, or the number of one that is given by name."""
    if type(level) is str:
        return _NUMBERS.get(level, f"Level {level}")
    return _NAMES.get(level, f"Level {level}") if type(level) is int else f"Level {_text(level)}"


def _of_root(name: str) -> Callable[..., None]:
    def write(*args: Any, **given: Any) -> None:
        getattr(_root(), name)(*args, **given)

    write.__name__ = write.__qualname__ = name
    return write


debug = _of_root("debug")
info = _of_root("info")
warning = warn = _of_root("warning")
error = _of_root("error")
exception = _of_root("exception")
critical = fatal = _of_root("critical")
log = _of_root("log")


def _line(args: tuple[Any, ...], given: Mapping[str, Any]) -> str:
    message, *rest = args or (given.get("msg", ""),)
    fields = {name: value for name, value in given.items() if name not in _OF_CALLS}
    text = log_text(message, tuple(rest), {**_mapping(given.get("extra")), **fields})
    problem = _problem(given.get("exc_info"))
    return text if problem is None else f"{text}\n{error_text(problem)}"


_OF_CALLS: Final = {"msg", "exc_info", "extra", "stack_info", "stacklevel"}


def _problem(exc_info: Any) -> BaseException | None:
    """Return the exception that ``exc_info`` is about. A4: told by its type, not by isinstance."""
    if type(exc_info) is tuple and len(exc_info) == 3:
        exc_info = exc_info[1]
    if issubclass(type(exc_info), BaseException):
        return exc_info  # type: ignore[no-any-return]
    return sys.exception() if exc_info is True or exc_info == 1 else None


def _mapping(extra: Any) -> dict[str, Any]:
    """Return the fields of a dict as those of one of Python's own; anything else has none."""
    if not issubclass(type(extra), dict):
        return {}
    return {key: value for key, value in dict.items(extra) if type(key) is str}


def _level_word(level: int) -> str:
    if level >= ERROR:
        return "error"
    if level >= WARNING:
        return "warn"
    return "info" if level >= INFO else "debug"


def _number(level: Any) -> int:
    if type(level) is int:
        return level
    if type(level) is str and level in _NUMBERS:
        return _NUMBERS[level]
    raise ValueError(f"unknown level: {log_text(level)}; levels are {', '.join(_NUMBERS)}")


def _text(name: Any) -> str:
    if type(name) is not str:
        raise TypeError(f"a logger's name must be a string, not {type(name).__name__}")
    return name
