"""Records the probe of an OA: once an hour, to the member of staff whom an operator named (`hcc staff add --probe`)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from domain.kinds import PROBE
from domain.probe import latest_keys, probe_code, probe_key
from ledger.base.clock import now as ledger_now
from ledger.notices import notices
from ledger.notices.notices import NewNotice
from ledger.people import probes
from ledger.people.probes import ProbeTimes
from ledger.source import cursors


def probe(tx: Connection, oa: str) -> int:
    """Record the probe of this hour, like any notice of a service; returns 1 if it is new, else 0."""
    now = ledger_now(tx)
    follower = probes.to_probe(tx, oa, latest_keys(now))
    if follower is None or not cursors.untold(tx, oa, [probe_key(now)]):
        return 0
    return len(notices.record(tx, oa, [_notice(follower, now)]))


def probe_times(tx: Connection, oa: str) -> ProbeTimes | None:
    """How long the newest probe took; None if the OA has none."""
    return probes.times(tx, oa, latest_keys(ledger_now(tx)))


def _notice(follower: int, now: datetime) -> NewNotice:
    return NewNotice(
        event_key=probe_key(now),
        code=probe_code(now),
        kind=PROBE,
        unit=None,
        facts={},
        person_id=None,
        no_person_because=None,
        event_at=now,
        fresh_at=now,
        follower_id=follower,
    )
