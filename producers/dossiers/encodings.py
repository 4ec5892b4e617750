"""Checks the encoding of a dossier database's texts: if it cannot hold Vietnamese, no word of a mapping matches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError


@dataclass(frozen=True, slots=True)
class _Asked:
    """The query for an engine's encoding, and the encodings that hold Vietnamese; its driver reads these as UTF-8."""

    query: str
    fits: frozenset[str]


_ENGINES: Mapping[str, _Asked] = {
    "postgresql": _Asked("SHOW server_encoding", frozenset({"UTF8", "WIN1258"})),
    "mysql": _Asked("SELECT @@character_set_database", frozenset({"UTF8MB4", "UTF8MB3", "UTF8"})),
    "oracle": _Asked(
        "SELECT value FROM nls_database_parameters WHERE parameter = 'NLS_CHARACTERSET'",
        frozenset({"AL32UTF8", "UTF8", "VN8MSWIN1258", "VN8VN3"}),
    ),
}
"""SQLite's texts are always Unicode; SQL Server has an encoding for each column, and none for the database."""


def encoding_fault(connection: Connection, engine: str) -> str | None:
    """Why this source's texts cannot be trusted, in the operator's language; None if they can, or if it is unknown."""
    asked = _ENGINES.get(engine)
    if asked is None:
        return None
    try:
        named = str(connection.exec_driver_sql(asked.query).scalar_one())
    except SQLAlchemyError:  # a right that the account lacks is not a fault of the texts
        return None
    if named.upper() in asked.fits:
        return None
    return (
        f"CSDL hồ sơ giữ chữ theo mã {named}, không phải UTF-8: từ tiếng Việt của bản đồ không khớp được; "
        "chuyển CSDL sang UTF-8, hoặc đọc từ một bản sao UTF-8"
    )
