"""Lists of the console: bounded, by key, and by index however many notices are finished."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, text

from domain.lifecycle import State
from domain.units import ListedUnit
from ledger.base import units
from ledger.base.engine import open_ledger
from ledger.notices import held_counts, lists, switches, verbs
from ledger.notices.lists import LISTED_STATES, BoundedCount
from ledger.notices.verbs import Choice
from ledger.reports import acts
from ledger.zalo import credentials
from sandbox.servers import Servers
from tests.ledger.conftest import OA

FINISHED = 40_000
DEAD = 120  # more than two pages
LIVE = 200

FILL = """
INSERT INTO notices (oa, event_key, code, kind, rank, facts, unit, state, reason, code_received, event_at, fresh_at,
                     recorded_at, due_at)
SELECT :oa, 'D-' || state || i || '/' || kind || '/1', 'D-' || state || i, kind, 1, '{}', 'H27.' || i % 7, state,
       CASE i % 3 WHEN 0 THEN 'opted out' WHEN 1 THEN 'template expired' END, CASE i % 3 WHEN 1 THEN -131 END,
       at, at, at, CASE WHEN i % 2 = 0 THEN at ELSE now() + interval '1 hour' END
FROM unnest(CAST(:states AS text[]), CAST(:numbers AS int[])) AS s (state, number)
CROSS JOIN LATERAL generate_series(1, s.number) AS i
CROSS JOIN LATERAL (SELECT now() - interval '60 days' * (CAST(i AS float8) / s.number) AS at,
                           CASE WHEN i % 2 = 0 THEN 'accepted' ELSE 'result_ready' END AS kind) AS t
"""

_OF_UNIT = """
INSERT INTO notices (oa, event_key, code, kind, rank, facts, unit, state, event_at, fresh_at, recorded_at, due_at)
VALUES (:oa, :key, :code, 'accepted', 1, '{}', :unit, 'dead', now(), now(), now(), now())"""

_HISTORY = "INSERT INTO history (notice_id, at, after, by) SELECT id, {at}, state, 'x' FROM notices"


@pytest.fixture(scope="module")
def filled(servers: Servers, migrated: str) -> Iterator[Engine]:
    """Forty thousand finished notices with their history and attempts, and some in each state that is looked at."""
    servers.create_database("listed", template=migrated)
    engine = open_ledger(servers.database_url("listed"))
    numbers = {"seen": FINISHED, "dead": DEAD, "waiting": LIVE, "due": LIVE, "sending": 20}
    numbers |= {state.value: LIVE for state in LISTED_STATES if state is not State.DEAD}
    with engine.begin() as tx:
        tx.execute(text(FILL), {"oa": OA, "states": list(numbers), "numbers": list(numbers.values())})
        tx.execute(
            text("INSERT INTO history (notice_id, at, after, by) SELECT id, recorded_at, state, 'x' FROM notices")
        )
        tx.execute(
            text("""
            INSERT INTO attempts (notice_id, at, channel, outcome, ms) SELECT id, recorded_at, 'zalo_cs', 'sent', 5
            FROM notices""")
        )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE notices"))
        connection.execute(text("ANALYZE history"))
        connection.execute(text("ANALYZE attempts"))
    yield engine
    engine.dispose()
    servers.drop_database("listed")


def test_pages_go_on_by_key_and_end(filled: Engine) -> None:
    """Newest first, fifty a page, each notice once."""
    seen: list[int] = []
    mark: int | None = None
    with filled.connect() as connection:
        for size in (50, 50, 20):
            page, mark = lists.page(connection, OA, State.DEAD, Choice(), after=mark)
            assert len(page) == size
            seen += [row.id for row in page]
    assert mark is None
    assert seen == sorted(set(seen), reverse=True)


@pytest.mark.parametrize(
    ("choice", "number"),
    [
        (Choice(), 120),
        (Choice(kind="accepted"), 60),
        (Choice(cause="opted out"), 40),
        (Choice(cause="opted"), 0),
        (Choice(cause=""), 40),
        (Choice(code=-131), 40),
        (Choice(unit="H27.3"), 17),
    ],
)
def test_counts_causes_and_pages_narrow_alike(filled: Engine, choice: Choice, number: int) -> None:
    """A cause is a whole reason; '' is none."""
    with filled.connect() as connection:
        assert lists.count(connection, OA, State.DEAD, choice) == BoundedCount(number, more=False)
        assert sum(sort.number for sort in lists.summary(connection, OA, State.DEAD, choice).causes) == number
        page, _ = lists.page(connection, OA, State.DEAD, choice, limit=1000)
    assert len(page) == number


def test_causes_come_first_with_their_kinds_and_codes(filled: Engine) -> None:
    """Grouped by what is to be done, before any list."""
    with filled.connect() as connection:
        found = {sort.cause: sort for sort in lists.summary(connection, OA, State.DEAD, Choice()).causes}
    assert list(found["template expired"].kinds) == ["accepted", "result_ready"]
    assert (list(found["template expired"].codes), list(found["opted out"].codes)) == ([-131], [])


def test_a_count_stops_at_ten_thousand(filled: Engine) -> None:
    """Whatever the table holds."""
    assert BoundedCount.of(10_000) == BoundedCount(10_000, more=False)
    assert BoundedCount.of(10_001) == BoundedCount(10_000, more=True)


def test_what_was_not_shown_is_not_chosen(filled: Engine) -> None:
    """A notice that came to this state after the page was made: recorded later, or dead anew."""
    with filled.connect() as connection, connection.begin() as whole:
        shown_at = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        page, _ = lists.page(connection, OA, State.DEAD, Choice())
        shown = Choice(upto=page[0].id, as_of=shown_at)
        assert lists.count(connection, OA, State.DEAD, shown).number == DEAD
        later = _HISTORY.format(at="now() + interval '1 s'")
        connection.execute(text(f"{later} WHERE id = {page[5].id}"))
        assert lists.count(connection, OA, State.DEAD, shown).number == DEAD - 1
        assert lists.count(connection, OA, State.DEAD, replace(shown, upto=page[9].id)).number == DEAD - 9
        whole.rollback()


# A month that has no row yet has no cost either. A walk by the table's key reads the whole table too.
_SCAN = re.compile(
    r"Seq Scan on (notices|history|attempts).*\(cost=0\.00\.\.(?!0\.00 )|"
    r"using (notices|history|attempts)\w*_pkey on .*\n(?!\s+Index Cond)"
)


def explained(tx: Connection, work: Callable[[], object]) -> list[str]:
    """The statements about notices that this work asks, each with its plan."""
    plans: list[str] = []

    def explain(connection: Any, _cursor: Any, sql: str, values: Any, *_: Any) -> None:
        if "EXPLAIN" not in sql and ("notices" in sql or "history" in sql or "attempts" in sql):
            with connection.connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN {sql}", values)
                plans.append(sql + "\n" + "\n".join(row[0] for row in cursor.fetchall()))

    event.listen(tx, "before_cursor_execute", explain)
    work()
    event.remove(tx, "before_cursor_execute", explain)
    return plans


def asked(tx: Connection) -> None:
    """Everything that the pages ask about notices."""
    choices = [Choice(), Choice(kind="accepted", cause="opted out"), Choice(code=-131, unit="H27.3")]
    for state in LISTED_STATES:
        for choice in choices:
            lists.count(tx, OA, state, choice)
            lists.summary(tx, OA, state, choice)
            lists.page(tx, OA, state, choice)
            lists.page(tx, OA, state, choice, after=1000)
    for state in (State.WAITING, State.DUE, State.SENDING):
        lists.count(tx, OA, state)
    list(lists.each_unreachable(tx, OA, Choice(unit="H27.3")))
    lists.count_scheduled(tx, OA)
    lists.backlog(tx, OA)
    lists.one(tx, 5)
    verbs.last_step(tx, 5)
    switch = switches.switch_off(tx, OA, "kind", "accepted", until=None, by="Lan", why="thử")
    assert switch is not None
    switches.listed(tx)
    for state in ("waiting", "due", "unreachable"):
        values = {"oa": OA, "state": state, "switches": [switch.id], "at": datetime.min.replace(tzinfo=UTC), "id": 0}
        assert tx.execute(text(held_counts._WALK), values).one().number == LIVE // 2


def retried(tx: Connection) -> None:
    """A bulk verb, from the count to its last page."""
    now = datetime.now(UTC) + timedelta(minutes=1)
    act = verbs.begin(tx, OA, verbs.RETRY, Choice(upto=10**9, as_of=now), by="Lan", why="thử", in_background=True)
    while (taken := acts.take(tx, act.id)) is not None:
        verbs.next_page(tx, taken, page=50)


def test_a_filter_that_few_match_reads_the_index_of_lists(filled: Engine) -> None:
    """Neither the key of the table backwards, past all that is finished, nor the rows that the filter leaves out.

    A unit's own index is read for a unit; for others the planner may choose, since the lists are short here.
    """
    with filled.connect() as connection:
        for choice in (Choice(), Choice(cause="none"), Choice(unit="H27.3", kind="accepted"), Choice(code=-1)):
            index = "notices_(listed|of_unit)" if choice.unit is None else "notices_of_unit"
            plans = explained(connection, lambda choice=choice: lists.summary(connection, OA, State.EXPIRED, choice))
            plans += explained(connection, lambda choice=choice: lists.page(connection, OA, State.EXPIRED, choice))
            assert [plan for plan in plans if not re.search(f"Index Only Scan.* using {index}", plan)] == []


CODES = ("H27", "H27.3", "H27.3.1", "H27.3-1", "H27.3/1", "H27.30", "H27.30.25", "H27.115", "h27.3", "H27.3.", "", None)


@pytest.mark.parametrize(
    ("unit", "number"),
    [("H27", 9), ("H27.3", 3), ("H27.30.25", 1), ("H27.115", 2), ("H27.3-1", 1), ("H27.4", 0), ("%", 0), ("", 1)],
)
def test_the_index_of_units_finds_what_the_filter_says(ledger: Engine, unit: str, number: int) -> None:
    """Each notice once, of the unit, of those below it and of its predecessors, however the codes are spelt."""
    listed = [
        ListedUnit("H27.115", "Phường Bắc Hồng Lĩnh"),
        ListedUnit("H27.30.25", "Phường Bắc Hồng", valid_until=date(2025, 6, 30), successor="H27.115"),
    ]
    with ledger.begin() as tx:
        units.change(tx, OA, listed, whole=True)
        numbered = enumerate(CODES)
        rows = [{"oa": OA, "key": f"D-{n}/accepted/1", "code": f"D-{n}", "unit": code} for n, code in numbered]
        tx.execute(text(_OF_UNIT), rows)
        choice = Choice(unit=unit)
        filtered = [row["id"] for row in verbs.listed(tx, OA, State.DEAD, choice)]
        page, _ = lists.page(tx, OA, State.DEAD, choice)
        assert [row.id for row in page] == filtered[::-1]
        assert lists.summary(tx, OA, State.DEAD, choice).total.number == len(filtered) == number
        tx.execute(text("UPDATE notices SET state = 'unreachable'"))
        assert len(list(lists.each_unreachable(tx, OA, choice))) == number


@pytest.mark.parametrize("work", [asked, retried])
def test_no_statement_reads_a_whole_table(filled: Engine, work: Any) -> None:
    """The plans, with fresh statistics: no sequential scan over notices, their past, attempts or history."""
    with filled.connect() as connection, connection.begin() as whole:
        plans = explained(connection, lambda: work(connection))
        whole.rollback()
    assert plans
    assert [plan for plan in plans if _SCAN.search(plan)] == []


def test_the_grant_is_counted_in_days_from_its_issue(ledger: Engine) -> None:
    """Three months: a province that is off for a quarter loses its OA."""
    with ledger.begin() as tx:
        assert credentials.life(tx, OA) is None
        tx.execute(
            text("""
            INSERT INTO credentials (oa, access_sealed, refresh_sealed, version, issued_at, expires_at)
            VALUES (:oa, 'a', 'r', 1, now() - interval '80 days 1 hour', now() + interval '1 hour')"""),
            {"oa": OA},
        )
        found = credentials.life(tx, OA)
        assert found is not None
        assert (found.grant_days, 3500 < found.token_seconds <= 3600) == (9, True)
        tx.execute(text("UPDATE credentials SET dead_because = 'revoked'"))
        lost = credentials.life(tx, OA)
        assert lost is not None
        assert lost.grant_days == 0
