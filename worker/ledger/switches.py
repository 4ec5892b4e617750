"""Switches: an operator stops a kind, a channel, a unit, an OA, or everything, and lets it go again.

They stand in the ledger and are read by the statement that claims, so that a flushed Redis lifts none. What is stopped
waits and does not age: when a switch ends, by a person or by its time, what it held is given back the time that it was
held. `renewed_to` keeps the place of that, so that it may take many transactions, and a crash doubles nothing.

A channel is chosen after the claim. What would leave by one that is stopped goes back with a reason that says so, and
is not claimed again before the switch ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, text

EVERY_OA = "*"
SORTS = ("kind", "channel", "unit", "oa", "all")
"""What may be stopped; `oa` and `all` have no name of their own."""

STOPPED_CHANNEL = "channel switched off: "
_STOPPED = "switched off: "

_PAGE = 2000  # notices a transaction
_STATES = "'waiting', 'due', 'unreachable'"

_MATCHES = f"""
    s.oa IN ('{EVERY_OA}', n.oa) AND CASE s.sort
        WHEN 'kind' THEN s.name = n.kind
        WHEN 'channel' THEN n.reason = '{STOPPED_CHANNEL}' || s.name
        WHEN 'unit' THEN n.unit = s.name OR starts_with(n.unit, s.name || '.')
        ELSE true END"""
_NOW_OFF = "s.ended_at IS NULL AND (s.until IS NULL OR s.until > statement_timestamp())"

# Asked once a statement: as long as no switch is off, no notice is looked at for its sake.
RUNS = f"""
    ((SELECT NOT EXISTS (SELECT FROM switches))
     OR NOT EXISTS (SELECT FROM switches s WHERE {_NOW_OFF} AND {_MATCHES} OFFSET 0))"""
"""True where no switch stops the notice `n` at this moment."""

AGES = f"""
    ((SELECT NOT EXISTS (SELECT FROM switches))
     OR NOT EXISTS (SELECT FROM switches s WHERE {_MATCHES} OFFSET 0))"""
"""True where the notice `n` ages: no switch stops it, nor has one done so whose time is still to be given back."""

STOPPED_CHANNELS = f"""
    (SELECT array_agg(s.name) FROM switches s
     WHERE s.sort = 'channel' AND s.oa IN ('{EVERY_OA}', CAST(:oa AS text)) AND {_NOW_OFF})"""
"""The channels of the OA `:oa` that are stopped at this moment; NULL where none is."""


@dataclass(frozen=True, slots=True)
class Switch:
    """Something that is off. `oa` is `EVERY_OA` for all; times are UTC; `until` None: until somebody switches it on."""

    id: int
    oa: str
    sort: str
    name: str
    since: datetime
    until: datetime | None
    by: str
    why: str

    @property
    def told(self) -> str:
        """Its name as operators typed it."""
        return f"{self.sort} {self.name}".strip()


_COLUMNS = "id, oa, sort, name, since, until, by, why"
_LISTED = f"SELECT {_COLUMNS} FROM switches s WHERE {_NOW_OFF} ORDER BY id"

_OFF = f"""
INSERT INTO switches (oa, sort, name, since, until, by, why)
VALUES (:oa, :sort, :name, clock_timestamp(), :until, :by, :why)
ON CONFLICT ON CONSTRAINT switches_of DO UPDATE SET until = EXCLUDED.until, by = EXCLUDED.by, why = EXCLUDED.why
WHERE switches.ended_at IS NULL
RETURNING {_COLUMNS}
"""


def listed(tx: Connection) -> list[Switch]:
    """What is off at this moment, the oldest first."""
    return [Switch(*row) for row in tx.execute(text(_LISTED))]


def switch_off(
    tx: Connection, oa: str, sort: str, name: str, *, until: datetime | None, by: str, why: str
) -> Switch | None:
    """Stop it from this moment on; what is off already gets the new end, name and reason.

    None while an earlier switch of the same thing still gives back its time: try again in a moment.
    """
    values = {"oa": oa, "sort": sort, "name": name, "until": until, "by": by, "why": why}
    row = tx.execute(text(_OFF), values).one_or_none()
    return Switch(*row) if row else None


def switch_on(tx: Connection, oa: str, sort: str, name: str) -> Switch | None:
    """Let it go from this moment on; `give_back` is to follow. None where it is not off."""
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
    """The switches that ended, by a person or by their time, and have not given back all that they held."""
    return sorted(tx.execute(text(_OVER)).scalars())


# Of two switches that held a notice at once, the one that ends first gives back the time before the other began: the
# other one will give back the rest.
_GIVE_BACK = f"""
WITH s AS (SELECT * FROM switches WHERE id = :switch AND ended_at IS NOT NULL FOR UPDATE),
page AS (
    SELECT n.id, n.state, n.withdrawn, s.ended_at, s.since,
           n.state = 'due' AND (s.sort = 'channel' OR starts_with(n.reason, '{_STOPPED}')) AS aside,
           (SELECT min(o.since) FROM switches o WHERE o.id <> s.id AND {_MATCHES.replace("s.", "o.")}) AS other_since
    FROM s CROSS JOIN notices n
    WHERE n.state IN ({_STATES}) AND n.id > s.renewed_to AND {_MATCHES}
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
    """Give back their time to a page of what a switch held: how many, and how many of them may be sent now.

    The switch is gone once this gives (0, 0).
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
    FROM notices n JOIN switches s ON s.sort <> 'channel' AND {_NOW_OFF} AND {_MATCHES}
    WHERE n.state = 'due' AND n.due_at <= statement_timestamp() GROUP BY n.id ORDER BY n.id LIMIT :page
) AS f WHERE n.id = f.id AND n.state = (SELECT 'due')
"""


def put_back(tx: Connection, *, page: int) -> int:
    """Move a page of what is due and stopped behind what may go, so that no claim walks past it; returns how many."""
    return tx.execute(text(_PUT_BACK), {"page": page}).rowcount


def give_all_back(ledger: Engine, switch: int) -> Iterator[tuple[int, int]]:
    """As `give_back`, page by page, each committed before it is told, until the switch is gone."""
    while True:
        with ledger.begin() as tx:
            page = give_back(tx, switch, page=_PAGE)
        if not page[0]:
            return
        yield page


_HELD = f"SELECT count(*) FROM notices n WHERE n.state IN ({_STATES}) AND EXISTS ({{one}})"


def held(tx: Connection, switch: int) -> int:
    """How many live notices a switch holds at this moment."""
    one = f"SELECT FROM switches s WHERE s.id = :id AND {_MATCHES}"
    return int(tx.execute(text(_HELD.format(one=one)), {"id": switch}).scalar_one())


_HOLDERS = f"""
SELECT n.id AS notice, s.id, s.oa, s.sort, s.name, s.since, s.until, s.by, s.why
FROM notices n JOIN switches s ON {_NOW_OFF} AND {_MATCHES}
WHERE n.id = ANY(CAST(:ids AS bigint[])) AND n.state IN ({_STATES}) ORDER BY n.id, s.id
"""


def holders(tx: Connection, notices: Sequence[int]) -> dict[int, list[Switch]]:
    """By notice the switches that stop it at this moment."""
    found: dict[int, list[Switch]] = {}
    rows: Any = tx.execute(text(_HOLDERS), {"ids": list(notices)})
    for notice, *switch in rows:
        found.setdefault(notice, []).append(Switch(*switch))
    return found
