"""Socket options for all connections to providers: closing an abandoned connection discards its unsent bytes.

After an ordinary `close` the kernel keeps retransmitting buffered bytes for minutes while the network is silent. An
abandoned request could then arrive after we had concluded that it did not. With SO_LINGER at zero seconds, `close`
discards unacknowledged bytes and resets the connection. This applies however the socket is closed, including when
`kill -9` ends its process. Source: socket(7), SO_LINGER.

A suspended process closes nothing. TCP_USER_TIMEOUT therefore limits how long the kernel retransmits by itself: bytes
not acknowledged within the response time-out are dropped. Source: tcp(7); Linux only.
"""

from __future__ import annotations

import socket
import struct
from typing import TypeAlias

Option: TypeAlias = tuple[int, int, int | bytes]

_AT_ONCE = struct.pack("ii", 1, 0)  # struct linger: on, for 0 seconds


def options(timeout_seconds: float) -> list[Option]:
    """The options (level, name, value) for a socket whose calls time out after `timeout_seconds`."""
    promised: list[Option] = [
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
        (socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE),
    ]
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        promised.append((socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, max(1, round(timeout_seconds * 1000))))
    return promised


def promise(number: int, promised: list[Option]) -> None:
    """Set `promised` on the socket with this file descriptor, without taking ownership. Raises `OSError`."""
    borrowed = socket.socket(fileno=number)
    try:
        for option in promised:
            borrowed.setsockopt(*option)
    finally:
        borrowed.detach()
