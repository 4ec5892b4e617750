"""The set of all tables, and the two columns that most of them have."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Column, DateTime, Identity, MetaData

metadata = MetaData()


def id_column() -> Column[int]:
    """A number that the server counts up."""
    return Column("id", BigInteger, Identity(always=True), primary_key=True)


def time_column(name: str, *, nullable: bool = True) -> Column[datetime]:
    """A moment, in UTC."""
    return Column(name, DateTime(timezone=True), nullable=nullable)
