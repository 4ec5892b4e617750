"""Months, and the notices of long ago: nothing is refused, nothing told again, and what is too old goes as a whole."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from domain.lifecycle import FINISHED, LIVE, State
from ledger.archive import archive, partitions
from ledger.archive.archive import keep_house
from ledger.people import chat
from ledger.reports import reports, statistics, tally_rounds
from ledger.reports.statistics import ReportPeriod
from ledger.source import cursors, reminders
from ledger.source.reminders import ReminderWindow
from tests.ledger.conftest import OA, new

KEEP = 24
HOUSE: dict[str, Any] = {"now": datetime.now(UTC), "keep_months": KEEP, "by": "test", "seconds": 60.0}


def rows(ledger: Engine, query: str) -> list[tuple[Any, ...]]:
    """What the ledger holds."""
    with ledger.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def age(ledger: Engine, code: str, days: float, state: State = State.SENT) -> None:
    """This dossier's notices, with their attempts and history, are so old, and in this state."""
    with ledger.begin() as tx:
        values = {"code": code, "days": days, "state": state.value}
        tx.execute(
            text("""
                UPDATE notices SET recorded_at = recorded_at - make_interval(days => :days), state = :state,
                       fresh_at = fresh_at - make_interval(days => :days), text = 'its words' WHERE code = :code"""),
            values,
        )
        for table in ("attempts", "history"):
            tx.execute(
                text(f"""
                    UPDATE {table} SET at = at - make_interval(days => :days)
                    WHERE notice_id IN (SELECT id FROM notices WHERE code = :code)"""),
                values,
            )


def parts_of(ledger: Engine, table: str) -> list[str]:
    with ledger.connect() as connection:
        return [part.name for part in partitions.parts(connection, table)]


def test_the_coming_months_are_there_and_stay_so_whoever_makes_them(ledger: Engine) -> None:
    """Several workers at once, again and again: each month is made once."""
    now = datetime.now(UTC)
    far = [partitions.months_on(partitions.month_of(now), ahead) for ahead in range(6)]

    def make() -> int:
        with ledger.begin() as tx:
            return len(partitions.make(tx, "history", far))

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: make(), range(8)))
    assert sum(made) == 3  # the migration made this month and two more
    assert parts_of(ledger, "history") == [f"history_{month:%Y_%m}" for month in far]
    with ledger.connect() as connection:
        assert archive.ready(connection) == ([], [])


def test_a_row_of_a_month_that_nobody_made_is_kept_and_moves_when_it_is_made(ledger: Engine) -> None:
    """Housekeeping that stood still for half a year costs no settlement."""
    then = partitions.months_on(partitions.month_of(datetime.now(UTC)), 6) + timedelta(days=3)
    with ledger.begin() as tx:
        tx.execute(text("INSERT INTO history (notice_id, at, after, by) VALUES (7, :at, 'due', 'test')"), {"at": then})
    with ledger.connect() as connection:
        assert archive.ready(connection)[1] == ["history"]
    with ledger.begin() as tx:
        partitions.make(tx, "history", [partitions.month_of(then)])
    assert rows(ledger, f"SELECT notice_id, at FROM history_{then:%Y_%m}") == [(7, then)]
    with ledger.connect() as connection:
        assert archive.ready(connection)[1] == []


def test_what_is_finished_long_ago_is_put_away_and_still_found(ledger: Engine, record: Callable[..., set[str]]) -> None:
    """Without its words, which may not be kept so long; with all that happened to it."""
    with ledger.begin() as tx:
        person = tx.execute(
            text("""INSERT INTO people (oa, phone_hash, phone_sealed, created_at)
                    VALUES (:oa, 'h', 's', now()) RETURNING id"""), {"oa": OA},
        ).scalar_one()  # fmt: skip
    record(new("OLD", person_id=person), new("YOUNG", person_id=person))
    age(ledger, "OLD", archive.AT_HAND.days + 1)
    age(ledger, "YOUNG", archive.AT_HAND.days - 1)
    assert keep_house(ledger, **HOUSE).put_away == 1
    assert rows(ledger, "SELECT code, text FROM notices") == [("YOUNG", "its words")]
    assert rows(ledger, "SELECT code, text FROM notices_past") == [("OLD", None)]
    ever = ReportPeriod(datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
    tally_rounds.bring_up(ledger, *ever.days)
    with ledger.connect() as connection:
        [notice] = reports.dossier(connection, OA, "OLD")
        assert (notice["event_key"], notice["state"]) == ("OLD/accepted/1", "sent")
        assert [step["to"] for step in notice["history"]] == ["due"]
        assert sorted(chat.codes(connection, OA, {person: None})[person]) == ["OLD", "YOUNG"]
        assert set(chat.stories(connection, OA, ["OLD"])) == {(person, "OLD")}
        assert sum(day["events"] for day in statistics.reach(connection, OA, ever)) == 2
    assert keep_house(ledger, **HOUSE).put_away == 0


@pytest.mark.parametrize("days", [archive.AT_HAND.days + 1, 800])
def test_an_event_is_not_told_again_because_its_notice_is_not_at_hand(
    ledger: Engine, record: Callable[..., set[str]], days: int
) -> None:
    """Put away, or forgotten altogether: the poll that finds the event once more is answered "known"."""
    record(new("OLD"))
    age(ledger, "OLD", days)
    keep_house(ledger, **HOUSE)
    assert rows(ledger, "SELECT FROM notices") == []
    with ledger.begin() as tx:
        assert cursors.untold(tx, OA, ["OLD/accepted/1", "NEW/accepted/1"]) == {"NEW/accepted/1"}


def test_what_somebody_may_still_move_stays_at_hand(ledger: Engine, record: Callable[..., set[str]]) -> None:
    """Also what was withdrawn before it left: it may be true again."""
    live = sorted(LIVE)
    record(*(new(state.value) for state in live), *(new(state.value) for state in FINISHED), new("TRUE-AGAIN"))
    for state in State:
        age(ledger, state.value, 300, state)
    age(ledger, "TRUE-AGAIN", 300, State.SUPPRESSED)
    with ledger.begin() as tx:
        tx.execute(text("UPDATE notices SET withdrawn = 'paid' WHERE code = 'TRUE-AGAIN'"))
    keep_house(ledger, **HOUSE)
    assert {code for (code,) in rows(ledger, "SELECT code FROM notices")} == {*live, "TRUE-AGAIN"}
    assert {code for (code,) in rows(ledger, "SELECT code FROM notices_past")} == FINISHED


def test_papers_that_are_wanted_by_a_day_to_come_stay_at_hand(ledger: Engine, record: Callable[..., set[str]]) -> None:
    """Their reminder looks for them among the notices at hand, however long ago they were asked for."""
    now = datetime.now(UTC)
    for code, days in (("OPEN", 9), ("OVER", -1)):
        deadline = (now + timedelta(days=days)).isoformat()
        record(new(code, "supplement_required", facts={"deadline_at": deadline}))
        age(ledger, code, 300)
    record(new("ANY", "supplement_required"))
    age(ledger, "ANY", 300)
    keep_house(ledger, **HOUSE)
    assert rows(ledger, "SELECT code FROM notices") == [("OPEN",)]
    window = ReminderWindow("supplement_required", now, now + timedelta(days=60), by_deadline=True)
    with ledger.connect() as connection:
        told = reminders.told(connection, OA, window, "supplement_reminder", after=0, limit=10)
    assert [one.code for one in told] == ["OPEN"]


def test_months_that_are_too_old_are_dropped_with_all_that_is_in_them(
    ledger: Engine, record: Callable[..., set[str]]
) -> None:
    """And only those: the month in which the limit lies is kept to its end."""
    now = datetime.now(UTC)
    kept_since = partitions.months_on(partitions.month_of(now), -KEEP)
    record(new("GONE"), new("KEPT"))
    with ledger.begin() as tx:
        for table in partitions.MONTHLY:
            partitions.make(tx, table, [partitions.months_on(kept_since, -1), kept_since])
    age(ledger, "GONE", (now - kept_since).days + 3)
    age(ledger, "KEPT", (now - kept_since).days - 3)
    with ledger.begin() as tx:  # as if it had been put away in its time
        tx.execute(text("INSERT INTO notices_past SELECT * FROM notices WHERE code = 'GONE'"))
    assert rows(ledger, "SELECT count(*) FROM history WHERE at < now() - interval '23 months'") == [(2,)]
    gone = f"{partitions.months_on(kept_since, -1):%Y_%m}"
    kept = keep_house(ledger, **HOUSE)
    assert sorted(part.name for part in kept.dropped) == sorted(f"{table}_{gone}" for table in partitions.MONTHLY)
    assert rows(ledger, "SELECT code FROM notices_ever") == [("KEPT",)]
    assert rows(ledger, "SELECT n.code FROM history h JOIN notices_ever n ON n.id = h.notice_id") == [("KEPT",)]


def test_what_nobody_decided_about_in_all_that_time_is_given_up(
    ledger: Engine, record: Callable[..., set[str]]
) -> None:
    """A dead letter may not outlive what is kept of everybody else, and history says who dropped it."""
    record(new("DEAD"), new("DOUBT"), new("WAITS"))
    age(ledger, "DEAD", 800, State.DEAD)
    age(ledger, "DOUBT", 800, State.UNCERTAIN)
    age(ledger, "WAITS", 600, State.DEAD)
    kept = keep_house(ledger, **HOUSE)
    assert kept.given_up == 3  # the doubt by way of death
    assert rows(ledger, "SELECT code FROM notices_ever") == [("WAITS",)]
    assert rows(ledger, "SELECT before, after, by FROM history WHERE by = 'test' ORDER BY id") == [
        ("uncertain", "dead", "test"), ("dead", "discarded", "test"), ("dead", "discarded", "test"),
    ]  # fmt: skip


def test_housekeeping_never_makes_deliveries_queue_behind_it(ledger: Engine, record: Callable[..., set[str]]) -> None:
    """To drop a month needs the table alone for a moment; where somebody holds it for long, another round comes."""
    with ledger.begin() as tx:
        partitions.make(tx, "history", [datetime(2020, 1, 1, tzinfo=UTC)])
    with ledger.begin() as busy:
        busy.execute(text("SELECT FROM history"))
        with pytest.raises(OperationalError, match="lock timeout"):
            keep_house(ledger, **HOUSE)
    assert [part.name for part in keep_house(ledger, **HOUSE).dropped] == ["history_2020_01"]
