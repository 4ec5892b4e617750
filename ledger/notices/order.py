"""The order of a dossier's notices: total, stored, and the same everywhere (R11).

Sorted by the time of the event, then the kind's rank, then the row of the source's table (ids increase; 0 where a feed
has none), then the time first seen, then the key. Two fees saved at once have the same time, and are told in the order
in which they were written.
"""

from __future__ import annotations

_COLUMNS = ("event_at", "rank", "source_row", "recorded_at", "event_key")


def place(notice: str) -> str:
    """The sort key of a notice as an SQL row value; `notice` is the table's name in the statement."""
    return f"({', '.join(f'{notice}.{column}' for column in _COLUMNS)})"
