"""``os`` of job code: the environment, which is the settings that the workspace gives to jobs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

from luajobs_kit.errors import LuaJobsError
from luajobs_kit.guest.api.env_http_tools import Env
from luajobs_kit.guest.guards.sealed import HostMade, make
from luajobs_kit.guest.runtime.run import current
from luajobs_kit.setting_names import setting_name

_ENV = make(Env)


class Environ(HostMade):
    """``os.environ``: the settings as a mapping that is read, and never written."""

    __slots__ = ()

    def __getitem__(self, name: str) -> str:
        try:
            return str(_ENV(name))
        except LuaJobsError as error:
            raise KeyError(str(error)) from None

    def __contains__(self, name: str) -> bool:
        return name in _ENV

    def __iter__(self) -> Iterator[str]:
        return iter(self.copy())

    def __len__(self) -> int:
        return len(self.copy())

    def get(self, name: str, default: Any = None) -> Any:
        """Return a setting, or ``default`` where there is none."""
        return getenv(name, default)

    def keys(self) -> Any:
        return self.copy().keys()

    def values(self) -> Any:
        return self.copy().values()

    def items(self) -> Any:
        return self.copy().items()

    def copy(self) -> dict[str, Any]:
        """Return a dict of what is given to this job."""
        return dict(current().context.get("env") or {})

    def __setitem__(self, name: str, value: Any) -> NoReturn:
        raise TypeError(
            "a job's environment is the workspace's settings and cannot be changed by a run; "
            "keep the value in a variable"
        )

    __delitem__ = __setitem__

    def __repr__(self) -> str:
        return f"environ({list(self)})"


environ = make(Environ)


def getenv(key: str, default: Any = None) -> Any:
    """Return a setting, or ``default`` where there is none.

    Where that is None too, the log says so: what is set where the job was written need not be here.
    """
    found = _ENV(key, None)
    if found is not None:
        return found
    name = setting_name(key)
    told = current().unset_names
    if default is None and name not in told:
        told.add(name)
        current().log("warn", f"no setting {name!r} is given to this job, so this gave None")
    return default
