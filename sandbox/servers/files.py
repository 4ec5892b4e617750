"""Small things kept beside a server's data: locks, its port, its process id."""

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
# Below the range that Linux (32768…) and macOS (49152…) hand out to clients: there, a client that tries to
# come back to a stopped server would now and then be given the server's own port and connect to itself.
FIRST_PORT, LAST_PORT = 20_000, 32_000
POLL_SECONDS = 0.005


@dataclass(frozen=True)
class Note:
    """Where a server was started last: how others find it, and which port it asks for again."""

    port: int
    pid: int

    def write(self, path: Path) -> None:
        """Replace the note in one step, so that no reader sees half of it."""
        new = path.with_suffix(".new")
        new.write_text(f"{self.port} {self.pid}\n")
        new.replace(path)


def read_note(path: Path) -> Note | None:
    """Read a note; None if there is none that can be read."""
    try:
        port, pid = path.read_text().split()
        return Note(int(port), int(pid))
    except (OSError, ValueError):
        return None


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of this file, against threads and processes; waits as long as it takes."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def claim(path: Path, seconds: float) -> int | None:
    """Lock this file and return its descriptor, for a child to inherit; None: still held after `seconds`.

    The lock is free again when the last process that inherited the descriptor is gone, however it ended.
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
    """Whether somebody holds this file by `claim`, or a child that inherited it."""
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
    """Ask again and again until it is true; False when the time is over."""
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
