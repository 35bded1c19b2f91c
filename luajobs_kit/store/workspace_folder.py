"""The workspace folder: made, its owner and mode checked, and that its file system keeps locks."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from luajobs_kit.errors import WorkspaceError
from luajobs_kit.state_files import refuse_foreign

_MOUNTS: Final = Path("/proc/self/mountinfo")
ELSEWHERE: Final = (
    "Use a folder on a local disk: set LUAJOBS_HOME to one, or pass it as the workspace."
)
# File systems over a network that accept a lock and tell no other machine of it.
_LOCKLESS: Final = frozenset(
    {"fuse.sshfs", "fuse.s3fs", "fuse.rclone", "fuse.gcsfuse", "fuse.mountpoint-s3", "fuse.goofys"}
)
_LOCAL_ONLY: Final = {  # mount options that keep locks on this machine
    "nfs": ("nolock", "local_lock=all", "local_lock=flock"),
    "nfs4": ("local_lock=all", "local_lock=flock"),
    "cifs": ("nobrl",),
    "smb3": ("nobrl",),
}


def prepare(folder: Path) -> None:
    """Make ``folder`` where it is missing, owner-only; refuse it where it cannot be used.

    Raises ``WorkspaceError``, saying what to do.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except FileExistsError as error:
        raise WorkspaceError(
            f"{folder} is a file, so it cannot be a workspace. Move it, or choose another folder "
            "with LUAJOBS_HOME."
        ) from error
    except OSError as error:
        raise unusable(folder, error) from error
    if os.name != "nt" and (owner := folder.stat().st_uid) != os.getuid():
        raise WorkspaceError(
            f"{folder} belongs to another user (uid {owner}; you are {os.getuid()}), who could "
            "have your jobs run their code. Choose a folder of your own with LUAJOBS_HOME."
        )
    if os.name != "nt" and (mode := folder.stat().st_mode) & 0o077:
        folder.chmod(mode & 0o700)  # made by hand, say: what is kept here is its owner's alone
    refuse_foreign(folder)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise unusable(folder, PermissionError("not writable"))
    if mount := mount_of(folder):
        mount.refuse_without_locks(folder)


def unusable(folder: Path, error: OSError) -> WorkspaceError:
    """Return the error for a folder in which nothing can be written."""
    return WorkspaceError(
        f"The workspace {folder} cannot be written ({error.strerror or error}). Make it writable "
        f"(chmod u+rwx {folder}), or choose another folder with LUAJOBS_HOME."
    )


@dataclass(frozen=True, slots=True)
class Mount:
    """A mounted file system: where, what kind, and its options."""

    point: str
    kind: str
    options: tuple[str, ...]

    def refuse_without_locks(self, folder: Path) -> None:
        """Raise ``WorkspaceError`` where a lock here would not be seen by other machines."""
        option = next((o for o in self.options if o in _LOCAL_ONLY.get(self.kind, ())), None)
        if option is not None:
            raise WorkspaceError(
                f"{folder} is on a network file system ({self.kind}, mounted at {self.point} with "
                f"{option}), whose locks other machines do not see: two engines could own it at "
                f"once. {ELSEWHERE}"
            )
        if self.kind in _LOCKLESS:
            raise WorkspaceError(
                f"{folder} is on {self.kind} (mounted at {self.point}), which has no locks between "
                f"machines: two engines could own it at once. {ELSEWHERE}"
            )


def mount_of(folder: Path, mounts: Path = _MOUNTS) -> Mount | None:
    """Return the file system ``folder`` is on; None where the system does not say (no Linux)."""
    try:
        lines = mounts.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return None
    place = str(folder.resolve())
    found: Mount | None = None
    for line in lines:
        # https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html
        before, _, after = line.partition(" - ")
        point = before.split(" ")[4].replace("\\040", " ")
        inside = place == point or place.startswith(point.rstrip("/") + "/")
        if inside and (found is None or len(point) >= len(found.point)):
            kind, _, options = after.split(" ", 2)
            found = Mount(point, kind, tuple(options.split(",")))
    return found
