"""A disk that fails, or ends the process, at a chosen one of its operations."""

import errno
import os
import signal

from luajobs_kit.store.definitions.disk import Disk

NUMBERED = ("open", "write", "sync", "truncate", "replace", "remove", "sync_folder")


class FaultyDisk(Disk):
    """Real files; ``plan(number, name)`` says what befalls an operation.

    It returns None (nothing), an ``errno``, ``"short"`` (a write takes a third of its
    bytes), ``"half"`` (takes a third, then there is no room), ``"kill"``,
    ``"kill half"`` or ``"kill after"`` (the process dies before, amid or after it).
    """

    def __init__(self, plan=lambda number, name: None):
        self.plan = plan
        self.operations = []

    def write(self, descriptor, data):
        fate = self._next("write")
        if fate in ("short", "half") and len(data) > 2:
            taken = super().write(descriptor, data[: len(data) // 3])
            if fate == "half":
                self._starved = True
            return taken
        if getattr(self, "_starved", False):
            self._starved = False
            raise OSError(errno.ENOSPC, "No space left on device")
        if fate == "kill half":
            super().write(descriptor, data[: len(data) // 3])
            os.kill(os.getpid(), signal.SIGKILL)
        return self._after(fate, super().write(descriptor, data))

    def _next(self, name):
        number = len(self.operations)
        self.operations.append(name)
        fate = self.plan(number, name)
        if isinstance(fate, int):
            raise OSError(fate, os.strerror(fate))
        if fate == "kill" or (fate == "kill half" and name != "write"):
            os.kill(os.getpid(), signal.SIGKILL)
        return fate

    def _after(self, fate, result):
        if fate == "kill after":
            os.kill(os.getpid(), signal.SIGKILL)
        return result


def _numbered(name):
    def operation(self, *arguments):
        fate = self._next(name)
        return self._after(fate, getattr(Disk, name)(self, *arguments))

    return operation


for _name in NUMBERED:
    if _name != "write":
        setattr(FaultyDisk, _name, _numbered(_name))
