"""Identifies the source's database, so that another database is never read with the cursors of the previous one.

| engine         | `system`                                              | unchanged by                            |
|----------------|-------------------------------------------------------|-----------------------------------------|
| PostgreSQL     | the cluster's system identifier, the database's oid   | a fail-over to a physical standby       |
| MariaDB, MySQL | the server's uid, the database's name                 | a restart, a move of its data directory |
| SQL Server     | the database's service broker guid                    | a fail-over of its availability group   |
| Oracle         | the database's id and container                       | a fail-over to a physical standby       |
| SQLite         | the file's path                                       |                                         |

If the engine has none, or our account may not query it, host, port and name decide.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any, TypeAlias

from sqlalchemy import Engine

from ledger.source import sources
from producers.dossiers.mapping import Mapping as SourceMapping
from producers.dossiers.source import Source, SourceError

Identity: TypeAlias = Mapping[str, Any]  # JSON: system, address, shapes; `system` is None if unknown

_log = logging.getLogger("hcc.producers")

_ASK: Mapping[str, tuple[str, ...]] = {
    "postgresql": (
        """SELECT (SELECT system_identifier FROM pg_control_system()) || '/' || oid
           FROM pg_database WHERE datname = current_database()""",
    ),
    "mysql": (
        "SELECT concat(@@server_uid, '/', database())",  # MariaDB
        "SELECT concat(@@server_uuid, '/', database())",
    ),
    "mssql": ("SELECT concat(service_broker_guid, '/', name) FROM sys.databases WHERE database_id = db_id()",),
    "oracle": ("SELECT dbid || '/' || sys_context('USERENV', 'CON_NAME') FROM v$database",),
}
"""The queries of each engine, tried in turn until one is answered."""


class StrangeSource(SourceError):  # noqa: N818 (a finding about the source, reported like its errors)
    """The source is another database than the one whose cursors we hold; an operator has to adopt it."""


def identify(source: Source) -> Identity:
    """The identity that the database reports now, and how we read it. Raises `SourceUnreachableError`."""
    return {
        "system": source.first_answer(_ASK.get(source.dialect, ())),
        "address": address(source),
        "shapes": shapes(source.mapping, source.dialect),
    }


def address(source: Source) -> str:
    """Host, port and name; no account, no password."""
    url = source.url
    return f"{url.host or ''}:{url.port or ''}/{url.database or ''}"


_TABLE = re.compile(r"\b(?:FROM|JOIN)\s+([\w.\"`\[\]]+)", re.IGNORECASE)
_CTE = re.compile(r"\b([\w]+)\s+AS\s*\(", re.IGNORECASE)
_KEY = re.compile(r"([\w.\"`\[\]]+)\s+AS\s+(id|code)\b", re.IGNORECASE)


def shapes(mapping: SourceMapping, dialect: str) -> dict[str, list[str]]:
    """For each query, the tables that it reads and the columns that it uses as keys."""
    return {name: _shape(mapping.sql(name, dialect)) for name in mapping.queries if name != "newest"}


def _shape(sql: str) -> list[str]:
    plain = re.sub(r"--[^\n]*", "", sql)
    own = {name.casefold() for name in _CTE.findall(plain)}
    tables = {_bare(name) for name in _TABLE.findall(plain)} - own
    keys = {f"{alias.casefold()}={_bare(column)}" for column, alias in _KEY.findall(plain)}
    return sorted(tables) + sorted(keys)


def _bare(name: str) -> str:
    return re.sub(r"[\"`\[\]]", "", name).casefold()


def difference(known: Identity, found: Identity) -> str | None:
    """Why `found` is another database than `known`, or is read by other tables or keys; None if it is the same."""
    if known.get("system") and found.get("system"):
        if known["system"] != found["system"]:
            return f"là CSDL khác (trước: {_where(known)}, nay: {_where(found)})"
    elif known.get("address") != found.get("address"):
        return f"ở địa chỉ khác (trước: {known.get('address')}, nay: {found.get('address')})"
    before, after = known.get("shapes", {}), found.get("shapes", {})
    other = sorted(name for name in before.keys() & after.keys() if before[name] != after[name])
    return f"được đọc bằng bảng hoặc khóa khác ở {', '.join(other)}" if other else None


def _where(identity: Identity) -> str:
    return f"{identity.get('address')}, định danh {identity.get('system')}"


class SameSource:
    """Checks at each round whether the source is still the database whose cursors we hold."""

    def __init__(self, oa: str, ledger: Engine, source: Source) -> None:
        self._oa = oa
        self._ledger = ledger
        self._source = source
        self._said: Identity | None = None

    def check(self) -> None:
        """Store the identity at the first round; compare later. Raises `StrangeSource`, `SourceUnreachableError`."""
        found = identify(self._source)
        with self._ledger.connect() as connection:
            known = sources.read(connection, self._oa)
        if known.identity is None:
            self._note(found)
        elif why := difference(known.identity, found):
            self._refuse(found, why)
        else:
            self._go_on(known, found)

    def _note(self, found: Identity) -> None:
        with self._ledger.begin() as tx:
            sources.note(tx, self._oa, found)

    def _go_on(self, known: sources.SourceRecord, found: Identity) -> None:
        """The database is the same: store and log any other difference."""
        if known.identity != found:
            _log.warning("the dossier database is the same, but not its address or its mapping oa=%s", self._oa)
            self._note(found)
        elif known.strange is not None:
            _log.warning("the dossier database that we know is there again oa=%s", self._oa)
            with self._ledger.begin() as tx:
                sources.forget_strange(tx, self._oa)

    def _refuse(self, found: Identity, why: str) -> None:
        with self._ledger.begin() as tx:
            first = sources.note_strange(tx, self._oa, found)
        if first:
            _log.error("the dossier database is another one, not read on before `hcc source adopt` oa=%s", self._oa)
        raise StrangeSource(
            f"CSDL hồ sơ {why}; chưa đọc tiếp. Nếu là CSDL mới: `hcc source adopt --as baseline` (ghi nhớ những gì "
            "đang có, không báo ai); nếu vẫn là dữ liệu ấy: `hcc source adopt --as same` (đọc tiếp)"
        )


def adopt(ledger: Engine, oa: str, found: Identity, *, as_baseline: bool) -> None:
    """Apply an operator's decision on another database: read on as the same one, or take its contents as baseline."""
    with ledger.begin() as tx:
        sources.note(tx, oa, found)
        if as_baseline:
            sources.begin_anew(tx, oa)
