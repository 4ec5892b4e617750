"""The versions of a kind's template: proposed by somebody, approved or refused by somebody, one of them in use.

Version 1 is the shipped one. A version never changes; going back means that an earlier one is used again. Who did what
and why also stands in the audit, which outlives a second use.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, text

from domain.template_source import SHIPPED_VERSION, TemplateSource


class TemplateOrigin(StrEnum):
    """Where a version came from; the values are stored."""

    SHIPPED = "shipped"
    FILE = "file"
    CONSOLE = "console"
    COMMAND = "command"


class VersionState(StrEnum):
    """What became of a version."""

    PROPOSED = "proposed"
    IN_USE = "in_use"
    APPROVED = "approved"  # and not in use
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class TemplateVersion:
    """One version of a kind's template in an OA; times are UTC."""

    oa: str
    kind: str
    version: int
    message: str
    form: str | None
    digest: str
    origin: str
    by: str
    why: str
    at: datetime
    approved_by: str | None
    approved_at: datetime | None
    refused_by: str | None
    refused_at: datetime | None
    refused_why: str | None
    used_since: datetime | None

    @property
    def source(self) -> TemplateSource:
        return TemplateSource(self.message, self.form)

    @property
    def state(self) -> VersionState:
        if self.used_since is not None:
            return VersionState.IN_USE
        if self.refused_at is not None:
            return VersionState.REFUSED
        return VersionState.PROPOSED if self.approved_at is None else VersionState.APPROVED


_COLUMNS = (
    "oa, kind, version, source, form, digest, origin, by, why, at, approved_by, approved_at, refused_by, refused_at,"
    " refused_why, used_since"
)

_IN_USE = "SELECT kind, version FROM letters WHERE oa = :oa AND used_since IS NOT NULL"


def numbers_in_use(tx: Connection, oa: str) -> dict[str, int]:
    """The version in use of each kind of an OA: from an index alone, however many versions there are."""
    return {row.kind: row.version for row in tx.execute(text(_IN_USE), {"oa": oa})}


def usable(tx: Connection, oa: str, kinds: Sequence[str]) -> list[TemplateVersion]:
    """The approved versions of these kinds; of each kind first the one in use, then the last approved one."""
    query = text(f"""
        SELECT {_COLUMNS} FROM letters WHERE oa = :oa AND kind = ANY(:kinds) AND approved_at IS NOT NULL
        ORDER BY kind, used_since IS NULL, approved_at DESC, version DESC""")
    return [TemplateVersion(*row) for row in tx.execute(query, {"oa": oa, "kinds": list(kinds)})]


def listed(tx: Connection, oa: str, kind: str | None = None) -> list[TemplateVersion]:
    """All versions of an OA, or of one of its kinds, the newest of each kind first."""
    query = text(f"""
        SELECT {_COLUMNS} FROM letters WHERE oa = :oa AND (CAST(:kind AS text) IS NULL OR kind = :kind)
        ORDER BY kind, version DESC""")
    return [TemplateVersion(*row) for row in tx.execute(query, {"oa": oa, "kind": kind})]


def read(tx: Connection, oa: str, kind: str, version: int) -> TemplateVersion | None:
    """One version."""
    query = text(f"SELECT {_COLUMNS} FROM letters WHERE oa = :oa AND kind = :kind AND version = :version")
    row = tx.execute(query, {"oa": oa, "kind": kind, "version": version}).one_or_none()
    return TemplateVersion(*row) if row else None


def digests(tx: Connection, oa: str) -> dict[str, set[str]]:
    """The digests of all versions of each kind: a file that equals one of them is no news."""
    found: dict[str, set[str]] = {}
    for row in tx.execute(text("SELECT kind, digest FROM letters WHERE oa = :oa"), {"oa": oa}):
        found.setdefault(row.kind, set()).add(row.digest)
    return found


_SHIP = f"""
INSERT INTO letters (oa, kind, version, source, form, digest, origin, by, why, at, approved_by, approved_at, used_since)
SELECT :oa, kind, {SHIPPED_VERSION}, source, form, digest, '{TemplateOrigin.SHIPPED}', :by, :why, t, :by, t, t
FROM unnest(CAST(:kinds AS text[]), CAST(:sources AS text[]), CAST(:forms AS text[]), CAST(:digests AS text[]))
     AS w (kind, source, form, digest)
CROSS JOIN (SELECT clock_timestamp() AS t) AS now
ON CONFLICT DO NOTHING
"""


def ship(tx: Connection, oa: str, sources: Mapping[str, TemplateSource], *, by: str, why: str) -> None:
    """Record version 1 of these kinds, and use it, where there is none yet."""
    values = {
        "oa": oa,
        "kinds": list(sources),
        "sources": [one.message for one in sources.values()],
        "forms": [one.form for one in sources.values()],
        "digests": [one.digest for one in sources.values()],
        "by": by,
        "why": why,
    }
    tx.execute(text(_SHIP), values)


_LOCK = "SELECT version, refused_at FROM letters WHERE oa = :oa AND kind = :kind ORDER BY version FOR UPDATE"


def lock(tx: Connection, oa: str, kind: str) -> set[int]:
    """Make changes to one kind's versions take turns; returns the versions that are not refused."""
    rows = tx.execute(text(_LOCK), {"oa": oa, "kind": kind}).all()
    return {row.version for row in rows if row.refused_at is None}


_PROPOSE = f"""
INSERT INTO letters (oa, kind, version, source, form, digest, origin, by, why, at)
SELECT :oa, :kind, 1 + max(version), :source, :form, :digest, :origin, :by, :why, clock_timestamp()
FROM letters WHERE oa = :oa AND kind = :kind
RETURNING {_COLUMNS}
"""


def propose(
    tx: Connection, oa: str, kind: str, source: TemplateSource, *, origin: TemplateOrigin, by: str, why: str
) -> TemplateVersion:
    """Record a new version, which is not in use yet. Version 1 must be there (`ship`)."""
    lock(tx, oa, kind)
    values = {"source": source.message, "form": source.form, "digest": source.digest, "origin": origin.value}
    row = tx.execute(text(_PROPOSE), {"oa": oa, "kind": kind, "by": by, "why": why, **values}).one()
    return TemplateVersion(*row)


_UNUSE = """
UPDATE letters SET used_since = NULL
WHERE oa = :oa AND kind = :kind AND version <> :version AND used_since IS NOT NULL
"""
_USE = f"""
UPDATE letters SET used_since = clock_timestamp(), approved_at = coalesce(approved_at, clock_timestamp()),
       approved_by = coalesce(approved_by, :by)
WHERE oa = :oa AND kind = :kind AND version = :version RETURNING {_COLUMNS}
"""


def use(tx: Connection, oa: str, kind: str, version: int, *, by: str) -> TemplateVersion | None:
    """Use a version instead of the present one; its first use is its approval. None for a refused or unknown one."""
    if version not in lock(tx, oa, kind):
        return None
    values = {"oa": oa, "kind": kind, "version": version}
    tx.execute(text(_UNUSE), values)
    return TemplateVersion(*tx.execute(text(_USE), {**values, "by": by}).one())


_REFUSE = f"""
UPDATE letters SET refused_at = clock_timestamp(), refused_by = :by, refused_why = :why
WHERE oa = :oa AND kind = :kind AND version = :version AND approved_at IS NULL AND refused_at IS NULL
RETURNING {_COLUMNS}
"""


def refuse(tx: Connection, oa: str, kind: str, version: int, *, by: str, why: str) -> TemplateVersion | None:
    """Refuse a proposal for good; None for a version that is no open proposal."""
    lock(tx, oa, kind)
    values = {"oa": oa, "kind": kind, "version": version, "by": by, "why": why}
    row = tx.execute(text(_REFUSE), values).one_or_none()
    return TemplateVersion(*row) if row else None
