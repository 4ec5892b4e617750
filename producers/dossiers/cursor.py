"""Where a feed stands. Ids become visible out of order while transactions are open, so gaps are remembered.

A position by id is `{"after": 17, "missing": {"15": "2026-01-31T01:00:00+00:00"}}`: all up to 17 was read but 15, which was
first missed at that time. A position by time is `{"since": "2026-01-31T08:00:00"}`, in the source's own time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, TypeAlias

Position: TypeAlias = dict[str, Any]

MOST_MISSING = 5_000  # ids remembered; a larger hole is a jump of the sequence, not open transactions


def start_after(newest: int | None) -> Position:
    """A position behind the newest id."""
    return {"after": newest or 0, "missing": {}}


def advance(position: Position, seen: Sequence[int], now: datetime, patience: timedelta) -> tuple[Position, int]:
    """The position after a page with these ids (ascending), and how many gaps were given up.

    A gap is given up when it has been looked for longer than `patience`, or where there are too many.
    """
    appeared = set(seen)
    after = max([position["after"], *seen])
    first = max(position["after"] + 1, after - MOST_MISSING)
    missing = {id_: since for id_, since in position["missing"].items() if int(id_) not in appeared}
    missing |= {str(id_): now.isoformat() for id_ in range(first, after) if id_ not in appeared}
    kept = {id_: since for id_, since in missing.items() if now - datetime.fromisoformat(since) <= patience}
    newest = dict(sorted(kept.items(), key=lambda item: int(item[0]))[-MOST_MISSING:])
    return {"after": after, "missing": newest}, len(missing) - len(newest)
