"""Under which leases a notice was tried: what the ledger remembers of it, and Redis' witness says as well.

Each try goes under a lease of its own, and its tag tells it from all others. The ledger keeps the tag of the last try
in `tried_under`. Where a mark may or may not have been written (Redis did not answer), it keeps that tag and the one
before: whichever of the two the witness bears, the ledger knows of it.
"""

from __future__ import annotations

_TAG_LETTERS = 12  # the last of a lease, which are random: 48 bits
_KNOWN = 2  # tags that are remembered


def tag_of(lease: str) -> str:
    """The part of a lease that stands in witnesses and in `tried_under`."""
    return lease[-_TAG_LETTERS:]


def perhaps_tried(before: str | None, lease: str) -> str:
    """What to remember where a notice may or may not have been marked under this lease."""
    tags = [*(before.split(",") if before else []), tag_of(lease)]
    return ",".join(dict.fromkeys(tags[-_KNOWN:]))
