"""The tracking id of a ZNS message: our notice's number in a form that no other sender of the OA uses by chance.

Zalo brings it back in the delivery event, which is the only way to learn of a message whose reply was lost. At most
48 letters and digits (Zalo, "Gửi ZNS"). It is no deduplication key: a repeated call is a second message.
"""

from __future__ import annotations

import re

_FORM = re.compile(r"hccnotice([1-9][0-9]{0,17})")


def tracking_id(notice_id: int) -> str:
    """What a ZNS call carries for this notice."""
    return f"hccnotice{notice_id}"


def notice_of(tracking: str) -> int | None:
    """The notice's number; None for the tracking id of somebody else."""
    match = _FORM.fullmatch(tracking)
    return int(match[1]) if match else None
