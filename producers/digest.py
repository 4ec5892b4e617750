"""A unit's numbers for its staff: recorded as notices, one for each person, unit and period (R32)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from worker.domain.clock import to_vietnam
from worker.domain.event import event_key
from worker.domain.kinds import OF_DOSSIERS, STAFF_DIGEST
from worker.domain.story import Digest, Tally, digest_json
from worker.ledger import cursors, notices, staff, statistics
from worker.ledger.notices import NewNotice
from worker.ledger.statistics import Period


def post(tx: Connection, oa: str, period: Period) -> dict[str, int]:
    """Record the digest of the period's unit, or of each unit that has staff; returns by unit how many get it.

    Who was told of this unit and period before is not told again, however long ago that was.
    """
    told: dict[str, int] = {}
    for unit, followers in staff.to_tell(tx, oa, period.unit).items():
        digest = _digest(tx, oa, replace(period, unit=unit), unit)
        new = [_notice(follower, digest) for follower in followers]
        untold = cursors.untold(tx, oa, [notice.event_key for notice in new])
        told[unit] = len(notices.record(tx, oa, [notice for notice in new if notice.event_key in untold]))
    return told


def _digest(tx: Connection, oa: str, period: Period, unit: str) -> Digest:
    rows = statistics.digest(tx, oa, period)
    tallies = tuple(Tally(**row) for row in rows if row["kind"] in OF_DOSSIERS)
    last = to_vietnam(period.until) - timedelta(days=1)
    return Digest(unit, to_vietnam(period.since).date(), last.date(), tallies)


def _notice(follower: int, digest: Digest) -> NewNotice:
    now = datetime.now(UTC)
    code = f"staff-{follower}"
    occurrence = f"{digest.unit}.{digest.since:%Y%m%d}.{digest.until:%Y%m%d}"
    return NewNotice(
        event_key=event_key(code, STAFF_DIGEST, occurrence),
        code=code,
        kind=STAFF_DIGEST,
        unit=None,
        facts={"digest": digest_json(digest)},
        person_id=None,
        no_person_because=None,
        event_at=now,
        fresh_at=now,
        follower_id=follower,
    )
