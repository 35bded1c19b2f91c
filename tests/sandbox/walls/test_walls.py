# ruff: noqa: ASYNC240  # other processes are watched through /proc
"""The operating system's walls, tried by code that no policy holds back."""

import os
import platform
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from luajobs_kit.errors import SandboxError, UnsupportedPlatform
from luajobs_kit.sandbox import Sandbox, doctor
from luajobs_kit.sandbox.walls import seccomp
from luajobs_kit.sandbox.walls.walls import WALLS

linux = pytest.mark.skipif(sys.platform != "linux", reason="these walls are Linux's")


@linux
@pytest.mark.parametrize("name", WALLS)
async def test_each_wall_holds_by_itself_or_says_why_not(name):
    (wall,) = await doctor.report([name])
    assert wall.stops
    if not wall.holds:
        # Skipped by the kernel is a fact of this machine; raised and useless is a fault.
        assert wall.note
        assert "got through" not in wall.note


@linux
@pytest.mark.parametrize("name", ["limits", "hidden", "privileges", "namespaces", "landlock"])
async def test_without_the_wall_the_same_try_gets_through(name):
    if name == "privileges" and os.geteuid() != 0:
        pytest.skip("an ordinary user has no capabilities to lose")
    wall = await doctor.try_wall(name, raised=False)
    assert (wall.holds, wall.note) == (False, "not raised, and a child got through")


OVERLAPPING = [
    "open('/etc/passwd')",
    "os.listdir('/')",
    "os.listdir('.')",
    "os.open('.', os.O_RDONLY)",
    "os.mkdir('/tmp/made')",
    "os.symlink('/etc/passwd', '/tmp/link')",
    "os.unlink('/tmp/x')",
    "os.getcwd()",
    "open('/proc/self/mem', 'rb')",
    "open('/dev/urandom', 'rb')",
    "open(f'/proc/{os.getppid()}/mem', 'rb')",
    "socket.socket()",
    "socket.socket(socket.AF_UNIX)",
    "socket.socketpair()",
    "socket.create_connection(('127.0.0.1', 22))",
    "os.posix_spawn('/bin/true', ['true'], {})",
    "subprocess.run(['true'])",
    "os.setuid(0)",
    "os.pipe()",
    "os.memfd_create('x')",
    "os.dup(0)",
    "os.eventfd(0)",
    "os.pidfd_open(os.getppid())",
    "resource.setrlimit(resource.RLIMIT_CPU, (1000, 1000))",
    "libc('prctl', 22, 0, 0, 0, 0)",
    "libc('mount', 0, 0, 0, 0, 0)",
    "libc('syscall', 425, 8, 0)",
    "libc('syscall', 321, 0, 0, 0)",
]
"""What seccomp refuses, and without it Landlock, the namespaces or the limit on descriptors."""

BY_PYTHON = [
    "open('/etc/passwd')",
    "open('/dev/urandom', 'rb')",
    "os.open('.', os.O_RDONLY)",
    "os.listdir('/')",
    "os.scandir('/')",
    "os.mkdir('/tmp/made')",
    "os.rename('/tmp/x', '/tmp/y')",
    "os.unlink('/tmp/x')",
    "os.symlink('/etc/passwd', '/tmp/link')",
    "os.chmod('/tmp', 0o777)",
    "os.fork()",
    "os.system('true')",
    "os.execv('/bin/true', ['true'])",
    "os.posix_spawn('/bin/true', ['true'], {})",
    "subprocess.run(['true'])",
    "os.kill(os.getppid(), 9)",
    "socket.socket()",
    "socket.create_connection(('127.0.0.1', 22))",
    "mmap.mmap(-1, 4096)",
    "ctypes.CDLL(None)",
    "ctypes.string_at(id(job))",
    "__import__('wave')",
    "f.__code__.replace(co_name='g')",
    "sys._current_frames()",
    "sys.settrace(print)",
    "gc.get_objects()",
]
"""What Python asks about before it does it, with no other wall up."""

BY_SECCOMP_ALONE = [
    "os.chdir('/')",
    "os.fork()",
    "threading.Thread(target=print).start()",
    "os.sched_setaffinity(0, {0})",
    "mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)",
    "libc('ptrace', 0, 0, 0, 0)",
    "libc('process_vm_readv', os.getppid(), 0, 0, 0, 0, 0)",
    "libc('prctl', 4, 1, 0, 0, 0)",
    "libc('shmget', 0, 4096, 0o1600)",
]

TO_OTHERS = [
    "os.forkpty()",
    "os.execv('/bin/true', ['true'])",
    "os.kill(os.getppid(), 9)",
    "os.kill(os.getpid(), 0)",
    "os.kill(-1, 9)",
    "os.killpg(0, 9)",
    "os.setsid()",
    "resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1))",
    "os.nice(-5)",
]
"""Would reach other processes, the fork server first, on a kernel whose Landlock has no scopes."""


def attempt(attack: str) -> str:
    return f"""
import gc, mmap, os, resource, socket, subprocess, sys, threading
try:
    import ctypes
except ImportError as gone:  # where Python's own wall stands it is out of reach
    class ctypes:
        def CDLL(*_, gone=gone, **__): raise gone
        string_at = CDLL
def libc(name, *arguments):
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), 'refused')
def f(job):
    try:
        {attack}
    except (OSError, RuntimeError, ValueError, LookupError, ImportError) as error:
        return 'refused: ' + str(error)
    return 'got through'
"""


@linux
@pytest.mark.parametrize("attack", OVERLAPPING + BY_SECCOMP_ALONE + TO_OTHERS)
async def test_a_system_call_that_reaches_out_is_refused(sandbox, run_in, attack):
    outcome = await run_in(sandbox, attempt(attack))
    assert outcome.status == "completed", outcome.error
    assert outcome.result.startswith("refused"), outcome.result


@linux
@pytest.mark.parametrize(
    ("down", "attacks"),
    [
        pytest.param("seccomp", OVERLAPPING, id="seccomp"),
        *(
            pytest.param(name, OVERLAPPING + BY_SECCOMP_ALONE, id=name, marks=pytest.mark.soak)
            for name in ("limits", "hidden", "privileges", "namespaces", "landlock")
        ),
    ],
)
async def test_with_one_wall_down_the_others_still_refuse(plain_sandbox, run_in, down, attacks):
    walls = set(WALLS) - {down, "interpreter"}
    async with plain_sandbox(walls=walls) as sandbox:
        if not all(wall.holds for wall in sandbox.walls() if wall.name in walls):
            pytest.skip("this kernel lacks a wall that the others would stand in for")
        outcomes = [await run_in(sandbox, attempt(attack)) for attack in attacks]
    told = {a: o.result for a, o in zip(attacks, outcomes, strict=True)}
    assert {a: r for a, r in told.items() if r is None or not r.startswith("refused")} == {}


async def test_python_itself_refuses_what_no_other_wall_stops(plain_sandbox, run_in):
    async with plain_sandbox(walls={"interpreter"}) as sandbox:
        told = {attack: (await run_in(sandbox, attempt(attack))).result for attack in BY_PYTHON}
    assert {a: r for a, r in told.items() if r is None or not r.startswith("refused")} == {}


async def test_a_codec_that_is_not_there_is_unknown_as_ever(plain_sandbox, run_in):
    async with plain_sandbox(walls={"interpreter"}) as sandbox:
        outcome = await run_in(sandbox, "def f(job): 'x'.encode('cp1250')")
    assert (outcome.error.type, outcome.error.message) == (
        "LookupError",
        "unknown encoding: cp1250",
    )


@linux
@pytest.mark.skipif(platform.machine() != "x86_64", reason="x86-64's second table")
async def test_a_call_of_the_32_bit_table_ends_the_process(sandbox, run_in):
    source = "import ctypes\ndef f(job): ctypes.CDLL(None).syscall(0x40000000 + 39)"
    outcome = await run_in(sandbox, source)
    assert outcome.status == "killed"
    assert "system call" in outcome.error.message


@linux
async def test_a_child_sees_nothing_of_the_engine(sandbox, run_in, monkeypatch):
    monkeypatch.setenv("LUA_API_KEY", "very secret")
    source = """
import os, sys
def f(job):
    return [dict(os.environ), [name for name in sys.modules if 'pydantic' in name],
            [path for path in sys.path if 'site-packages' in path]]
"""
    assert (await run_in(sandbox, source)).result == [{}, [], []]


@linux
async def test_a_spare_shows_the_kernel_that_its_walls_stand(plain_sandbox, run_in):
    async with plain_sandbox(spares=1) as sandbox:
        await run_in(sandbox, "def f(job): return 1")
        source = "import os\ndef f(job): return call('a.b', pid=os.getpid())"
        seen = {}

        async def serve(verb, arguments):
            text = Path(f"/proc/{arguments['pid']}/status").read_text()
            seen.update(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)

        await run_in(sandbox, source, serve=serve)
        assert int(seen["CapEff"], 16) == int(seen["CapPrm"], 16) == 0
        assert (seen["NoNewPrivs"], seen["Threads"]) == ("1", "1")
        if next(wall for wall in sandbox.walls() if wall.name == "seccomp").holds:
            assert seen["Seccomp"] == "2"


@linux
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_the_walls_hold_for_an_ordinary_user_too(ordinary_user):
    script = (
        "import asyncio\n"
        "from luajobs_kit.sandbox import doctor\n"
        "for wall in asyncio.run(doctor.report()):\n"
        "    print(wall.name, wall.holds, wall.note, sep='|')\n"
    )
    found = dict(line.split("|", 1) for line in ordinary_user.run("-c", script).splitlines())
    assert set(found) == set(WALLS)
    assert not any("got through" in note for note in found.values()), found
    assert all(found[name].startswith("True") for name in ("limits", "hidden", "privileges"))


@pytest.mark.parametrize("name", seccomp.MACHINES)
def test_the_filter_decides_as_its_table_says(name):
    machine = seccomp.MACHINES[name]
    program = seccomp.program(machine)
    allowed, refused, killed = 0x7FFF0000, 0x00050001, 0x80000000
    for number in range(600):
        expected = allowed if number in machine.calls.values() else refused
        assert interpret(program, machine.audit, number) == expected
    for guarded in ("mmap", "mprotect"):
        assert interpret(program, machine.audit, machine.calls[guarded], 0x4) == refused
        assert interpret(program, machine.audit, machine.calls[guarded], 0x3) == allowed
    assert interpret(program, machine.audit ^ 1, machine.calls["read"]) == killed
    x32 = interpret(program, machine.audit, 0x40000000 + machine.calls["read"])
    assert x32 == (killed if machine.x32 else refused)


def interpret(program: bytes, audit: int, number: int, third: int = 0) -> int:
    """Run the filter as the kernel would."""
    data = struct.pack("<IIQ6Q", number, audit, 0, 0, 0, third, 0, 0, 0)
    at, word = 0, 0
    while True:
        code, if_true, if_false, operand = struct.unpack_from("<HBBI", program, at * 8)
        at += 1
        if code == 0x20:
            (word,) = struct.unpack_from("<I", data, operand)
        elif code == 0x06:
            return operand
        else:
            holds = {0x15: word == operand, 0x35: word >= operand, 0x45: bool(word & operand)}[code]
            at += if_true if holds else if_false


@linux
async def test_a_kernel_without_a_wall_is_reported_and_the_rest_stands(plain_sandbox, run_in):
    walls = set(WALLS) - {"landlock", "namespaces", "interpreter"}
    async with plain_sandbox(walls=walls) as sandbox:
        report = {wall.name: wall for wall in sandbox.walls()}
        assert not report["landlock"].holds
        assert report["landlock"].note == "switched off"
        assert report["seccomp"].holds
        outcome = await run_in(sandbox, "def f(job): open('/etc/passwd')")
        assert outcome.error.type == "PermissionError"


async def test_windows_is_refused_and_pointed_to_wsl(monkeypatch):
    monkeypatch.setattr("luajobs_kit.sandbox.host.fork_server_client.sys.platform", "win32")
    with pytest.raises(UnsupportedPlatform, match="WSL"):
        await Sandbox().__aenter__()


async def test_a_python_that_cannot_be_started_again_is_a_clear_error(monkeypatch):
    monkeypatch.setattr("luajobs_kit.sandbox.host.fork_server_client.sys.executable", "")
    with pytest.raises(SandboxError, match="cannot be started"):
        await Sandbox().__aenter__()


@linux
def test_the_engine_can_hide_itself():
    script = (
        "import ctypes; from luajobs_kit.sandbox import conceal; "
        "print(conceal(), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["True", "0"]
