"""Switches: an operator stops a kind, a channel, a unit, an OA, or everything, and starts it again.

Switches are stored in the ledger and read by the claim statement, so a flushed Redis lifts none. Stopped notices wait
and do not age: when an operator or its time ends a switch, its notices get back the time that they were stopped.
`renewed_to` keeps the position of that pass, so it can span many transactions, and a crash gives no time back twice.

The channel is chosen after the claim. A notice whose channel is stopped is returned to the queue with a reason that
names the channel, and is not claimed again before the switch ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, text

from domain.units import UnitTree
from ledger.base import units

EVERY_OA = "*"
SORTS = ("kind", "channel", "unit", "oa", "all")
"""What can be stopped; `oa` and `all` have no name of their own."""

STOPPED_CHANNEL = "channel switched off: "
_STOPPED = "switched off: "

_PAGE = 2000  # notices a transaction
_STATES = "'waiting', 'due', 'unreachable'"

MATCHES = f"""
    s.oa IN ('{EVERY_OA}', n.oa) AND CASE s.sort
        WHEN 'kind' THEN s.name = n.kind
        WHEN 'channel' THEN n.reason = '{STOPPED_CHANNEL}' || s.name
        WHEN 'unit' THEN (n.unit || '.') ^@ ANY (coalesce(s.units, ARRAY[s.name || '.']))
        ELSE true END"""
"""Whether the switch `s` concerns the notice `n`."""
_NOW_OFF = "s.ended_at IS NULL AND (s.until IS NULL OR s.until > statement_timestamp())"

# Evaluated once per statement: while the table of switches is empty, no notice is checked against it.
RUNS = f"""
    ((SELECT NOT EXISTS (SELECT FROM switches))
     OR NOT EXISTS (SELECT FROM switches s WHERE {_NOW_OFF} AND {MATCHES} OFFSET 0))"""
"""True where no switch stops the notice `n` at this moment."""

AGES = f"""
    ((SELECT NOT EXISTS (SELECT FROM switches))
     OR NOT EXISTS (SELECT FROM switches s WHERE {MATCHES} OFFSET 0))"""
"""True where the notice `n` ages: no switch stops it, and no ended switch still has to give back its time."""

STOPPED_CHANNELS = f"""
    (SELECT array_agg(s.name) FROM switches s
     WHERE s.sort = 'channel' AND s.oa IN ('{EVERY_OA}', CAST(:oa AS text)) AND {_NOW_OFF})"""
"""The channels of the OA `:oa` that are stopped at this moment; NULL where none is."""


@dataclass(frozen=True, slots=True)
class Switch:
    """An active switch. `oa` is `EVERY_OA` for all; times are UTC; `until` None: until an operator switches it on.

    `held`: notices that it held back at `held_at`; both None before the first count (`ledger.notices.held_counts`).
    """

    id: int
    oa: str
    sort: str
    name: str
    since: datetime
    until: datetime | None
    by: str
    why: str
    held: int | None = None
    held_at: datetime | None = None

    @property
    def told(self) -> str:
        """Its name as operators typed it."""
        return f"{self.sort} {self.name}".strip()


_COLUMNS = "id, oa, sort, name, since, until, by, why, held, held_at"
_LISTED = f"SELECT {_COLUMNS} FROM switches s WHERE {_NOW_OFF} ORDER BY id"

_OF_NUMBER = f"SELECT {_COLUMNS} FROM switches s WHERE s.id = :id AND {_NOW_OFF}"


def of_number(tx: Connection, number: int) -> Switch | None:
    """The active switch with this number."""
    row = tx.execute(text(_OF_NUMBER), {"id": number}).one_or_none()
    return Switch(*row) if row else None


_OFF = f"""
INSERT INTO switches (oa, sort, name, since, until, by, why, units)
VALUES (:oa, :sort, :name, clock_timestamp(), :until, :by, :why, CAST(:units AS text[]))
ON CONFLICT ON CONSTRAINT switches_of DO UPDATE
SET until = EXCLUDED.until, by = EXCLUDED.by, why = EXCLUDED.why, units = EXCLUDED.units
WHERE switches.ended_at IS NULL
RETURNING {_COLUMNS}
"""


def listed(tx: Connection) -> list[Switch]:
    """All active switches, the oldest first."""
    return [Switch(*row) for row in tx.execute(text(_LISTED))]


def switch_off(
    tx: Connection, oa: str, sort: str, name: str, *, until: datetime | None, by: str, why: str
) -> Switch | None:
    """Stop it from this moment on; if it is off already, it gets the new end, name and reason.

    Returns None while an earlier switch of the same thing still gives back its time: try again in a moment.
    """
    values: dict[str, Any] = {"oa": oa, "sort": sort, "name": name, "until": until, "by": by, "why": why}
    values["units"] = _units(tx, oa, name) if sort == "unit" else None
    row = tx.execute(text(_OFF), values).one_or_none()
    return Switch(*row) if row else None


def read_units_again(tx: Connection) -> None:
    """The list of units changed: what the switches of units mean is read anew, so that no claim looks it up."""
    for row in tx.execute(text("SELECT id, oa, name FROM switches WHERE sort = 'unit' ORDER BY id FOR UPDATE")).all():
        query = text("UPDATE switches SET units = CAST(:units AS text[]) WHERE id = :id")
        tx.execute(query, {"id": row.id, "units": _units(tx, row.oa, row.name)})


def _units(tx: Connection, oa: str, unit: str) -> str:
    """What a unit means, by the list of the OA; for a switch of every OA, by all lists."""
    oas = text("SELECT DISTINCT oa FROM units WHERE oa = :oa OR :oa = :every ORDER BY oa")
    whose = tx.execute(oas, {"oa": oa, "every": EVERY_OA}).scalars().all()
    trees = [units.tree(tx, one) for one in whose] or [UnitTree(())]
    return units.starts(trees, unit)


def switch_on(tx: Connection, oa: str, sort: str, name: str) -> Switch | None:
    """Switch it on from this moment; the caller then runs `give_back`. None where it is not off."""
    query = text(f"""
        UPDATE switches s SET ended_at = statement_timestamp()
        WHERE s.oa = :oa AND s.sort = :sort AND s.name = :name AND {_NOW_OFF} RETURNING {_COLUMNS}""")
    row = tx.execute(query, {"oa": oa, "sort": sort, "name": name}).one_or_none()
    return Switch(*row) if row else None


_OVER = """
UPDATE switches s SET ended_at = coalesce(s.ended_at, s.until)
WHERE s.ended_at IS NOT NULL OR s.until <= statement_timestamp() RETURNING s.id
"""


def over(tx: Connection) -> list[int]:
    """The switches that ended, by an operator or by their time, and have not given back all time yet."""
    return sorted(tx.execute(text(_OVER)).scalars())


# If two switches stopped a notice at once, the first to end gives back the time before the other began; the other one
# gives back the rest.
_GIVE_BACK = f"""
WITH s AS (SELECT * FROM switches WHERE id = :switch AND ended_at IS NOT NULL FOR UPDATE),
page AS (
    SELECT n.id, n.state, n.withdrawn, s.ended_at, s.since,
           n.state = 'due' AND (s.sort = 'channel' OR starts_with(n.reason, '{_STOPPED}')) AS aside,
           (SELECT min(o.since) FROM switches o WHERE o.id <> s.id AND {MATCHES.replace("s.", "o.")}) AS other_since
    FROM s CROSS JOIN notices n
    WHERE n.state IN ({_STATES}) AND n.id > s.renewed_to AND {MATCHES}
    ORDER BY n.id LIMIT :page FOR UPDATE OF n
),
renewed AS (
    UPDATE notices n SET
        fresh_at = n.fresh_at
            + greatest(interval '0', least(p.ended_at, p.other_since) - greatest(p.since, n.fresh_at)),
        due_at = CASE WHEN p.aside THEN clock_timestamp() ELSE n.due_at END,
        reason = CASE WHEN p.aside THEN NULL ELSE n.reason END
    FROM page p WHERE n.id = p.id
)
SELECT max(id) AS last, count(*) AS number, count(*) FILTER (WHERE state <> 'unreachable' AND withdrawn IS NULL) AS true
FROM page
"""


def give_back(tx: Connection, switch: int, *, page: int) -> tuple[int, int]:
    """Give back time to a page of the notices under a switch: (how many, how many of them may be sent now).

    Once this returns (0, 0), the switch is deleted.
    """
    row = tx.execute(text(_GIVE_BACK), {"switch": switch, "page": page}).one()
    if row.last is None:
        tx.execute(text("DELETE FROM switches WHERE id = :id AND ended_at IS NOT NULL"), {"id": switch})
        return 0, 0
    tx.execute(text("UPDATE switches SET renewed_to = :last WHERE id = :id"), {"last": row.last, "id": switch})
    return int(row.number), int(row.true)


_PUT_BACK = f"""
UPDATE notices n SET due_at = f.later, reason = '{_STOPPED}' || f.told FROM (
    SELECT n.id, max(coalesce(s.until, statement_timestamp() + interval '1 hour')) AS later,
           min(trim(s.sort || ' ' || s.name)) AS told
    FROM notices n JOIN switches s ON s.sort <> 'channel' AND {_NOW_OFF} AND {MATCHES}
    WHERE n.state = 'due' AND n.due_at <= statement_timestamp() GROUP BY n.id ORDER BY n.id LIMIT :page
) AS f WHERE n.id = f.id AND n.state = (SELECT 'due')
"""


def put_back(tx: Connection, *, page: int) -> int:
    """Postpone a page of due notices that are stopped, so that no claim has to walk past them; returns how many."""
    return tx.execute(text(_PUT_BACK), {"page": page}).rowcount


def give_all_back(ledger: Engine, switch: int) -> Iterator[tuple[int, int]]:
    """As `give_back`, page by page until the switch is deleted; yields each page after its commit."""
    while True:
        with ledger.begin() as tx:
            page = give_back(tx, switch, page=_PAGE)
        if not page[0]:
            return
        yield page


_HOLDERS = f"""
SELECT n.id AS notice, s.id, s.oa, s.sort, s.name, s.since, s.until, s.by, s.why, s.held, s.held_at
FROM notices n JOIN switches s ON {_NOW_OFF} AND {MATCHES}
WHERE n.id = ANY(CAST(:ids AS bigint[])) AND n.state IN ({_STATES}) ORDER BY n.id, s.id
"""


def holders(tx: Connection, notices: Sequence[int]) -> dict[int, list[Switch]]:
    """The switches that stop each notice at this moment, by notice id."""
    found: dict[int, list[Switch]] = {}
    rows: Any = tx.execute(text(_HOLDERS), {"ids": list(notices)})
    for notice, *switch in rows:
        found.setdefault(notice, []).append(Switch(*switch))
    return found
