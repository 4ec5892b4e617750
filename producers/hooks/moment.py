"""Reads Zalo's times: milliseconds since 1970, as text."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_MILLISECONDS = re.compile(r"[0-9]{1,15}", re.ASCII)


def moment(text: str | None) -> datetime | None:
    """'1724921862647' as UTC; None for anything else."""
    if text is None or not _MILLISECONDS.fullmatch(text):
        return None
    try:
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    except (OverflowError, OSError, ValueError):
        return None
