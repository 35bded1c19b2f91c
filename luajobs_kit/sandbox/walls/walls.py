"""The walls around a child: the operating system's, and one of Python's own.

Each child raises them for itself before it receives anything; it only inherits what the fork
server has done for all: entered namespaces, given up privileges. A wall that the kernel lacks is
skipped and reported (``Walls.report``). One that should stand and cannot be raised ends the child
before it is ready.
"""

from __future__ import annotations

import math
import os
import platform
import resource
from collections.abc import Callable, Iterable
from typing import Any, Final

from luajobs_kit.sandbox.walls import audit_hook, linux, module_removal
from luajobs_kit.sandbox.walls.linux import LINUX, WallFailed, conceal
from luajobs_kit.sandbox.walls.system_calls import SystemCalls

# By name, what it stops. Those of ALWAYS stand on every system that this kit runs on.
WALLS: Final = {
    "process": "a crash, a memory leak or an endless loop reaching the engine or another run",
    "descriptors": "use of files and sockets the engine had open",
    "environment": "reading environment variables, tokens in them, the working directory",
    "limits": "using more memory or processor time than allowed; writing files; starting processes",
    "parent": "running on after the fork server is gone",
    "hidden": "another process of this user reading this one's memory, or tracing it",
    "privileges": "using root's capabilities, or gaining any by running another program",
    "namespaces": "reaching a network interface, or shared memory of the host",
    "landlock": "opening, listing, making or removing any file; signals to other processes",
    "seccomp": "system calls: sockets, processes, threads, files, signals, tracing, new code",
    "interpreter": "files, sockets, processes, modules and libraries, opened by way of Python",
}
ALWAYS: Final = ("process", "descriptors", "environment")
BOUNDARY: Final = ("limits", "landlock", "seccomp")
"""The walls needed against hostile code: if one is missing, the others do not replace it."""
_LINUX_ONLY: Final = ("parent", "hidden", "privileges", "namespaces", "landlock", "seccomp")


class Walls:
    """The chosen walls, prepared once in the fork server, raised in every child.

    ``options``: ``names`` (of ``WALLS``; None for all), and the most that any run may use:
    ``memory`` in bytes and ``cpu`` in seconds.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        names: Iterable[str] | None = options["names"]
        self._wanted = set(WALLS if names is None else names) | set(ALWAYS)
        self._memory: int = options["memory"]
        self._cpu = math.ceil(options["cpu"])
        self.system = SystemCalls()
        self._skipped: dict[str, str] = dict.fromkeys(WALLS, "switched off")
        for name in self._wanted:
            self._skipped.pop(name, None)
        if not LINUX:
            for name in _LINUX_ONLY:
                self._skip(name, f"{platform.system()} has nothing like it")
            return
        if not self._wanted.intersection(_LINUX_ONLY):
            return  # ctypes, which the calls to the kernel need, stays unloaded
        self._landlock = linux.landlock_version()
        if self._landlock < 1:
            self._skip("landlock", "this kernel has no Landlock, or starts without it")
        self.system.enter_filter = linux.enter_filter()
        if self.system.enter_filter is None:
            self._skip(
                "seccomp", f"no filter for {platform.machine()}, or no seccomp in the kernel"
            )

    def report(self) -> list[dict[str, Any]]:
        """Return for each wall its name, whether it is raised here, what it stops, and a note."""
        return [
            {"name": name, "holds": name not in self._skipped, "stops": stops,
             "note": self._skipped.get(name, "")}
            for name, stops in WALLS.items()
        ]  # fmt: skip

    def raise_around_server(self) -> None:
        """Raise the walls that children inherit, hide the fork server, prepare the other walls.

        Raises ``WallFailed`` when a wall that should stand does not.
        """
        if self._stands("parent"):
            self.system.end_with_parent = linux.end_with_parent()
        if self._stands("namespaces"):
            self._skip("namespaces", linux.enter_namespaces())
        if any(self._stands(name) for name in ("privileges", "landlock", "seccomp")):
            # Without root the kernel lets a process raise the other two only after this.
            linux.demand(linux.gain_no_privileges(), "privileges")
        if self._stands("privileges"):
            linux.demand(linux.drop_capabilities(), "privileges")
        if self._stands("hidden") and not conceal():
            self._skip("hidden", "the kernel refused to hide the process")
        self._own_limits = self._limits() if self._stands("limits") else []
        if self._stands("landlock"):
            self.system.enter_rules = linux.enter_rules(self._landlock, self.system.close)

    def remove_from_reach(self) -> None:
        """Remove what no child may reach from the fork server, which imports nothing any more.

        Each child would write to hundreds of pages of memory for that, and copy them.
        """
        if self._stands("interpreter"):
            self._add_first_hook, self._add_last_hook = audit_hook.hooks()
            linux.forget_ctypes()
            module_removal.remove()

    def raise_around_child(self, parent: int) -> Callable[[], None]:
        """Raise every other wall around this process; ``parent`` is the fork server's pid.

        Returns a function that raises the last wall. Call it when the job's code has been
        unmarshalled and not yet executed. Raises ``WallFailed`` when a wall cannot be raised.
        """
        if self._stands("parent"):
            _demand(self.system.end_with_parent(), "parent")
            if os.getppid() != parent:
                raise WallFailed("the fork server is gone already")
        if self._stands("landlock"):
            _demand(self.system.enter_rules(), "landlock")
        for what, most in self._own_limits:
            try:
                resource.setrlimit(what, most)
            except (ValueError, OSError) as error:
                if LINUX:
                    raise WallFailed(f"limits: {error}") from error
                # macOS defines some limits that it refuses to set.
        if self._stands("seccomp"):
            assert self.system.enter_filter is not None  # without one the wall is skipped
            _demand(self.system.enter_filter(), "seccomp")
        if not self._stands("interpreter"):
            return _nothing_more
        self._add_first_hook()
        raise_last = self._add_last_hook
        del self._add_first_hook, self._add_last_hook  # they lead to the functions of the hooks
        self.system.forget()
        return raise_last

    def lower_limits(self, pid: int, *, memory: int, cpu: float) -> bool:
        """Lower the limits of the child ``pid`` from outside: bytes, and seconds of processor time.

        Returns whether its memory is less than a spare's. Where the system cannot lower limits
        from outside (macOS), the child keeps those of a spare.
        """
        less_memory = memory < self._memory
        if not LINUX or not self._stands("limits"):
            return less_memory
        seconds = math.ceil(cpu)
        # A spare has the largest limits of any run, so they are only ever lowered.
        if less_memory:
            resource.prlimit(pid, resource.RLIMIT_AS, (memory, memory))
        if seconds < self._cpu:
            resource.prlimit(pid, resource.RLIMIT_CPU, (seconds, seconds + 1))
        return less_memory

    def _limits(self) -> list[tuple[int, tuple[int, int]]]:
        """Return the limits of a child, none above this process's own."""
        limits = []
        for what, soft, hard in (
            (resource.RLIMIT_AS, self._memory, self._memory),
            (resource.RLIMIT_CPU, self._cpu, self._cpu + 1),
            (resource.RLIMIT_NOFILE, 1, 1),  # the socket, and nothing beside it
            (resource.RLIMIT_FSIZE, 0, 0),
            (resource.RLIMIT_CORE, 0, 0),
            (resource.RLIMIT_NPROC, 0, 0),
            (resource.RLIMIT_MEMLOCK, 0, 0),
        ):
            _, has = resource.getrlimit(what)
            within = (
                (soft, hard) if has == resource.RLIM_INFINITY else (min(soft, has), min(hard, has))
            )
            limits.append((what, within))
        return limits

    def _stands(self, name: str) -> bool:
        return name in self._wanted and name not in self._skipped

    def _skip(self, name: str, why: str | None) -> None:
        if why is not None and name in self._wanted:
            self._skipped[name] = why


def _demand(answer: int, wall: str) -> None:
    # Nobody reads why it failed: a child has no error output. The engine hears that it ended.
    if answer < 0:
        raise WallFailed(wall)


def _nothing_more() -> None:
    """Stand in for the last wall where the interpreter's wall is not raised."""
