"""Starts our processes as forks of one that has imported everything: most of what a start costs are imports.

A process that is started so is a child of the test's process, in a session of its own, like one that was executed; only
its command line in /proc is another one. What is none of `_PROGRAMS` is executed.

The test's process becomes the reaper of orphans for the moment of a start: the zygote forks a process that forks ours
and ends.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import shlex
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import IO, Any, Self

from config.settings import ROOT

_IMPORTED = (
    "celery.__main__",
    "celery.bin.celery",
    "celery.apps.worker",
    "celery.apps.beat",
    "celery.concurrency.prefork",
    "kombu.transport.redis",
    "sqlalchemy.dialects.postgresql.psycopg2",
    "operators.cli.main",
    "operators.checks.examine",
    "operators.alarms",
    "operators.world",
    "operators.cli.up",
    "ledger.notices.verbs",
    "producers.digest",
    "producers.dossiers.check",
    "producers.dossiers.poll",
    "worker.delivery.deliver",
    "worker.upkeep.follower_sync",
    "sandbox.zalo.client",
    "sandbox.zalo.__main__",
)
_PROGRAMS: dict[str, tuple[str, str]] = {
    "celery": ("celery.__main__", "main"),
    "hcc": ("operators.cli.main", "main"),
    "sandbox.zalo": ("sandbox.zalo.__main__", "main"),
}
_LARGEST = 1 << 20  # bytes of a request
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER, of linux/prctl.h


class Zygote:
    """Launches processes, and begins with the first; ended by leaving the `with` block. Linux only."""

    _process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            self._ours.close()
            self._process.wait()

    def _begin(self) -> None:
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.zygote", str(theirs.fileno())], cwd=ROOT, pass_fds=[theirs.fileno()]
            )

    def launch(self, command: str, environment: Mapping[str, str], log: IO[bytes]) -> subprocess.Popen[bytes] | None:
        """Start a command of the Procfile; None where it is not one of ours."""
        words = shlex.split(command)
        given = dict(environment)
        if words and words[0] == "env":
            words = words[1:]
            while words and "=" in words[0] and not words[0].startswith("-"):
                name, _, value = words.pop(0).partition("=")
                given[name] = value
        if not words or words[0] not in _PROGRAMS or any(given.get(name) != os.environ.get(name) for name in _FIXED):
            return None
        return self._fork(words, given, log)

    def launch_zalo(self, command: Sequence[str], log: IO[bytes]) -> subprocess.Popen[bytes] | None:
        """Start the sandbox's Zalo; None where it has a prefix, so that it is another program that starts it."""
        if tuple(command[:3]) != (sys.executable, "-m", "sandbox.zalo"):
            return None
        return self._fork(list(command[2:]), dict(os.environ), log)

    def _fork(self, words: list[str], given: dict[str, str], log: IO[bytes]) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._begin()
        request = json.dumps({"words": words, "environment": given}).encode()
        _reap_orphans(True)
        try:
            socket.send_fds(self._ours, [request], [log.fileno()])
            pid = int(self._ours.recv(64))
        finally:
            _reap_orphans(False)
        return _adopted(pid, shlex.join(words))


_FIXED = ("PYTHONPATH", "LD_PRELOAD", "PYTHONHOME")
"""What only an executed process takes in."""


def _reap_orphans(on: bool) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, int(on), 0, 0, 0)


def _adopted(pid: int, command: str) -> subprocess.Popen[bytes]:
    """As `Popen` would have it, of a child that it did not start itself."""
    process: subprocess.Popen[bytes] = subprocess.Popen.__new__(subprocess.Popen)
    process.args, process.pid, process.returncode = command, pid, None  # type: ignore[assignment]  # it runs
    process.stdin = process.stdout = process.stderr = None
    for name, value in {"_child_created": True, "_waitpid_lock": threading.Lock(), "_sigint_wait_secs": 0.25}.items():
        setattr(process, name, value)
    return process


def _serve(ours: socket.socket) -> Callable[[], object] | None:
    """Fork for each request; gives what a fork has to run, None at the end of all requests."""
    tests = os.getppid()
    while True:
        request, fds, _, _ = socket.recv_fds(ours, _LARGEST, 1)
        if not request:
            return None
        told, tell = os.pipe()
        between = os.fork()
        if between == 0:
            pid = os.fork()
            if pid == 0:
                for fd in (told, tell):
                    os.close(fd)
                ours.close()
                while os.getppid() != tests:  # a program that looks for its parent has to find the test's process
                    time.sleep(0.001)
                return _become(json.loads(request), fds[0])
            os._exit(0 if os.write(tell, str(pid).encode()) else 1)
        os.waitpid(between, 0)  # only now ours is a child of the test's process
        os.close(tell)
        ours.send(os.read(told, 64))
        for fd in (*fds, told):
            os.close(fd)


def _become(request: Mapping[str, Any], log: int) -> Callable[[], object]:
    """Take on the session, output, environment and words of a process of its own."""
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = list(request["words"])
    module, name = _PROGRAMS[sys.argv[0]]
    main: Callable[[], object] = getattr(import_module(module), name)
    return main


def _main() -> None:
    for name in _IMPORTED:
        import_module(name)
    gc.collect()
    gc.freeze()
    run = _serve(socket.socket(fileno=int(sys.argv[1])))
    if run is not None:
        sys.exit(run())  # type: ignore[arg-type]  # a status, or nothing


if __name__ == "__main__":
    _main()
