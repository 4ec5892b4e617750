"""The order of a dossier's notices: total, stored, and the same wherever it is asked (R11).

By the time of the event, then the kind's rank, then the row of the source's table (ids increase; 0 where a feed has
none), then the time first seen, then the key. Two fees of one save bear one time, and are told as they were written.
"""

from __future__ import annotations

_COLUMNS = ("event_at", "rank", "source_row", "recorded_at", "event_key")


def place(notice: str) -> str:
    """The place of a notice, as a row that SQL compares; `notice` is the name of its table in the statement."""
    return f"({', '.join(f'{notice}.{column}' for column in _COLUMNS)})"
