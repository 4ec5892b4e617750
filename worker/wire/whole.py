"""Defines for all wires when a response is complete, and its maximum size."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime

from worker.wire.protocol import Reply, Unknown

LARGEST_BODY = 1 << 20  # bytes; Zalo's responses have a few hundred
TOO_LARGE = "answer too large"
CUT_OFF = "answer cut off"

_ENDS = frozenset({"content-length", "transfer-encoding"})
_EMPTY = frozenset({204, 304})  # these have no body and no length


def whole(reply: Reply) -> Reply | Unknown:
    """Return the reply, or `Unknown` if it is truncated: parsers accept a cut-off head as a response without a body."""
    if not reply.body and not _ENDS.intersection(reply.headers) and reply.status not in _EMPTY:
        return Unknown(CUT_OFF, reply.ms, reply.connect_ms, reply.first_byte_ms)
    return reply


def date_of(reply: Reply) -> datetime | None:
    """Return the server's time from the `Date` header (whole seconds, UTC); None if it is missing or invalid."""
    try:
        return parsedate_to_datetime(reply.headers["date"])
    except (KeyError, ValueError):
        return None
