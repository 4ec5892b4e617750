"""How many live notices each switch holds back: counted in the background and kept with the switch, with its time.

A switch may match few of very many live notices, so a count looks at all of them. It walks them by the index
`notices_walk`, a page a statement, one walk for all switches. Pages of the console read the kept figure and count
nothing; workers count anew every minute while something is stopped (`worker.tally`).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, text

from domain.lifecycle import State
from ledger.notices import switches
from ledger.notices.switches import MATCHES

_PAGE = 5000
_STATES = (State.WAITING, State.DUE, State.UNREACHABLE)
_START = datetime.min.replace(tzinfo=UTC)

# The order makes the index the cheapest way, whatever the statistics say.
_WALK = f"""
WITH page AS MATERIALIZED (
    SELECT n.id, n.oa, n.kind, n.unit, n.reason, n.fresh_at FROM notices n
    WHERE n.state IN ('waiting', 'due', 'unreachable') AND n.oa = :oa AND n.state = CAST(:state AS text)
      AND (n.fresh_at, n.id) > (:at, CAST(:id AS bigint))
    ORDER BY n.fresh_at, n.id LIMIT {_PAGE}
),
last AS (SELECT fresh_at, id FROM page ORDER BY fresh_at DESC, id DESC LIMIT 1)
SELECT s.id AS switch, count(n.id) AS number, (SELECT count(*) FROM page) AS size,
       (SELECT fresh_at FROM last) AS at, (SELECT id FROM last) AS id
FROM switches s LEFT JOIN page n ON {MATCHES} WHERE s.id = ANY(CAST(:switches AS bigint[])) GROUP BY s.id
"""

_KEEP = "UPDATE switches SET held = :held, held_at = :at WHERE id = :id"


def count_held(ledger: Engine, oas: Sequence[str], *, seconds: float) -> bool:
    """Count what each active switch holds back of these OAs, and keep the figures.

    False where `seconds` did not suffice: the figures of the last count stay, with their time.
    """
    end = time.monotonic() + seconds
    with ledger.connect() as connection:
        began: datetime = connection.execute(text("SELECT statement_timestamp()")).scalar_one()
        active = [one.id for one in switches.listed(connection)]
    held: Counter[int] = Counter()
    walks = [(oa, state) for oa in oas for state in _STATES] if active else []
    for oa, state in walks:
        if not _walk(ledger, {"oa": oa, "state": state.value, "switches": active}, held, end):
            return False
    if active:
        with ledger.begin() as tx:
            tx.execute(text(_KEEP), [{"id": one, "held": held[one], "at": began} for one in active])
    return True


def _walk(ledger: Engine, of: dict[str, Any], held: Counter[int], end: float) -> bool:
    """Count the live notices of an OA in one state, page by page; False where the time is over before they are."""
    mark: dict[str, Any] = {"at": _START, "id": 0}
    while time.monotonic() < end:
        with ledger.connect() as connection:
            rows = connection.execute(text(_WALK), {**of, **mark}).all()
        held.update({row.switch: row.number for row in rows})
        if not rows or rows[0].size < _PAGE:
            return True
        mark = {"at": rows[0].at, "id": rows[0].id}
    return False
