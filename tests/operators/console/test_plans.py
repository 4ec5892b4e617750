"""What the pages ask of a large ledger: every statement finds its rows by an index."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from benchmarks.console import ADDRESSES, FURTHER, unmeasured
from ledger.notices import held_counts, switches
from ledger.notices.lists import LISTED_STATES
from tests.ledger.notices.test_lists import _SCAN, FILL
from tests.operators.console.conftest import OA, SignIn
from tests.operators.console.stage import SEEN, Stage
from tests.operators.console.waiting import furnish
from worker.services.deployment import Deployment

FINISHED, WAITING = 30_000, 200


@pytest.fixture
def large(owner: Engine, desk: Deployment) -> dict[str, str]:
    """Thirty thousand finished notices with their history and attempts, and work; the values of the addresses."""
    person, paths = Stage(owner, desk).furnish(), furnish(owner, desk)
    numbers = {
        "seen": FINISHED,
        **{state.value: WAITING for state in LISTED_STATES},
        "waiting": WAITING,
        "due": WAITING,
    }
    with owner.begin() as tx:
        tx.execute(text(FILL), {"oa": OA, "states": list(numbers), "numbers": list(numbers.values())})
        tx.execute(
            text("INSERT INTO history (notice_id, at, after, by) SELECT id, recorded_at, state, 'x' FROM notices")
        )
        tx.execute(
            text("""
            INSERT INTO attempts (notice_id, at, channel, outcome, ms)
            SELECT id, recorded_at, 'zalo_cs', 'sent', 5 FROM notices""")
        )
        switches.switch_off(tx, OA, "kind", "accepted", until=None, by="lan", why="thử")
        middle = tx.execute(text("SELECT max(id) - 100 FROM notices WHERE state = 'unreachable'")).scalar_one()
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in ("notices", "history", "attempts"):
            connection.execute(text(f"VACUUM ANALYZE {table}"))
    act = paths["act"].rpartition("/")[2]
    return {"code": SEEN, "person": str(person), "unknown": f"{SEEN}9999", "act": act, "middle": str(middle)}


@pytest.fixture
def plans(desk: Deployment) -> Iterator[list[str]]:
    """The plans of all statements about notices that are asked meanwhile."""
    found: list[str] = []

    def explain(connection: Any, _cursor: Any, sql: str, values: Any, *_: Any) -> None:
        if any(table in sql for table in ("notices", "history", "attempts")):
            with connection.connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN {sql}", values)
                found.append(sql + "\n" + "\n".join(row[0] for row in cursor.fetchall()))

    event.listen(desk.shared.ledger, "before_cursor_execute", explain)
    yield found
    event.remove(desk.shared.ledger, "before_cursor_execute", explain)


def test_every_page_is_measured_and_its_plans_are_read() -> None:
    """A new page joins the table of `benchmarks.console`."""
    assert unmeasured() == set()


def test_no_page_reads_a_whole_table(
    large: dict[str, str], plans: list[str], sign_in: SignIn, desk: Deployment
) -> None:
    """Neither notices nor their past, attempts or history; what switches hold back is walked by its index too."""
    admin = sign_in("admin")
    for name, path in {**ADDRESSES, **FURTHER}.items():
        assert admin.get(path.format(**large)).status_code in {200, 303}, name
    assert held_counts.count_held(desk.shared.ledger, [OA], seconds=60)
    assert len(plans) > len(ADDRESSES)
    assert [plan for plan in plans if _SCAN.search(plan)] == []
