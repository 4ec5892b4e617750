"""What every socket of ours to a provider promises: a connection that is given up takes its unsent bytes with it.

Closed in the usual way, a socket leaves what it was given to the kernel, which goes on sending it for minutes while the
network is silent: a request that we gave up would arrive after we found that it had not. With SO_LINGER at zero seconds
`close` drops what has not been acknowledged, and resets the connection. It holds for every way in which a socket is
closed, also for the end of its process by `kill -9`. Source: socket(7), SO_LINGER.

A process that stands still closes nothing. So TCP_USER_TIMEOUT bounds what the kernel goes on with by itself: what is
not acknowledged in as long as an answer may take is dropped. Source: tcp(7); Linux only.
"""

from __future__ import annotations

import socket
import struct
from typing import TypeAlias

Option: TypeAlias = tuple[int, int, int | bytes]

_AT_ONCE = struct.pack("ii", 1, 0)  # struct linger: on, for 0 seconds


def options(timeout_seconds: float) -> list[Option]:
    """The options (level, name, value) of a socket whose calls may take so long."""
    promised: list[Option] = [
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
        (socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE),
    ]
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        promised.append((socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, max(1, round(timeout_seconds * 1000))))
    return promised


def promise(number: int, promised: list[Option]) -> None:
    """Set `promised` on the socket with this file number, which somebody else owns. Raises `OSError`."""
    borrowed = socket.socket(fileno=number)
    try:
        for option in promised:
            borrowed.setsockopt(*option)
    finally:
        borrowed.detach()
