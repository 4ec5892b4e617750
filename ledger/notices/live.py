"""Notices that may still leave, with everything the ledger knows that delays them (`domain.held`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from domain.lane import Lane
from domain.lifecycle import BLOCKING, LIVE, State
from ledger.notices import switches
from ledger.notices.order import place

_BLOCKING = ", ".join(f"'{state}'" for state in sorted(BLOCKING))
_MAY_GO = ", ".join(f"'{state}'" for state in sorted(LIVE - {State.DEAD}))

_LIVE = f"""
SELECT n.id, n.event_key, n.kind, n.lane, n.state, n.reason, n.due_at, n.lease_until,
       n.true_at > statement_timestamp() - make_interval(secs => :sure) AS is_sure,
       (SELECT e.event_key FROM notices e
        WHERE e.oa = n.oa AND e.code = n.code AND e.state IN ({_BLOCKING})
          AND {place("e")} < {place("n")}
        ORDER BY {place("e")} LIMIT 1) AS earlier
FROM notices n WHERE n.oa = :oa AND n.code = :code AND n.state IN ({_MAY_GO})
"""


@dataclass(frozen=True, slots=True)
class LiveRow:
    """`earlier`: key of the first notice of its dossier that it waits for; `stopped`: by what, until when (UTC)."""

    kind: str
    lane: Lane
    state: State
    reason: str | None
    due_at: datetime
    lease_until: datetime | None
    is_sure: bool
    earlier: str | None
    stopped: tuple[str, datetime | None] | None


def read(tx: Connection, oa: str, code: str, *, sure: float) -> dict[str, LiveRow]:
    """The live notices of a dossier, by event key. `sure` (seconds): a source comparison this recent is enough."""
    rows = tx.execute(text(_LIVE), {"oa": oa, "code": code, "sure": sure}).all()
    stopped = switches.holders(tx, [row.id for row in rows])
    return {
        row.event_key: LiveRow(
            row.kind,
            Lane(row.lane),
            State(row.state),
            row.reason,
            row.due_at,
            row.lease_until,
            bool(row.is_sure),
            row.earlier,
            next(((one.told, one.until) for one in stopped.get(row.id, ())), None),
        )
        for row in rows
    }
