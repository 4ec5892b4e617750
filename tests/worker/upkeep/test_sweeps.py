"""What cannot be undone is not done by a clock that jumped, and goes on by itself; what it put off is brought back."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from domain.lifecycle import State
from ledger.archive import partitions
from ledger.base.sealing import Sealer
from ledger.notices import notices, sweep_queries
from ledger.notices.notices import NewNotice
from ledger.people.people import People
from ledger.zalo import inbox, receipts
from ledger.zalo.inbox import NewZaloEvent
from ledger.zalo.receipts import Receipt
from producers.hooks.apply import Applier
from tests.worker.upkeep.conftest import OA, LedgersClock
from worker import tasks
from worker.services.bootstrap import Services
from worker.services.deployment import Deployment
from worker.upkeep import sweeps

States = Callable[[], dict[str, str]]


def record(ledger: Engine, code: str, *, kind: str = "accepted", minutes: float = 0, hours_old: float = 0) -> None:
    """A notice of this dossier, seen so long ago."""
    now = datetime.now(UTC)
    fresh = now - timedelta(hours=hours_old)
    new = NewNotice(f"{code}/{kind}/1", code, kind, None, {}, None, None, now + timedelta(minutes=minutes), fresh)
    with ledger.begin() as tx:
        notices.record(tx, OA, [new])


def put(ledger: Engine, code: str, state: State, *, doubted_hours_ago: float | None = None, **changes: Any) -> None:
    """Put a notice into a state, as if it had been so for a while."""
    settings = ", ".join(f"{column} = :{column}" for column in ("state", *changes))
    values = {"code": code, "state": state.value, **changes}
    with ledger.begin() as tx:
        tx.execute(text(f"UPDATE notices SET {settings} WHERE code = :code"), values)
        if doubted_hours_ago is not None:
            told = """INSERT INTO history (notice_id, at, before, after, by)
                      SELECT id, now() - make_interval(secs => :s), 'sending', 'uncertain', 'test' FROM notices
                      WHERE code = :code"""
            tx.execute(text(told), {"code": code, "s": doubted_hours_ago * 3600})


def sweep(deployment: Deployment) -> None:
    """One bell."""
    sweeps.sweep_all(deployment, 20.0)


def rows(ledger: Engine, query: str) -> list[tuple[Any, ...]]:
    with ledger.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


# What ends by its age.


def test_nothing_expires_while_the_ledgers_clock_is_days_ahead_and_all_goes_on_when_it_is_right(
    deployment: Deployment,
    ledger: Engine,
    ledgers_clock: LedgersClock,
    states: States,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A jump of four days made all that waited expire for good; now one line is written, and nothing is lost."""
    record(ledger, "YOUNG")
    record(ledger, "OLD", hours_old=73)
    record(ledger, "HELD")
    put(ledger, "HELD", State.UNREACHABLE)
    ledgers_clock.set_ahead(days=20)
    for _ in range(3):
        sweep(deployment)
    assert states() == {"YOUNG": "due", "OLD": "due", "HELD": "unreachable"}
    assert [r.levelname for r in caplog.records if r.name == "hcc.clocks"] == ["ERROR"]
    ledgers_clock.set_ahead(days=0)
    sweep(deployment)
    assert states() == {"YOUNG": "due", "OLD": "expired", "HELD": "unreachable"}


def test_three_minutes_apart_is_no_reason_to_wait(
    deployment: Deployment, ledger: Engine, ledgers_clock: LedgersClock, states: States
) -> None:
    """Ages are of hours; clocks that differ by minutes still prove each other."""
    record(ledger, "OLD", hours_old=73)
    ledgers_clock.set_ahead(minutes=3)
    sweep(deployment)
    assert states() == {"OLD": "expired"}


def test_a_host_that_is_wrong_itself_expires_nothing(
    deployment: Deployment, ledger: Engine, states: States, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ledger and Redis are right, and may be one machine: this host waits, others do it."""
    record(ledger, "OLD", hours_old=73)
    monkeypatch.setattr("worker.services.clocks.datetime", Ahead)
    sweep(deployment)
    assert states() == {"OLD": "due"}


class Ahead(datetime):
    """A host's clock that is a day ahead."""

    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        return datetime.now(tz) + timedelta(days=1)


def test_a_doubt_that_nobody_can_settle_ends_at_its_age_limit_and_its_dossier_goes_on(
    deployment: Deployment, ledger: Engine, states: States
) -> None:
    """One whose looks may still come, and one that is young, stay; the later notice of the dossier waits no longer."""
    record(ledger, "OVER", hours_old=73)
    put(ledger, "OVER", State.UNCERTAIN, channel="zns", doubted_hours_ago=2)
    with ledger.begin() as tx:
        later = datetime.now(UTC) + timedelta(minutes=5)
        notices.record(tx, OA, [NewNotice("OVER/result_ready/1", "OVER", "result_ready", None, {}, None, None, later,
                                          datetime.now(UTC))])  # fmt: skip
    record(ledger, "LOOKED-AT", hours_old=73)
    put(ledger, "LOOKED-AT", State.UNCERTAIN, doubted_hours_ago=0.5)
    record(ledger, "YOUNG", hours_old=71)
    put(ledger, "YOUNG", State.UNCERTAIN, doubted_hours_ago=70)
    sweep(deployment)
    found = rows(ledger, "SELECT event_key, state, reason FROM notices ORDER BY event_key")
    assert found == [
        ("LOOKED-AT/accepted/1", "uncertain", None),
        ("OVER/accepted/1", "dead", "nobody could tell whether it arrived"),
        ("OVER/result_ready/1", "due", None),
        ("YOUNG/accepted/1", "uncertain", None),
    ]
    moved = rows(ledger, "SELECT before, after, by FROM history WHERE before = 'uncertain'")
    assert moved == [("uncertain", "dead", "sweep")]


def test_no_doubt_ends_while_the_clocks_disagree(
    deployment: Deployment, ledger: Engine, ledgers_clock: LedgersClock, states: States
) -> None:
    """The person may have it: that is not decided by a clock that jumped."""
    record(ledger, "DOUBT")
    put(ledger, "DOUBT", State.UNCERTAIN, doubted_hours_ago=0)
    ledgers_clock.set_ahead(days=4)
    sweep(deployment)
    assert states() == {"DOUBT": "uncertain"}


# What a clock that was ahead has put off.


def test_what_was_written_while_the_ledgers_clock_was_ahead_is_brought_back(
    deployment: Deployment, services: Services, ledger: Engine, ledgers_clock: LedgersClock,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """A notice that was recorded then would wait for that time to come; so would a retry, a look and a lost lease."""
    ledgers_clock.set_ahead(days=1)
    sweep(deployment)
    for code in ("NEW", "RETRY", "LOOK", "LEASE"):
        record(ledger, code)
    put(ledger, "RETRY", State.DUE, reason="code -32")
    put(ledger, "LOOK", State.UNCERTAIN, doubted_hours_ago=0)
    put(ledger, "LEASE", State.SENDING, lease="e.l", lease_until=datetime.now(UTC) + timedelta(days=1, minutes=1))
    ledgers_clock.set_ahead(days=0)
    sweep(deployment)
    left = "EXTRACT(EPOCH FROM coalesce(lease_until, due_at) - clock_timestamp())::float8"
    seconds = dict(rows(ledger, f"SELECT code, {left} FROM notices"))
    assert seconds["NEW"] <= 0
    assert seconds["LOOK"] <= 0
    assert seconds["RETRY"] <= 60
    assert seconds["LEASE"] <= services.settings.lease_seconds
    assert re.search(r"set back by 86\d\d\d s", caplog.text)


def test_a_doubt_that_began_while_the_ledgers_clock_was_ahead_began_when_it_did(
    deployment: Deployment, ledger: Engine, ledgers_clock: LedgersClock
) -> None:
    """A look takes only what Zalo shows since then: by a time to come it would find nothing, and all would go twice."""
    sweep(deployment)
    ledgers_clock.set_ahead(hours=2)
    sweep(deployment)
    record(ledger, "DOUBT")
    put(ledger, "DOUBT", State.UNCERTAIN, doubted_hours_ago=0)
    with ledger.begin() as tx:
        receipts.keep(tx, OA, [Receipt(receipts.SEEN, "m1", datetime.now(UTC))])
    ledgers_clock.set_ahead(hours=0)
    for _ in range(3):
        sweep(deployment)
    off = "abs(EXTRACT(EPOCH FROM clock_timestamp() - at)) < 60"
    assert rows(ledger, f"SELECT {off} FROM history WHERE after = 'uncertain'") == [(True,)]
    kept = "look_at <= now(), received_at < now() + interval '30 s', kept_until > now()"
    assert rows(ledger, f"SELECT {kept} FROM receipts") == [(True, True, True)]


def test_who_follows_while_the_ledgers_clock_is_ahead_is_told_what_was_held(
    ledger: Engine, ledgers_clock: LedgersClock, states: States
) -> None:
    """The follow is told once; the grace time is over by one clock only."""
    record(ledger, "HELD")
    with ledger.begin() as tx:
        known = """INSERT INTO people (oa, phone_hash, phone_sealed, created_at)
                   VALUES (:oa, 'h', 's', now()) RETURNING id"""
        person = tx.execute(text(known), {"oa": OA}).scalar_one()
    put(ledger, "HELD", State.UNREACHABLE, person_id=person)
    ledgers_clock.set_ahead(days=20)
    with ledger.begin() as tx:
        sweep_queries.reopen(tx, [person], days=14, by="test")
    assert states() == {"HELD": "due"}


def test_what_a_process_still_writes_by_what_it_read_before_is_brought_back_as_well(
    deployment: Deployment, ledger: Engine, ledgers_clock: LedgersClock
) -> None:
    """Each carries a reading of the ledger's clock on for ten seconds."""
    ledgers_clock.set_ahead(days=1)
    sweep(deployment)
    ledgers_clock.set_ahead(days=0)
    sweep(deployment)
    record(ledger, "LATE")
    put(ledger, "LATE", State.DUE, due_at=datetime.now(UTC) + timedelta(days=1))
    sweep(deployment)
    assert rows(ledger, "SELECT due_at <= clock_timestamp() FROM notices") == [(True,)]


def test_a_night_that_is_waited_for_is_not_cut_short_as_long_as_no_clock_is_set_back(
    deployment: Deployment, ledger: Engine
) -> None:
    """Nor a quota, however far away its end is."""
    record(ledger, "NIGHT")
    until = datetime.now(UTC) + timedelta(days=20)
    put(ledger, "NIGHT", State.DUE, due_at=until, reason="the quota of the month is used up")
    sweep(deployment)
    sweep(deployment)
    assert rows(ledger, "SELECT due_at FROM notices") == [(until,)]


# What is thrown away.


def old_month(ledger: Engine) -> str:
    """A month of history that may be kept no longer; its name."""
    month = partitions.months_on(partitions.month_of(datetime.now(UTC)), -30)
    with ledger.begin() as tx:
        partitions.make(tx, "history", [month])
    return f"history_{month:%Y_%m}"


def parts(ledger: Engine) -> list[str]:
    with ledger.connect() as connection:
        return [part.name for part in partitions.parts(connection, "history")]


def test_no_month_is_dropped_and_nothing_put_away_while_the_clocks_disagree(
    deployment: Deployment, ledger: Engine, ledgers_clock: LedgersClock, states: States
) -> None:
    """A jump of years would take all history with it."""
    record(ledger, "SENT")
    put(ledger, "SENT", State.SENT, text="its words")
    before = parts(ledger)
    ledgers_clock.set_ahead(years=5)
    sweeps.keep_house(deployment.shared)
    assert parts(ledger) == before
    assert rows(ledger, "SELECT text FROM notices") == [("its words",)]
    ledgers_clock.set_ahead(years=0)
    name = old_month(ledger)
    sweeps.keep_house(deployment.shared)
    assert name not in parts(ledger)


def test_the_bell_of_the_roll_ups_counts_what_was_recorded(
    deployment: Deployment, ledger: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One bell does all that is due the first time."""
    record(ledger, "NEW")
    monkeypatch.setattr(tasks, "deployment", lambda: deployment)
    tasks.tally()
    assert rows(ledger, "SELECT state, number FROM tally_day") == [("due", 1)]


def test_where_all_clocks_are_one_a_leap_of_years_drops_nothing(
    deployment: Deployment, ledger: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """On one machine they always agree; but nobody has made the months of that time, as housekeeping would have."""
    record(ledger, "SENT")
    put(ledger, "SENT", State.SENT, text="its words")
    before = parts(ledger)
    leapt = datetime.now(UTC) + timedelta(days=5 * 365)
    monkeypatch.setattr(deployment.shared.second_clock, "now", lambda _: leapt)
    sweeps.keep_house(deployment.shared)
    assert parts(ledger) == before
    assert rows(ledger, "SELECT text FROM notices") == [("its words",)]
    assert [r.levelname for r in caplog.records if r.name == "hcc.sweeps"] == ["ERROR"]
    assert "hcc purge" in caplog.text


def test_what_was_written_while_the_clock_was_years_back_is_kept_like_all_of_its_time(
    deployment: Deployment, ledger: Engine, ledgers_clock: LedgersClock
) -> None:
    """By its date it is the oldest there is, and would be dropped at once; by the order of writing it is new."""
    record(ledger, "BEFORE")
    ledgers_clock.set_ahead(years=-6)
    record(ledger, "MEANWHILE")
    ledgers_clock.set_ahead(years=0)
    record(ledger, "AFTER")
    for code in ("BEFORE", "MEANWHILE", "AFTER"):
        put(ledger, code, State.SENT)
    for _ in range(2):  # the first makes months for what belongs to none
        sweeps.keep_house(deployment.shared)
    assert rows(ledger, "SELECT code FROM notices ORDER BY id") == [("BEFORE",), ("MEANWHILE",), ("AFTER",)]
    assert rows(ledger, "SELECT count(*) FROM notices WHERE recorded_at < now() - interval '1 hour'") == [(0,)]
    assert rows(ledger, "SELECT count(*) FROM history") == [(3,)]


def test_housekeeping_forgets_all_old_events_and_applying_new_ones_forgets_none(
    deployment: Deployment, ledger: Engine
) -> None:
    """What is old is thousands at once after a campaign; who follows now does not wait for their deletion."""
    with ledger.begin() as tx:
        old = [NewZaloEvent(b"%d" % n, "user_seen_message", "seen", datetime.now(UTC), None) for n in range(2500)]
        inbox.record(tx, OA, old)
        tx.execute(text("UPDATE zalo_events SET received_at = received_at - interval '31 days'"))
    sealer = Sealer(["0123456789abcdef"])
    Applier(OA, ledger, People.of(ledger, sealer), sealer, grace_days=14, ring=lambda: None).run(1.0)
    assert rows(ledger, "SELECT count(*) FROM zalo_events") == [(2500,)]
    sweeps.keep_house(deployment.shared)
    assert rows(ledger, "SELECT count(*) FROM zalo_events") == [(0,)]


def test_zalos_events_and_receipts_are_forgotten_by_two_clocks_only(
    ledger: Engine, ledgers_clock: LedgersClock
) -> None:
    """The key of an event is what makes its repetition harmless, a receipt may still find its notice."""
    with ledger.begin() as tx:
        inbox.record(tx, OA, [NewZaloEvent(b"key", "user_seen_message", "seen", datetime.now(UTC), None)])
        receipts.keep(tx, OA, [Receipt(receipts.SEEN, "m1", datetime.now(UTC))])
    ledgers_clock.set_ahead(days=60)
    with ledger.begin() as tx:
        assert inbox.purge(tx) == 0
        receipts.apply(tx, OA)
    assert rows(ledger, "SELECT count(*) FROM receipts") == [(1,)]
    ledgers_clock.set_ahead(days=0)
    with ledger.begin() as tx:
        tx.execute(text("UPDATE zalo_events SET received_at = received_at - interval '31 days'"))
        tx.execute(text("UPDATE receipts SET kept_until = kept_until - interval '4 days', look_at = now()"))
        assert inbox.purge(tx) == 1
        receipts.apply(tx, OA)
    assert rows(ledger, "SELECT count(*) FROM receipts") == [(0,)]
