"""Of what a person says, the later word counts: by its own time, and within one moment by its place in the inbox."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from domain.lifecycle import State
from ledger.archive.archive import AT_HAND, keep_house
from producers.hooks.record import Recorder, seal
from tests.producers.hooks.conftest import NOW, OA, OTHER, PHONE, USER, Office, body, event, follow, from_user, submit
from tests.producers.hooks.test_consequences import CODE, SECOND, claim, linked, put, tell, vouch

FOLLOW, UNFOLLOW = "follow", "unfollow"
BOTH_WAYS = pytest.mark.parametrize("words", list(itertools.permutations((FOLLOW, UNFOLLOW))))


def follows(office: Office) -> list[bool]:
    return [row.follows for row in office.rows("SELECT follows FROM followers")]


@BOTH_WAYS
@pytest.mark.parametrize("pages", [1, 2])
def test_follow_and_unfollow_of_one_moment_end_as_the_later_one_said(
    office: Office, words: tuple[str, str], pages: int
) -> None:
    """Whether they are applied together or one after the other."""
    first, second = (follow(word, at=NOW) for word in words)
    office.receive(first, second) if pages == 1 else (office.receive(first), office.receive(second))
    assert follows(office) == [words[1] == FOLLOW]


@BOTH_WAYS
def test_it_is_the_order_in_which_they_came_also_where_they_are_recorded_together(
    office: Office, words: tuple[str, str]
) -> None:
    """A batch is inserted by keys, so that two processes never wait in a ring; its numbers are given as it came."""

    async def both() -> None:
        recorder = Recorder(office.ledger, seal=lambda one: seal(one, office.sealer), recorded=lambda: None)
        for user in range(20):  # of twenty pairs the keys of some stand the other way round
            raws = (follow(word, f"8{user:05}", NOW) for word in words)
            await asyncio.gather(*(recorder.record(OA, event(raw)) for raw in raws))
        await recorder.close()

    asyncio.run(both())
    office.applier.run(10)
    assert follows(office) == [words[1] == FOLLOW] * 20


@BOTH_WAYS
def test_an_earlier_one_of_the_moment_that_is_applied_late_stays_the_earlier_one(
    office: Office, words: tuple[str, str]
) -> None:
    """It committed last, or could not be read at first."""
    office.receive(*(follow(word, at=NOW) for word in words), apply=False)
    with office.ledger.begin() as tx:
        tx.execute(text("UPDATE zalo_events SET applied_at = now() WHERE id = (SELECT min(id) FROM zalo_events)"))
    office.applier.run(10)
    with office.ledger.begin() as tx:
        tx.execute(text("UPDATE zalo_events SET applied_at = NULL WHERE sealed IS NOT NULL"))
    assert office.applier.run(10) == 1
    assert follows(office) == [words[1] == FOLLOW]


def test_an_event_of_the_moment_that_is_applied_twice_changes_nothing(office: Office) -> None:
    office.receive(follow(), follow("unfollow"), follow("unfollow"), follow())
    assert follows(office) == [False]


@pytest.mark.parametrize("words", list(itertools.permutations(("dừng", "tiếp tục"))))
@pytest.mark.parametrize("pages", [1, 2])
def test_dung_and_tiep_tuc_of_one_moment_end_as_the_later_one_said(
    office: Office, words: tuple[str, str], pages: int
) -> None:
    office.receive(submit(at=NOW - SECOND))
    first, second = (
        from_user("user_send_text", message={"msg_id": f"{9 - number}", "text": word})
        for number, word in enumerate(words)
    )
    office.receive(first, second) if pages == 1 else (office.receive(first), office.receive(second))
    assert [row.notices_off for row in office.rows("SELECT notices_off FROM followers")] == [words[1] == "dừng"]


@pytest.mark.parametrize("pages", [1, 2])
def test_a_phone_that_two_users_claim_at_one_moment_is_the_first_ones(office: Office, pages: int) -> None:
    first, second = submit(), submit(user=OTHER)
    office.receive(first, second) if pages == 1 else (office.receive(first), office.receive(second))
    assert linked(office) == {USER: f"+{PHONE}"}


def withdraw(seconds: float) -> bytes:
    return body("user_withdraw", NOW + timedelta(seconds=seconds), oa_id=OA, user_id=USER)


def test_a_withdrawal_that_comes_after_the_new_beginning_leaves_it(office: Office) -> None:
    """Zalo comes again for an hour: the person withdrew, shared the phone anew, and we hear of it in reverse."""
    office.receive(follow(at=NOW - 9 * SECOND), submit(at=NOW - 8 * SECOND))
    tell(office)
    put(office, claim(office), State.SENT)
    with office.ledger.begin() as tx:
        tx.exec_driver_sql("UPDATE notices SET recorded_at = now() - interval '1 hour'")
    office.receive(submit(at=NOW - 2 * SECOND))
    office.receive(withdraw(-5))
    assert linked(office) == {USER: f"+{PHONE}"}
    tell(office, "result_ready", 1)
    assert [notice.user_id for notice in claim(office) if notice.kind == "result_ready"] == [USER]


def test_a_withdrawal_that_comes_after_a_new_follow_takes_the_phone_of_before(office: Office) -> None:
    """Only what is older than it: the phone was not shared again."""
    office.receive(follow(at=NOW - 9 * SECOND), submit(at=NOW - 8 * SECOND))
    vouch(office, NOW - 8 * SECOND)
    tell(office)
    put(office, claim(office), State.SENT)
    tell(office, "result_ready", 1)
    with office.ledger.begin() as tx:
        tx.exec_driver_sql("UPDATE notices SET recorded_at = recorded_at - interval '1 hour'")
    office.receive(follow("unfollow", at=NOW - 3 * SECOND), follow(at=NOW - 2 * SECOND))
    office.receive(withdraw(-5))
    assert follows(office) == [True]
    assert linked(office) == {}
    assert office.states()[f"{CODE}/result_ready/1"] == "suppressed"
    assert office.rows("SELECT FROM notices WHERE text IS NOT NULL") == []
    assert [bytes(row.phone_sealed) for row in office.rows("SELECT phone_sealed FROM people")] == [b""]
    assert [row.user_id for row in office.rows("SELECT user_id FROM followers")] == [USER]


def long_ago(office: Office) -> None:
    """All notices are finished and put away."""
    with office.ledger.begin() as tx:
        tx.execute(
            text("""
                UPDATE notices SET state = 'sent', recorded_at = recorded_at - make_interval(days => :days),
                       fresh_at = fresh_at - make_interval(days => :days)"""),
            {"days": AT_HAND.days + 1},
        )
    keep_house(office.ledger, now=datetime.now(UTC), keep_months=24, by="test", seconds=10)
    assert office.states() == {}


def test_who_follows_again_after_ninety_days_is_not_welcomed_as_new(office: Office) -> None:
    """R27: nor asked for the phone again; one who never followed before is."""
    office.receive(follow(at=NOW - 9 * SECOND))
    long_ago(office)
    office.receive(follow("unfollow", at=NOW - 2 * SECOND), follow(at=NOW))
    assert office.states() == {}
    assert office.rung == 1
    office.receive(follow(user=OTHER))
    assert {key.split("/")[1] for key in office.states()} == {"welcome", "phone_request"}
