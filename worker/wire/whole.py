"""What every wire holds to be a whole answer, and how large one may be."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime

from worker.wire.protocol import Reply, Unknown

LARGEST_BODY = 1 << 20  # bytes; Zalo's answers are a few hundred
TOO_LARGE = "answer too large"
CUT_OFF = "answer cut off"

_ENDS = frozenset({"content-length", "transfer-encoding"})
_EMPTY = frozenset({204, 304})  # these have no body and no length


def whole(reply: Reply) -> Reply | Unknown:
    """The reply; but to a parser a head that breaks off is a whole answer without a body, and that is none."""
    if not reply.body and not _ENDS.intersection(reply.headers) and reply.status not in _EMPTY:
        return Unknown(CUT_OFF, reply.ms, reply.connect_ms, reply.first_byte_ms)
    return reply


def date_of(reply: Reply) -> datetime | None:
    """What the far side's clock said (its `Date`, whole seconds, UTC); None where it is lacking or no date."""
    try:
        return parsedate_to_datetime(reply.headers["date"])
    except (KeyError, ValueError):
        return None
