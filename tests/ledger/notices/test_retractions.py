"""Withdrawals: what is not true any more does not leave, whoever holds it at that moment (R12)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from domain.event import EVERY, Retraction, event_key
from domain.lane import Lane
from domain.lifecycle import State
from domain.notice import Attempt, Notice
from domain.outcome import Outcome, Sent, TryLater, Uncertain, Unreachable, Wait
from domain.retry import Decision, Patience, decide
from domain.settling import DoubtQuestion
from domain.tries import tag_of
from ledger.base.clock import now
from ledger.notices import claims, retractions, sweep_queries, uncertain, verbs
from ledger.notices.eligibility import Bounds
from ledger.notices.sweep_queries import Leased
from ledger.notices.uncertain import Doubt
from ledger.notices.verbs import Choice
from tests.ledger.conftest import OA, new

Record = Callable[..., set[str]]
Claim = Callable[..., list[Notice]]
FEE = event_key("A", "fee_requested", "7")


@pytest.fixture
def held(record: Record, claim: Claim) -> list[Notice]:
    """A fee that a worker holds, with the result of the same dossier behind it."""
    record(new("A", "fee_requested", occurrence="7"), new("A", "result_ready", minutes=9))
    return claim()


def withdraw(ledger: Engine, key: str = FEE) -> set[int]:
    """The poll finds the fee paid."""
    with ledger.begin() as tx:
        return retractions.retract(tx, OA, [Retraction("A", key, "fee paid")], by="producer")


def story(ledger: Engine) -> list[tuple[str, str | None]]:
    """State and reason of all notices, in the order of events."""
    with ledger.connect() as connection:
        found = connection.execute(text("SELECT state, reason FROM notices ORDER BY event_at, id"))
        return [tuple(row) for row in found]


def settle(ledger: Engine, held: list[Notice], outcome: Outcome) -> None:
    """The worker comes back with an outcome."""
    now = datetime.now(UTC)
    patience = Patience(30, 3600, timedelta(hours=72))
    settled = [
        (
            Attempt(notice, "zalo_cs", now, outcome, 1),
            decide(outcome, attempts=0, fresh_at=notice.fresh_at, now=now, patience=patience, jitter=0),
        )
        for notice in held
    ]
    with ledger.begin() as tx:
        claims.complete(tx, settled, by="worker")


def test_a_worker_that_asks_just_before_sending_learns_of_it(ledger: Engine, held: list[Notice]) -> None:
    """The mark is there as soon as the poll has committed, while the notice is `sending`."""
    assert withdraw(ledger) == {held[0].id}
    with ledger.begin() as tx:
        assert claims.unwanted(tx, held) == {held[0].id: "withdrawn meanwhile: fee paid"}
        why = Decision(State.SUPPRESSED, counts=False, reason="fee paid")
        claims.put_down(tx, [(held[0], why)], by="worker")
    assert story(ledger) == [("suppressed", "fee paid"), ("due", None)]


@pytest.mark.parametrize("outcome", [Wait("rate limit", 5), TryLater("connection refused")])
def test_what_comes_back_unsent_is_suppressed_and_lets_the_next_one_go(
    ledger: Engine, held: list[Notice], outcome: Outcome
) -> None:
    """No permit, or a retry: it would have been due again."""
    withdraw(ledger)
    settle(ledger, held, outcome)
    assert story(ledger) == [("suppressed", "fee paid"), ("due", None)]


def test_what_did_leave_is_sent(ledger: Engine, held: list[Notice]) -> None:
    """The mark says what is true, not what happened."""
    withdraw(ledger)
    settle(ledger, held, Sent("m1"))
    assert story(ledger)[0] == ("sent", None)


def test_a_worker_that_dies_holding_it_does_not_bring_it_back(ledger: Engine, held: list[Notice]) -> None:
    """The sweep's rescue makes things due again; this one is suppressed."""
    withdraw(ledger)
    with ledger.begin() as tx:
        sweep_queries.rescue(
            tx, certainly_not=[Leased(held[0].id, held[0].key, held[0].lease, None)], perhaps=[], by="sweep"
        )
    assert story(ledger)[0] == ("suppressed", "fee paid")


def test_a_doubt_that_is_settled_as_not_arrived_is_not_sent_again(ledger: Engine, held: list[Notice]) -> None:
    """Withdrawn while it was uncertain."""
    settle(ledger, held, Uncertain("reset"))
    withdraw(ledger)
    question = DoubtQuestion("", "A", datetime.now(UTC), 300)
    doubt = Doubt(held[0].id, OA, "A", held[0].key, "1", "zalo_cs", question, tried_under=tag_of(held[0].lease))
    with ledger.begin() as tx:
        uncertain.settle(tx, OA, [], [doubt], by="settle")
    assert story(ledger) == [("suppressed", "fee paid"), ("due", None)]


def test_a_dead_notice_is_not_raised_by_an_operator(ledger: Engine, held: list[Notice]) -> None:
    """Retried from a list of yesterday: the fee has been paid since."""
    with ledger.begin() as tx:
        tx.exec_driver_sql("UPDATE notices SET state = 'dead', lease = NULL WHERE kind = 'fee_requested'")
    withdraw(ledger)
    list(verbs.carry_out(ledger, OA, verbs.RETRY, Choice(), by="Lan", why="thử"))
    assert story(ledger)[0] == ("suppressed", "fee paid")


def test_what_nobody_could_be_told_is_suppressed_at_once(ledger: Engine, held: list[Notice]) -> None:
    """Otherwise a follower of tomorrow would be asked for a fee that is paid (R8)."""
    settle(ledger, held, Unreachable("not a follower"))
    withdraw(ledger)
    assert story(ledger)[0] == ("suppressed", "fee paid")


def test_every_occurrence_can_be_withdrawn_at_once(ledger: Engine, record: Record) -> None:
    """A key that ends with the star means all of the kind, and no other kind or dossier."""
    record(
        new("A", "stopped", occurrence="1"), new("A", "stopped", 1, "2"), new("A", "resumed", 2), new("AB", "stopped")
    )
    withdraw(ledger, event_key("A", "stopped", EVERY))
    with ledger.connect() as connection:
        left = connection.execute(text("SELECT event_key FROM notices WHERE withdrawn IS NULL ORDER BY event_key"))
        assert list(left.scalars()) == ["A/resumed/1", "AB/stopped/1"]


def test_true_again_it_waits_for_its_turn_but_not_within_a_minute(ledger: Engine, record: Record) -> None:
    """A slower poll may have read the source before the withdrawal."""
    record(new("A", "fee_requested", occurrence="7"))
    withdraw(ledger)
    with ledger.begin() as tx:
        assert retractions.true_again(tx, OA, [FEE], by="producer") == set()
        tx.exec_driver_sql("UPDATE notices SET withdrawn_at = withdrawn_at - interval '61 s'")
        assert len(retractions.true_again(tx, OA, [FEE], by="producer")) == 1
    assert story(ledger) == [("due", None)]


def test_true_again_it_is_believed_at_once_where_the_source_was_asked_after_the_withdrawal(
    ledger: Engine, record: Record
) -> None:
    """What a slower poll read before it is not, however late it is recorded: the ledger's clock tells them apart."""
    record(new("A", "fee_requested", occurrence="7"))
    before = moment(ledger)
    withdraw(ledger)
    after = moment(ledger)
    with ledger.begin() as tx:
        assert retractions.true_again(tx, OA, [FEE], by="producer", asked={FEE: before}) == set()
        assert retractions.disbelieved(tx, OA, [FEE]) == {"A"}
        assert len(retractions.true_again(tx, OA, [FEE], by="producer", asked={FEE: after})) == 1
        assert retractions.disbelieved(tx, OA, [FEE]) == set()
    assert story(ledger) == [("due", None)]


def test_who_asks_the_source_while_the_withdrawal_is_written_down_is_believed(ledger: Engine, record: Record) -> None:
    """The withdrawal's page had been read when its transaction began; it may commit long after that."""
    record(new("A", "fee_requested", occurrence="7"))
    with ledger.begin() as tx:
        tx.execute(text("SELECT now()"))
        asked = moment(ledger)
        retractions.retract(tx, OA, [Retraction("A", FEE, "fee paid")], by="producer")
    with ledger.begin() as tx:
        assert len(retractions.true_again(tx, OA, [FEE], by="producer", asked={FEE: asked})) == 1


def test_the_newest_withdrawal_counts(ledger: Engine, record: Record) -> None:
    """Not true, true, and not true again while a slow poll still had the second in its hands."""
    record(new("A", "fee_requested", occurrence="7"))
    withdraw(ledger)
    asked = moment(ledger)
    assert withdraw(ledger) == set(), "no news"
    with ledger.begin() as tx:
        assert retractions.true_again(tx, OA, [FEE], by="producer", asked={FEE: asked}) == set()
    assert story(ledger) == [("suppressed", "fee paid")]
    assert len(rows(ledger, "SELECT FROM history WHERE after = 'suppressed'")) == 1


def rows(ledger: Engine, query: str) -> list[object]:
    with ledger.connect() as connection:
        return list(connection.execute(text(query)))


def moment(ledger: Engine) -> datetime:
    """The ledger's time."""
    with ledger.connect() as connection:
        return now(connection)


def test_a_notice_that_was_told_is_not_told_again_when_it_is_true_again(ledger: Engine, held: list[Notice]) -> None:
    """R10 goes before."""
    settle(ledger, held, Sent("m1"))
    withdraw(ledger)
    with ledger.begin() as tx:
        retractions.true_again(tx, OA, [FEE], by="producer")
    assert story(ledger)[0] == ("sent", None)


def test_too_old_or_asleep_is_not_claimed(ledger: Engine, record: Record) -> None:
    """R15, and reminders at night: a worker may not be faster than the sweep."""
    record(new("A", fresh_at=datetime.now(UTC) - timedelta(hours=73)), new("B", "fee_reminder"), new("C"))
    with ledger.begin() as tx:
        claimed = claims.lock_due(
            tx, OA, Lane.SERVICE, "l", 9, bounds=Bounds(timedelta(hours=72), frozenset({"fee_reminder"}))
        )
    assert [notice.code for notice in claimed] == ["C"]
