"""The instants at which a process can be made to stand still: pausing.py says how."""

from __future__ import annotations

CLAIMED, MARKED, CONNECTING, CONNECTED, SENT = "claimed", "marked", "connecting", "connected", "sent"

INSTANTS = {
    CONNECTING: "libcurl has opened a socket, and it is not connected",
    CONNECTED: "the connection stands, and the request's first byte has not left",
    CLAIMED: "the claim is committed, and the mark not yet written",
    MARKED: "the mark is written, and the call not yet handed to libcurl: the connection is one that was kept",
    SENT: "the request has left and was answered, and the answer is not recorded",
}
