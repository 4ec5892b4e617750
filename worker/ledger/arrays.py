"""Columns of values for `unnest(CAST(:column AS type[]))`, as PostgreSQL itself writes arrays.

A batch is hundreds of values in a dozen columns. As ARRAY['…', '…'] each value is adapted here and parsed there as an
expression of its own; as '{…}' the whole column is one constant. Half of what a batch cost the driver, and a quarter
of what it cost the server, went away with that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from worker.domain.lifecycle import State

Value: TypeAlias = str | int | datetime | None


def column(values: Iterable[Value]) -> str:
    """One column; what is None becomes NULL. Times carry their offset.

    >>> column([1, None, 'he said "so"'])
    '{1,NULL,"he said \\\\"so\\\\""}'
    """
    given = list(values)
    kinds = set(map(type, given))
    write = _COLUMNS.get(kinds.pop(), _mixed) if len(kinds) == 1 else _mixed
    return "{" + write(given) + "}"


def _texts(texts: Sequence[str]) -> str:
    joined = '","'.join(texts)
    if "\\" in joined or joined.count('"') > 2 * (len(texts) - 1):
        return ",".join(map(_quoted, texts))
    return f'"{joined}"'


def _times(times: Sequence[datetime]) -> str:
    return ",".join(map(_timed, times))


def _mixed(values: Sequence[Value]) -> str:
    return ",".join(map(_element, values))


def _element(value: Any) -> str:
    """By the type; an enumeration of words is a word, one of numbers a number."""
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return _quoted(value)
    return int.__repr__(value) if isinstance(value, int) else _timed(value)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _timed(moment: datetime) -> str:
    return f'"{moment.isoformat()}"'


_COLUMNS: dict[type, Callable[[Sequence[Any]], str]] = {
    int: lambda numbers: ",".join(map(str, numbers)),
    str: _texts,
    State: _texts,
    datetime: _times,
    type(None): lambda nothing: ",".join(["NULL"] * len(nothing)),
}
"""How columns are written that hold values of one type: nearly all are, and each value costs next to nothing then."""
