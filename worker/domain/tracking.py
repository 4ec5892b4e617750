"""Our mark on a message sent by phone: it comes back in Zalo's delivery event, and is all that tells whose it was.

At most 48 plain letters and digits (Zalo: `tracking_id`; the SMS gateway's `RequestId` takes 50), the same for every
attempt of a notice, and nothing of a person in it. Zalo does not deduplicate by it: a repeat is a second message.
"""

from __future__ import annotations

import re
from hashlib import sha256

_MARK = re.compile(r"hcc(?P<id>[1-9][0-9]{0,18})k[0-9a-f]{12}")


def tracking_id(notice: int, oa: str, key: str) -> str:
    """The mark of the notice with this number, OA and event key.

    The key's part keeps a ledger from taking the event of another one (a trial run under the same OA) for its own.
    """
    return f"hcc{notice}k{sha256(f'{oa}/{key}'.encode()).hexdigest()[:12]}"


def notice_in(mark: str) -> int | None:
    """The notice's number in a mark; None for any other text. Compare the whole mark with `tracking_id` then."""
    match = _MARK.fullmatch(mark)
    return int(match["id"]) if match else None
