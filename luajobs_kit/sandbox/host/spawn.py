"""The start of the fork server's interpreter, with the packages it may import."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any, Final

# The program that the interpreter is given. It can import the standard library and, of all
# installed packages, only those named in the options: nothing of a notebook's environment.
_BOOT: Final = """
import json, sys
from importlib.machinery import PathFinder
options = json.loads(sys.argv[1])
class Named:
    @staticmethod
    def find_spec(name, path=None, target=None):
        root = options["roots"].get(name) if path is None else None
        return None if root is None else PathFinder.find_spec(name, [root])
sys.meta_path.append(Named)
from luajobs_kit.sandbox.server.fork_server import main
main(options["control"], options)
"""


def start(
    options: dict[str, Any], control: int, hash_seed: int | None, error_output: IO[bytes]
) -> subprocess.Popen[bytes]:
    """Start a fork server on the control socket ``control``, in a session of its own.

    Its error output goes to ``error_output``. Raises ``OSError`` when it cannot be started.
    """
    if not sys.executable:
        raise OSError("this Python does not know its own executable (sys.executable)")
    # -I ignores the environment, PYTHONHASHSEED with it. A seeded sandbox is isolated by the
    # separate flags instead; its environment holds nothing else that Python reads.
    flags = ["-I"] if hash_seed is None else ["-P", "-s"]
    # C functions are resolved at the start: resolving one at its first call in a child would
    # write to a page of memory that all children share, and copy it.
    environment = {"LD_BIND_NOW": "1"}
    if hash_seed is not None:
        environment["PYTHONHASHSEED"] = str(hash_seed)
    options = {
        **options,
        "control": control,
        "roots": _roots({"luajobs_kit", options["world"], options["policy"]}),
    }
    return subprocess.Popen(  # noqa: S603  # our own interpreter, our own program
        [sys.executable, *flags, "-S", "-c", _BOOT, json.dumps(options)],
        env=environment,
        pass_fds=(control,),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=error_output,
        start_new_session=True,
    )


def _roots(modules: Iterable[str]) -> dict[str, str]:
    """Return, by name, the folders of the packages a fork server may import."""
    found = {}
    for name in {module.partition(".")[0] for module in modules} | {"RestrictedPython", "tzdata"}:
        spec = importlib.util.find_spec(name)
        if spec is None:
            continue
        places = list(spec.submodule_search_locations or ()) or [spec.origin or ""]
        found[name] = str(Path(places[0]).resolve().parent)
    return found
