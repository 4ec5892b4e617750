"""Records a unit's numbers for its staff as notices, one for each person, unit and period (R32)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Connection

from domain.clock import VIETNAM, to_vietnam
from domain.event import event_key
from domain.foreign_links import has_foreign_link
from domain.kinds import OF_DOSSIERS, STAFF_DIGEST
from domain.story import Digest, Tally, digest_json
from ledger.base import units
from ledger.notices import notices
from ledger.notices.notices import NewNotice
from ledger.people import staff
from ledger.reports import statistics
from ledger.reports.statistics import ReportPeriod
from ledger.source import cursors


def post(tx: Connection, oa: str, period: ReportPeriod) -> dict[str, int]:
    """Record the digest of the period's unit, or of each unit that has staff; returns by unit how many people get it.

    A person who was told of this unit and period before is not told again, however long ago that was.
    """
    return {
        unit: tell(tx, oa, digest_of(tx, oa, replace(period, unit=unit), unit), followers)
        for unit, followers in staff_of(tx, oa, period.unit).items()
    }


def staff_of(tx: Connection, oa: str, unit: str | None) -> dict[str, list[int]]:
    """By unit of today the followers who get its numbers: those of a merged unit get its successor's."""
    tree, today = units.tree(tx, oa), datetime.now(VIETNAM).date()
    told: dict[str, set[int]] = {}
    for granted, followers in staff.to_tell(tx, oa).items():
        told.setdefault(tree.now(granted, today), set()).update(followers)
    wanted = None if unit is None else tree.now(unit, today)
    return {one: sorted(followers) for one, followers in sorted(told.items()) if wanted in (None, one)}


def digest_of(tx: Connection, oa: str, period: ReportPeriod, unit: str) -> Digest:
    """The numbers of the unit from the roll-ups: no row of it is about a single dossier."""
    rows = statistics.digest(tx, oa, period)
    names = [field.name for field in fields(Tally)]
    tallies = tuple(Tally(**{name: row[name] for name in names}) for row in rows if row["kind"] in OF_DOSSIERS)
    last = to_vietnam(period.until) - timedelta(days=1)
    known = units.one(tx, oa, unit)
    name = None if known is None or has_foreign_link(known.name, None) else known.name
    return Digest(unit, to_vietnam(period.since).date(), last.date(), tallies, name)


def tell(tx: Connection, oa: str, digest: Digest, followers: Iterable[int]) -> int:
    """Record the digest for those who were not told of it yet; returns how many they are."""
    keys = {digest_key(follower, digest.unit, digest.since, digest.until): follower for follower in followers}
    untold = cursors.untold(tx, oa, keys)
    return len(notices.record(tx, oa, [_notice(key, keys[key], digest) for key in untold]))


def digest_key(follower: int, unit: str, since: date, until: date) -> str:
    """The event key of the digest of these days for a member of staff."""
    return event_key(staff_code(follower), STAFF_DIGEST, f"{unit}.{since:%Y%m%d}.{until:%Y%m%d}")


def staff_code(follower: int) -> str:
    """What stands for a dossier's code in a notice to this member of staff."""
    return f"staff-{follower}"


def _notice(key: str, follower: int, digest: Digest) -> NewNotice:
    now = datetime.now(UTC)
    return NewNotice(
        event_key=key,
        code=staff_code(follower),
        kind=STAFF_DIGEST,
        unit=None,
        facts={"digest": digest_json(digest)},
        person_id=None,
        no_person_because=None,
        event_at=now,
        fresh_at=now,
        follower_id=follower,
    )
