"""A template process from which the fork servers of tests are forked, all imports done.

A fork server is mostly imports, and a thousand tests open an engine of their own. From the fork
on, everything is as it is in a fork server that was started by itself.
"""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import weakref

from luajobs_kit.sandbox.host import spawn

WORLD, POLICY = "luajobs_kit.guest.world", "luajobs_kit.sandbox.policy.compile"

# In place of the last lines of the program in ``spawn``: imports, then a fork for each request.
_SERVE = f"""
import contextlib, os, socket
from luajobs_kit.sandbox.server import fork_server
from {POLICY.rpartition(".")[0]} import {POLICY.rpartition(".")[2]} as policy
world = fork_server._without_hooks({WORLD!r})
world.preload()
for _ in range(fork_server.REHEARSALS):
    fork_server.child.rehearse(world, policy)
fork_server.REHEARSALS = 0
requests = socket.socket(fileno=options["control"])
while True:
    request, descriptors, _, _ = socket.recv_fds(requests, 65536, 2)
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    if not request:
        os._exit(0)
    pid = os.fork()
    if pid:
        for descriptor in descriptors:
            os.close(descriptor)
        requests.send(b"%d" % pid)
        continue
    requests.close()
    os.setsid()
    control, last_words = descriptors
    os.dup2(last_words, 2)
    os.close(last_words)
    fork_server.main(control, json.loads(request))
    break  # nothing more: the fork server has emptied this module
"""


class Forked:
    """One fork server, with the methods of ``Popen`` that its owner calls."""

    def __init__(self, pid):
        self.pid = pid
        self._descriptor = None
        with contextlib.suppress(ProcessLookupError):  # it has ended already
            self._descriptor = os.pidfd_open(pid)
            weakref.finalize(self, os.close, self._descriptor)

    def poll(self):
        return 0 if self._ended(0) else None

    def wait(self, timeout=None):
        if not self._ended(timeout):
            raise subprocess.TimeoutExpired("fork server", timeout)
        return 0

    def kill(self):
        if self._descriptor is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)

    def _ended(self, timeout):
        descriptor = self._descriptor
        return descriptor is None or bool(select.select([descriptor], [], [], timeout)[0])


class WarmForkServer:
    """The template; ``start`` takes the place of ``spawn.start``."""

    def __init__(self):
        self._start = spawn.start
        self._requests = None

    def start(self, options, control, hash_seed, last_words):
        if hash_seed is not None or (options["world"], options["policy"]) != (WORLD, POLICY):
            return self._start(options, control, hash_seed, last_words)
        if self._requests is None:
            self._requests = self._begin()
        request = json.dumps(options).encode()
        socket.send_fds(self._requests, [request], [control, last_words.fileno()])
        return Forked(int(self._requests.recv(64)))

    def close(self):
        if self._requests is not None:
            self._requests.close()
            self._process.wait()

    def _begin(self):
        ours, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
        boot = spawn._BOOT.partition("from luajobs_kit")[0] + _SERVE
        asked = {"control": theirs.fileno(), "roots": spawn._roots({"luajobs_kit"})}
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", boot, json.dumps(asked)],
            env={"LD_BIND_NOW": "1"},
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        theirs.close()
        return ours
