"""The versions of each kind's template."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table, Text, text

from ledger.base.tables.columns import metadata, time_column

letters = Table(  # the versions of each kind's template, of which one is in use (ledger/letters/versions.py)
    "letters",
    metadata,
    Column("oa", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),  # 1: as it was shipped
    Column("source", Text, nullable=False),
    Column("form", Text),  # the parameters of the approved template (TOML)
    Column("digest", Text, nullable=False),  # domain.template_source
    Column("origin", Text, nullable=False),  # shipped | file | console | command
    Column("by", Text, nullable=False),
    Column("why", Text, nullable=False),
    time_column("at", nullable=False),
    Column("approved_by", Text),
    time_column("approved_at"),
    Column("refused_by", Text),
    time_column("refused_at"),
    Column("refused_why", Text),
    time_column("used_since"),  # only of the version in use
)
Index(
    "letters_in_use",
    letters.c.oa,
    letters.c.kind,
    unique=True,
    postgresql_include=["version"],
    postgresql_where=text("used_since IS NOT NULL"),
)  # read by every worker every few seconds: from the index alone
