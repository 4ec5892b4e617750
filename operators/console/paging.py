"""Pages of lists by key: the address holds the id before which a page begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpRequest

from ledger.reports.stories import PAGE

_LONGEST = 18  # digits of a bigint


def before(request: HttpRequest) -> int | None:
    """The id of `?before=`; None for the first page, and for what is no id."""
    given = request.GET.get("before", "")
    return int(given) if given.isascii() and given.isdecimal() and len(given) <= _LONGEST else None


def next_mark(rows: Sequence[Mapping[str, Any]]) -> int | None:
    """The id before which the next page begins; None where this page was the last one."""
    return rows[-1]["id"] if len(rows) == PAGE else None


def narrowed(request: HttpRequest, name: str) -> str | None:
    """A filter of the address; None if it is not set."""
    return request.GET.get(name, "").strip()[:64] or None
