"""Recording, claiming and settling notices on a real PostgreSQL."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from domain.event import Retraction
from domain.lane import Lane
from domain.lifecycle import State
from domain.notice import Attempt, Notice
from domain.outcome import Outcome, Sent, TryLater, Unreachable
from domain.retry import Patience, decide
from ledger.notices import claims, eligibility, retractions, sweep_queries
from ledger.notices.moves import Move, move
from ledger.notices.sweep_queries import Leased
from ledger.reports import reports
from tests.ledger.conftest import BOUNDS, OA, new

Record = Callable[..., set[str]]
Claim = Callable[..., list[Notice]]


def states(ledger: Engine) -> dict[str, str]:
    with ledger.connect() as connection:
        return {row.event_key: row.state for row in connection.execute(text("SELECT event_key, state FROM notices"))}


def settle(ledger: Engine, claimed: list[Notice], outcome: Outcome) -> set[int]:
    now = datetime.now(UTC)
    patience = Patience(30, 3600, timedelta(hours=72))
    attempts = [Attempt(notice, "zalo_cs", now, outcome, 12) for notice in claimed]
    decisions = [
        decide(outcome, attempts=n.attempts, fresh_at=n.fresh_at, now=now, patience=patience, jitter=0.5)
        for n in claimed
    ]
    with ledger.begin() as tx:
        return claims.complete(tx, list(zip(attempts, decisions, strict=True)), by="test")


def test_an_event_is_recorded_once_however_often_it_is_seen(record: Record) -> None:
    """R10: the same key, in one page or in two, makes one notice."""
    assert record(new("A"), new("A")) == {"A/accepted/1"}
    assert record(new("A")) == set()


def test_two_polls_that_record_the_same_events_at_once_make_one_notice_each(ledger: Engine, record: Record) -> None:
    """R10: overlapping polls race for the same keys and neither fails."""
    events = [new(f"D{n}") for n in range(200)]
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: record(*events), range(2))
    assert first | second == {event.event_key for event in events}
    assert not first & second
    assert len(states(ledger)) == 200


def test_a_later_notice_of_a_dossier_waits_for_the_earlier_one(ledger: Engine, record: Record, claim: Claim) -> None:
    """R11: accepted and result found in one poll go out in the order of their events."""
    record(new("A", "result_ready", minutes=30), new("A", "accepted", minutes=0))
    assert states(ledger) == {"A/accepted/1": "due", "A/result_ready/1": "waiting"}
    claimed = claim()
    assert [notice.key for notice in claimed] == ["A/accepted/1"]
    assert claim("epoch.other") == []
    settle(ledger, claimed, Sent("m1"))
    assert [notice.key for notice in claim("epoch.third")] == ["A/result_ready/1"]


def test_a_late_discovered_earlier_event_goes_before_one_that_is_already_due(record: Record, claim: Claim) -> None:
    """R11: order is by event time, not by the time of recording."""
    record(new("A", "result_ready", minutes=30))
    record(new("A", "fee_requested", minutes=5))
    assert [notice.kind for notice in claim()] == ["fee_requested"]


def test_a_notice_is_claimed_by_one_worker_only(record: Record, claim: Claim) -> None:
    """Four workers that claim at once never get the same notice."""
    record(*(new(f"D{n}") for n in range(100)))
    with ThreadPoolExecutor(4) as pool:
        batches = list(pool.map(lambda n: claim(f"epoch.{n}", limit=40), range(4)))
    ids = [notice.id for batch in batches for notice in batch]
    assert len(ids) == len(set(ids))


def test_settling_needs_the_lease_that_was_claimed(ledger: Engine, record: Record, claim: Claim) -> None:
    """Law 2: a worker whose lease was taken over changes nothing, and that is a normal return."""
    record(new("A"))
    claimed = claim()
    with ledger.begin() as tx:
        sweep_queries.rescue(
            tx, certainly_not=[Leased(claimed[0].id, claimed[0].key, "epoch.lease", None)], perhaps=[], by="sweep"
        )
    assert settle(ledger, claimed, Sent("m1")) == set()
    assert states(ledger) == {"A/accepted/1": "due"}


def test_r7_a_phone_that_zalo_does_not_know_is_an_end_and_no_retry(
    ledger: Engine, record: Record, claim: Claim
) -> None:
    """R7: terminal and counted; the later notice of the dossier is not held back by it."""
    record(new("A"), new("A", "result_ready", minutes=9))
    settle(ledger, claim(), Unreachable("no Zalo account has this phone"))
    assert states(ledger) == {"A/accepted/1": "unreachable", "A/result_ready/1": "due"}
    with ledger.connect() as connection:
        assert reports.live_counts(connection, OA)["unreachable"] == 1
    assert [notice.kind for notice in claim("epoch.next")] == ["result_ready"]


def test_a_retry_is_due_in_the_future_and_blocks_later_ones(ledger: Engine, record: Record, claim: Claim) -> None:
    """§3: a notice that will be tried again holds the later ones of its dossier back."""
    record(new("A"), new("A", "result_ready", minutes=9))
    settle(ledger, claim(), TryLater("connection refused"))
    assert states(ledger) == {"A/accepted/1": "due", "A/result_ready/1": "waiting"}
    assert claim("epoch.next") == []


def test_a_withdrawn_fee_is_suppressed_and_lets_the_next_notice_go(ledger: Engine, record: Record) -> None:
    """R12: a fee that was paid before sending is not announced."""
    record(new("A", "fee_requested", occurrence="7"), new("A", "result_ready", minutes=9))
    with ledger.begin() as tx:
        retractions.retract(tx, OA, [Retraction("A", "A/fee_requested/7", "fee paid")], by="producer")
    assert states(ledger) == {"A/fee_requested/7": "suppressed", "A/result_ready/1": "due"}


def test_every_move_leaves_a_history_row(ledger: Engine, record: Record, claim: Claim) -> None:
    """Law 2: the whole life of a notice can be read back, with who and why."""
    record(new("A"))
    settle(ledger, claim(), Sent("m1"))
    with ledger.connect() as connection:
        [story] = reports.dossier(connection, OA, "A")
    assert [(step["from"], step["to"]) for step in story["history"]] == [
        (None, "due"),
        ("due", "sending"),
        ("sending", "sent"),
    ]
    assert story["attempts"][0]["outcome"] == "sent"
    assert story["text"] == "text of A/accepted/1"


def test_an_arrow_that_the_table_does_not_have_is_refused(ledger: Engine) -> None:
    """§3: nothing leads out of `sent` but receipts."""
    with ledger.begin() as tx, pytest.raises(ValueError, match="from sent to due"):
        move(tx, [Move(1, State.SENT, State.DUE)], by="test")


def test_no_reason_is_too_long_for_the_index_of_lists(ledger: Engine, record: Record, claim: Claim) -> None:
    """Its beginning is kept."""
    record(new("A"))
    [notice] = claim("epoch.one")
    why = secrets.token_hex(10_000)  # random, so that the server cannot compress it
    with ledger.begin() as tx:
        dead = Move(notice.id, State.SENDING, State.DEAD, why=why, lease=notice.lease)
        assert move(tx, [dead], by="test") == {notice.id}
        assert tx.execute(text("SELECT reason FROM notices")).scalar_one() == why[:500]
        assert tx.execute(text("SELECT why FROM history WHERE after = 'dead'")).scalar_one() == why[:500]


def test_an_expired_lease_is_found_and_a_living_one_is_left_alone(ledger: Engine, record: Record, claim: Claim) -> None:
    """Incident 3: a sweep sees expired leases only."""
    record(new("A"), new("B"))
    claim("epoch.dead", limit=1, seconds=0)
    claim("epoch.alive", limit=1, seconds=60)
    with ledger.begin() as tx:
        assert list(sweep_queries.expired_leases(tx, OA, limit=10)) == ["epoch.dead"]


def test_a_notice_that_is_too_old_expires(ledger: Engine, record: Record) -> None:
    """R15: nothing older than the maximum age is sent."""
    record(new("A", fresh_at=datetime.now(UTC) - timedelta(hours=80)), new("B"))
    with ledger.begin() as tx:
        sweep_queries.expire(tx, OA, now=datetime.now(UTC), hours=72, by="sweep", limit=10)
    assert states(ledger) == {"A/accepted/1": "expired", "B/accepted/1": "due"}


def test_after_an_outage_only_the_latest_state_of_a_dossier_is_told(ledger: Engine, record: Record) -> None:
    """R15: three events of a dossier found two days late make one notice; a fresh dossier is told everything."""
    late = datetime.now(UTC) - timedelta(hours=48)
    record(
        new("A", fresh_at=late),
        new("A", "fee_requested", minutes=5, fresh_at=late),
        new("A", "result_ready", minutes=9, fresh_at=late),
        new("B"),
        new("B", "result_ready", minutes=9),
    )
    assert states(ledger) == {
        "A/accepted/1": "suppressed",
        "A/fee_requested/1": "suppressed",
        "A/result_ready/1": "due",
        "B/accepted/1": "due",
        "B/result_ready/1": "waiting",
    }


def test_the_first_lane_is_the_highest_that_has_something_to_send(record: Record, claim: Claim, ledger: Engine) -> None:
    """Incident 8: a replay of thousands waits for today's notices, however long it is due already."""
    record(new("A", "accepted"), new("B", "accepted"), new("C", "accepted"), new("C", "result_ready", 5))
    with ledger.begin() as tx:
        assert eligibility.first_lane(tx, OA, BOUNDS) is Lane.SERVICE
        tx.execute(text("UPDATE notices SET lane = 2, due_at = due_at - interval '1 hour' WHERE code = 'A'"))
        tx.execute(text("UPDATE notices SET lane = 0, due_at = now() + interval '1 hour' WHERE code = 'B'"))
        assert eligibility.first_lane(tx, OA, BOUNDS) is Lane.SERVICE
    assert [notice.key for notice in claim()] == ["C/accepted/1"]
    with ledger.begin() as tx:
        assert eligibility.first_lane(tx, OA, BOUNDS) is Lane.BULK
    assert [notice.key for notice in claim("epoch.bulk", lane=Lane.BULK)] == ["A/accepted/1"]
    with ledger.begin() as tx:
        assert eligibility.first_lane(tx, OA, BOUNDS) is None
