"""Our id on a message sent to a phone: Zalo's delivery event returns it, and nothing else identifies the notice.

It has at most 48 plain letters and digits (Zalo: `tracking_id`; the SMS gateway's `RequestId` takes 50), is the same
for every attempt of a notice, and contains no personal data. Zalo does not deduplicate by it: a repeat is a second
message.
"""

from __future__ import annotations

import re
from hashlib import sha256

_MARK = re.compile(r"hcc(?P<id>[1-9][0-9]{0,18})k[0-9a-f]{12}")


def tracking_id(notice: int, oa: str, key: str) -> str:
    """The tracking id of the notice with this number, OA and event key.

    The part from the key prevents a ledger from accepting an event of another one (a trial run under the same OA).
    """
    return f"hcc{notice}k{sha256(f'{oa}/{key}'.encode()).hexdigest()[:12]}"


def notice_in(mark: str) -> int | None:
    """The notice's number in a tracking id; None for any other text. The caller must then compare the whole id."""
    match = _MARK.fullmatch(mark)
    return int(match["id"]) if match else None
