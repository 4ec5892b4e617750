"""Small files next to a server's data: locks, and the note of its port and process id; and free ports."""

import contextlib
import fcntl
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
# Below the ephemeral ports of Linux (32768…) and macOS (49152…). Within them, a client that reconnects to a stopped
# server would sometimes be given the server's own port and connect to itself.
FIRST_PORT, LAST_PORT = 20_000, 32_000
POLL_SECONDS = 0.005


@dataclass(frozen=True)
class Note:
    """The last start of a server: others find the server by it, and the server asks for the same port again."""

    port: int
    pid: int

    def write(self, path: Path) -> None:
        """Replace the note atomically, so that no reader sees half of it."""
        new = path.with_suffix(".new")
        new.write_text(f"{self.port} {self.pid}\n")
        new.replace(path)


def read_note(path: Path) -> Note | None:
    """Read a note; None if it is missing or unreadable."""
    try:
        port, pid = path.read_text().split()
        return Note(int(port), int(pid))
    except (OSError, ValueError):
        return None


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of this file against threads and processes; waits without a time-out."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def claim(path: Path, seconds: float) -> int | None:
    """Lock this file and return its descriptor, for a child to inherit; None: still held after `seconds`.

    The lock is released when the last process that inherited the descriptor has ended, however it ended.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        claimed = wait_until(lambda: _try_lock(descriptor), seconds)
    except BaseException:
        os.close(descriptor)
        raise
    if claimed:
        return descriptor
    os.close(descriptor)
    return None


def is_claimed(path: Path) -> bool:
    """Whether a process holds this file by `claim`, or a child that inherited the lock."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Poll the condition until it is true; False after a time-out."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def candidate_ports(remembered: int | None) -> Iterator[int]:
    """Yield ports of 127.0.0.1 that are free at this moment, the remembered one first; never ends."""
    if remembered is not None and port_is_free(remembered):
        yield remembered
    while True:
        port = FIRST_PORT + secrets.randbelow(LAST_PORT - FIRST_PORT)
        if port_is_free(port):
            yield port


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen(1)
        except OSError:
            return False
    return True
