"""Closes a connection with RST, as the kernel does for a process killed with unread bytes."""

import asyncio
import socket
import struct

# Close at once and send RST instead of FIN: "linger" on, for zero seconds.
LINGER_ZERO = struct.pack("ii", 1, 0)


def reset(transport: asyncio.BaseTransport) -> None:
    """Close a connection with RST and discard unsent bytes."""
    connection = transport.get_extra_info("socket")
    if connection is not None and isinstance(transport, asyncio.WriteTransport):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
        transport.abort()
