"""Long results, read by the page while their transaction lasts: memory does not grow with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, CursorResult, text

_FETCHED = 1000  # rows at once


def streamed(tx: Connection, query: str, values: Mapping[str, Any]) -> CursorResult[*tuple[Any, ...]]:
    """The rows of a query; a reader may stop before the end. Planned for the first rows, by a server's cursor."""
    return tx.execute(text(query), values, execution_options={"stream_results": True, "yield_per": _FETCHED})
