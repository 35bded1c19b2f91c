"""Run the tests that lean on Python itself, and the demo, with other Pythons than this one.

Run by ``make test-pythons``; not collected by pytest. The Pythons are those of ``PYTHONS=``
(paths or names, with blanks between), else every ``python3.N`` on PATH that runs, and those of a
Debian root beside them, where this is run as root and debootstrap is installed; not the one that
``make test`` has used. The newest gets all of these tests, the others the corpora: some ten
minutes on two cores. A machine without any other Python is told so and fails nothing.

``--root`` only makes that root. What was not tried is named at the end.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from apart import ROOT, run_apart

VERSIONS = tuple(f"3.{minor}" for minor in range(11, 16))
PART = ["tests/sandbox", "tests/guest", "tests/bundle"]
CORPORA = ["tests/sandbox/test_corpus.py"]
DEBIAN = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "luajobs-debian"
LONGEST_DOWNLOAD = 300  # seconds; a machine without a network is not waited for
SEEN_AS = "/src"  # where the checkout is seen from inside the root
_ASK = (
    "import sys, sysconfig; print('%d.%d' % sys.version_info[:2], "
    "'free-threaded' if sysconfig.get_config_var('Py_GIL_DISABLED') else '')"
)
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
# A root of its own, not chroot: from inside a chroot the kernel makes no namespaces.
_ENTER = f"""\
set -e
mount --rbind "$1" "$1"; cd "$1"; mkdir -p mnt/old .{SEEN_AS}
mount --rbind /proc proc; mount --rbind /dev dev; mount --bind "$2" .{SEEN_AS}
pivot_root . mnt/old; umount -l /mnt/old; cd /; shift 2
exec "$@"
"""


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--this", action="store_true", help="try the Python this is run with")
    options.add_argument("--corpora", action="store_true", help="of the tests, the corpora alone")
    options.add_argument("--root", action="store_true", help="make the Debian root, and no more")
    chosen = options.parse_args()
    if chosen.this:
        return try_this(CORPORA if chosen.corpora else PART)
    if chosen.root:
        make_root()
        return 0
    asked = os.environ.get("PYTHONS", "").split()
    found = {version_of(each) or f"{each} (does not run)": [each] for each in asked}
    if not asked:
        found = dict(on_path())
        for version, python in in_root().items():
            found.setdefault(version, python)
        found.pop("{}.{}".format(*sys.version_info), None)
        if not found:
            _say("There is no other Python here, so none was tried. PYTHONS= names some.")
            return 0
    tried: dict[str, int] = {}
    for version in [each for each in reversed(VERSIONS) if each in found]:
        _say(f"== Python {version}: {found[version][-1]}")
        command = [*found[version], str(_script(found[version])), "--this"]
        if tried:
            command.append("--corpora")
        tried[version] = subprocess.run(command, check=False).returncode
    for version, status in tried.items():
        _say(f"Python {version}: {'passed' if status == 0 else 'FAILED'}")
    left = [each for each in dict.fromkeys([*VERSIONS, *found]) if each not in tried]
    for version in left:
        _say(f"Python {version}: not tried")
    asked_in_vain = set(left) - {*VERSIONS}
    return 0 if tried and not any(tried.values()) and not asked_in_vain else 1


def try_this(part: list[str]) -> int:
    """Install the kit for this interpreter in an environment of its own; run tests and demo."""
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        failed = run_apart(place, [f"luajobs-kit[all] @ {ROOT.as_uri()}"], part)
        demo = [str(place / "venv" / "bin" / "luajobs"), "demo"]
        return failed or subprocess.run(demo, cwd=place, check=False).returncode


def version_of(python: str) -> str | None:
    """Return which Python a command is; None for one that does not run (a shim of no version)."""
    try:
        done = subprocess.run([python, "-c", _ASK], check=False, capture_output=True, text=True)
    except OSError:
        return None
    return " ".join(done.stdout.split()) or None


def on_path() -> Iterator[tuple[str, list[str]]]:
    """Give every version on PATH with the first command that runs and is what its name says."""
    for version in VERSIONS:
        for folder in os.get_exec_path():
            python = shutil.which(f"python{version}", path=folder)
            if python is not None and version_of(python) == version:
                yield version, [python]
                break


# A Debian root


def in_root() -> dict[str, list[str]]:
    """Return by version how Pythons of the Debian root are started; make it where that can be."""
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        return {}
    if not (DEBIAN / "usr" / "bin" / "python3").exists():
        try:
            make_root()
        except (LookupError, OSError, subprocess.SubprocessError) as why:
            _say(f"No Debian root can be made here: {why}")
            return {}
    pythons = {each: DEBIAN / "usr" / "bin" / f"python{each}" for each in VERSIONS}
    return {
        each: inside(DEBIAN, f"/usr/bin/{path.name}")
        for each, path in pythons.items()
        if path.exists()
    }


def inside(root: Path, *command: str) -> list[str]:
    """Return a command that runs another with a Debian root for its own."""
    kept = [f"{name}={os.environ[name]}" for name in os.environ if name.lower().endswith("_proxy")]
    kept += [f"PIP_CERT={_CERTIFICATES}", "HOME=/root", "PATH=/usr/bin:/bin", "LANG=C.UTF-8"]
    enter = ["unshare", "--mount", "sh", "-c", _ENTER, "sh", str(root), str(ROOT)]
    return [*enter, "env", "-i", *kept, *command]


def make_root() -> None:
    """Make the root, with every Python of ours that Debian's development version has."""
    DEBIAN.parent.mkdir(parents=True, exist_ok=True)
    source = mirror(Path("/etc/apt"))
    begun = Path(tempfile.mkdtemp(prefix="luajobs-debian-", dir=DEBIAN.parent))
    try:
        fill_root(begun, source)
        begun.rename(DEBIAN)  # one that was not finished is not taken for one
    finally:
        shutil.rmtree(begun, ignore_errors=True)


def fill_root(begun: Path, source: str) -> None:
    begun.chmod(0o755)  # its apt works as another user
    included = "--include=ca-certificates,git"
    made = [
        "debootstrap",
        "--variant=minbase",
        included,
        "sid",
        str(begun),
        source,
    ]
    subprocess.run(made, check=True, timeout=LONGEST_DOWNLOAD)
    for each in ("/etc/resolv.conf", "/etc/hosts", str(_CERTIFICATES)):
        if Path(each).exists():
            shutil.copyfile(each, f"{begun}{each}")
    listed = inside(begun, "apt-cache", "search", "--names-only", r"^python3\.[0-9]+-venv$")
    there = subprocess.run(listed, check=True, capture_output=True, text=True).stdout
    wanted = [f"python{each}-venv" for each in VERSIONS if f"python{each}-venv " in there]
    install = ["apt-get", "install", "-qq", "--no-install-recommends", "python3", *wanted]
    quiet = ["env", "DEBIAN_FRONTEND=noninteractive"]
    subprocess.run(inside(begun, *quiet, *install), check=True, timeout=LONGEST_DOWNLOAD)


def mirror(apt: Path) -> str:
    """Return where this machine takes Debian from. Raises ``LookupError`` if it takes none."""
    files: Iterable[Path] = [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]
    for file in files:
        text = file.read_text("utf-8") if file.exists() else ""
        said = re.search(
            r"^(?:URIs:|deb)\s+(?:\[.*?\]\s+)?(\S+://\S*debian/?)(?:\s|$)", text, re.MULTILINE
        )
        if said:
            return said[1]
    raise LookupError(f"no Debian mirror is named in {apt}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _script(command: list[str]) -> Path:
    within = Path(SEEN_AS) if command[0] == "unshare" else ROOT
    return within / "tests" / Path(__file__).name


if __name__ == "__main__":
    sys.exit(main())
