"""Record the leases under which a notice was tried, to compare the ledger with Redis' witness.

Each try has its own lease, and the lease's tag distinguishes it from all other tries. The ledger stores the tag of the
last try in `tried_under`. If a mark may or may not have been written (Redis did not answer), it stores that tag and
the previous one: the ledger then knows whichever of the two the witness contains.
"""

from __future__ import annotations

_TAG_LETTERS = 12  # the last letters of a lease, which are random: 48 bits
_KNOWN = 2  # tags to remember


def tag_of(lease: str) -> str:
    """The part of a lease that is stored in witnesses and in `tried_under`."""
    return lease[-_TAG_LETTERS:]


def perhaps_tried(before: str | None, lease: str) -> str:
    """The value of `tried_under` if a notice may or may not have been marked under this lease."""
    tags = [*(before.split(",") if before else []), tag_of(lease)]
    return ",".join(dict.fromkeys(tags[-_KNOWN:]))
