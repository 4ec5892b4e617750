"""Cached statements of the hot path: SQLAlchemy would scan the whole text for parameters each time."""

from __future__ import annotations

from functools import cache

from sqlalchemy import TextClause, text


@cache
def statement(sql: str) -> TextClause:
    """As `text`, but returns the same object for the same SQL. Not for SQL that is composed anew each time."""
    return text(sql)
