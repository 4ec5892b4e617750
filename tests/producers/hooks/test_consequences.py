"""What follows from Zalo's events, in whatever order and however often they come."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.event import event_key
from domain.lane import Lane
from domain.lifecycle import State
from domain.notice import Letter, Notice
from domain.phone_claims import Demand
from domain.tracking import tracking_id
from ledger.notices import claims, notices, retractions
from ledger.notices.eligibility import Bounds
from ledger.notices.moves import Move, move
from ledger.notices.notices import NewNotice
from ledger.people.people import Link
from ledger.zalo import inbox
from producers.hooks.record import seal
from tests.producers.hooks.conftest import (
    NOW,
    OA,
    OTHER,
    PHONE,
    USER,
    Office,
    body,
    event,
    follow,
    from_user,
    submit,
    to_user,
)

SECOND = timedelta(seconds=1)
CODE = "H27-1"


def tell(office: Office, kind: str = "accepted", minutes: int = 0, phone: str = PHONE, code: str = CODE) -> None:
    """A dossier filed with this phone has an event."""
    with office.ledger.begin() as tx:
        person = office.people.ids(tx, OA, [f"+{phone}"])[f"+{phone}"]
        at = NOW + timedelta(minutes=minutes)
        new = NewNotice(event_key(code, kind, "1"), code, kind, None, {}, person, None, at, NOW)
        notices.record(tx, OA, [new])


def claim(office: Office, text: str | None = None) -> list[Notice]:
    """Claim all that is due, as a worker does."""
    with office.ledger.begin() as tx:
        claimed = claims.lock_due(tx, OA, Lane.SERVICE, "epoch.lease", 100, bounds=Bounds(timedelta(days=3)))
        letters = [Letter(notice, text or f"text of {notice.key}") for notice in claimed]
        claims.lease_out(tx, letters, seconds=60, by="test")
    return claimed


def put(office: Office, claimed: list[Notice], after: State, **more: Any) -> None:
    """What a worker's settling does to claimed notices."""
    with office.ledger.begin() as tx:
        move(tx, [Move(n.id, State.SENDING, after, lease=n.lease, **more) for n in claimed], by="test")


def linked(office: Office) -> dict[str, str]:
    """Which user has which phone."""
    with office.ledger.connect() as connection:
        return {row["user_id"]: phone for row, phone in office.people.followers(connection, OA) if phone}


def test_five_follows_bring_one_welcome_and_one_request_for_the_phone(office: Office) -> None:
    """R27: also when the events are five, and when one comes five times."""
    office.receive(*[follow(at=NOW - n * SECOND) for n in range(5)], *[follow()] * 5)
    code = f"follower-{office.rows('SELECT id FROM followers')[0].id}"
    assert office.states() == {f"{code}/welcome/1": "due", f"{code}/phone_request/1": "waiting"}
    assert [(n.kind, n.user_id) for n in claim(office)] == [("welcome", USER)]
    assert office.rung == 1


def test_who_follows_again_is_not_welcomed_again(office: Office) -> None:
    office.receive(follow(at=NOW - 9 * SECOND))
    put(office, claim(office), State.SENT)
    office.receive(follow("unfollow", at=NOW - 5 * SECOND))
    office.receive(follow(at=NOW))
    assert sorted(office.states().values()) == ["sent", "suppressed"]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_newest_of_follow_and_unfollow_counts_in_any_order(office: Office, order: tuple[int, ...]) -> None:
    events = [follow(at=NOW - 3 * SECOND), follow("unfollow", at=NOW - 2 * SECOND), follow(at=NOW - SECOND)]
    for place in order:
        office.receive(events[place])
    assert [row.follows for row in office.rows("SELECT follows FROM followers")] == [True]


def test_an_unfollow_stops_what_waits_and_what_is_claimed(office: Office) -> None:
    """R28: what was claimed before is found by the check before sending; what was not, finds nobody to tell."""
    office.receive(follow(at=NOW - 9 * SECOND), submit(at=NOW - 8 * SECOND))
    tell(office)
    claimed = claim(office)
    assert {n.kind for n in claimed} == {"welcome", "accepted"}
    office.receive(follow("unfollow"))
    with office.ledger.connect() as connection:
        assert claims.unwanted(connection, claimed) == {n.id: "unfollowed meanwhile" for n in claimed}
    put(office, claimed, State.DUE)
    assert [n.user_id for n in claim(office)] == [None, None]


@pytest.mark.parametrize(
    ("came", "why"),
    [
        (follow("unfollow", at=NOW + SECOND), "unfollowed meanwhile"),
        (from_user("user_send_text", at=NOW + SECOND, message={"text": "dừng", "msg_id": "m1"}), "opted out meanwhile"),
        (Link(OTHER, f"+{PHONE}", NOW + SECOND), "the phone moved to another user meanwhile"),
        (submit(phone="84978001009", at=NOW + SECOND), "the phone is no user's any more"),
        (from_user("user_withdraw", at=NOW + SECOND), "the phone is no user's any more"),
    ],
)
def test_what_is_let_go_before_it_leaves_says_why(office: Office, came: bytes | Link, why: str) -> None:
    """The history of a notice is what an operator reads: each cause has its own words, and nobody else is told."""
    office.receive(follow(at=NOW - 9 * SECOND), follow(user=OTHER, at=NOW - 9 * SECOND), submit(at=NOW - 8 * SECOND))
    tell(office)
    claimed = [notice for notice in claim(office) if notice.kind == "accepted"]
    assert [notice.user_id for notice in claimed] == [USER]
    with office.ledger.connect() as connection:
        assert claims.unwanted(connection, claimed) == {}
    if isinstance(came, Link):
        with office.ledger.begin() as tx:
            office.people.link(tx, OA, [came], source="cli")
    else:
        office.receive(came)
    with office.ledger.connect() as connection:
        assert claims.unwanted(connection, claimed) == {claimed[0].id: why}


def test_who_withdraws_with_a_proven_phone_is_let_go_whoever_has_it(office: Office) -> None:
    """The phone's own evidence goes with them, so it is the person who withdrew."""
    office.receive(follow(at=NOW - 9 * SECOND), submit(at=NOW - 8 * SECOND))
    vouch(office, NOW - 8 * SECOND)
    tell(office)
    claimed = [notice for notice in claim(office) if notice.kind == "accepted"]
    office.receive(from_user("user_withdraw", at=NOW + SECOND))
    with office.ledger.connect() as connection:
        assert claims.unwanted(connection, claimed) == {claimed[0].id: "the person withdrew meanwhile"}


def test_a_claim_that_the_user_renews_without_proof_lets_go_what_lies_before_it(office: Office) -> None:
    """R29: the phone was let go and claimed again between claim and send, so what was recorded before waits."""
    office.receive(follow(at=NOW - 9 * SECOND), submit(at=NOW - 8 * SECOND))
    tell(office)
    claimed = [notice for notice in claim(office) if notice.kind == "accepted"]
    with office.ledger.begin() as tx:
        tx.exec_driver_sql("UPDATE notices SET recorded_at = recorded_at - interval '1 hour'")
    careful = Office(office.ledger, Demand.CODE)
    careful.receive(submit(phone="84978001009", at=NOW + SECOND), submit(at=NOW + 2 * SECOND))
    assert linked(office) == {USER: f"+{PHONE}"}
    with office.ledger.connect() as connection:
        assert claims.unwanted(connection, claimed) == {claimed[0].id: "the phone is not proven to be this user's"}


def test_a_phone_that_is_shared_reopens_the_latest_notice_of_each_dossier(office: Office) -> None:
    """R8: the latest state that is still true, and not the whole history."""
    for minutes, kind in enumerate(("accepted", "fee_requested", "result_ready")):
        tell(office, kind, minutes)
    tell(office, code="H27-2")
    while held := claim(office):
        put(office, held, State.UNREACHABLE)
        with office.ledger.begin() as tx:
            notices.promote(tx, OA, None, by="test")
    office.receive(submit())
    assert office.states() == {
        f"{CODE}/accepted/1": "suppressed",
        f"{CODE}/fee_requested/1": "suppressed",
        f"{CODE}/result_ready/1": "due",
        "H27-2/accepted/1": "due",
    }
    assert office.rung == 1
    assert {n.user_id for n in claim(office)} == {USER}


def test_what_was_held_longer_than_the_grace_time_stays_closed(office: Office) -> None:
    tell(office)
    put(office, claim(office), State.UNREACHABLE)
    with office.ledger.begin() as tx:
        tx.exec_driver_sql("UPDATE notices SET fresh_at = fresh_at - interval '15 days'")
    office.receive(submit())
    assert office.states() == {f"{CODE}/accepted/1": "unreachable"}


def test_what_is_reopened_is_fresh_again(office: Office) -> None:
    """It was held for days, longer than a notice may be old; its age begins when it can be told."""
    tell(office)
    put(office, claim(office), State.UNREACHABLE)
    with office.ledger.begin() as tx:
        tx.exec_driver_sql("UPDATE notices SET fresh_at = fresh_at - interval '10 days', attempts = 7")
    office.receive(submit())
    row = office.rows("SELECT state, attempts, fresh_at > now() - interval '1 minute' AS fresh FROM notices")[0]
    assert tuple(row) == ("due", 0, True)


def test_a_fee_that_was_paid_meanwhile_is_not_asked_for_when_the_person_follows(office: Office) -> None:
    """R12: a held notice whose event is no longer true is suppressed like any other."""
    from domain.event import Retraction  # noqa: PLC0415 (this test alone)

    tell(office, "fee_requested")
    put(office, claim(office), State.UNREACHABLE)
    with office.ledger.begin() as tx:
        key = event_key(CODE, "fee_requested", "1")
        retractions.retract(tx, OA, [Retraction(CODE, key, "fee paid")], by="producer")
    office.receive(submit())
    assert office.states() == {f"{CODE}/fee_requested/1": "suppressed"}


def test_a_phone_that_somebody_holds_stays_where_it_is_and_the_claim_is_audited(office: Office) -> None:
    """R29: two users claim one phone; whatever the setting, only a stronger proof moves it."""
    office.receive(submit(at=NOW - 2 * SECOND))
    office.receive(submit(user=OTHER, at=NOW))
    office.receive(submit(at=NOW - SECOND))
    assert linked(office) == {USER: f"+{PHONE}"}
    audit = office.rows("SELECT verb, subject, by, why FROM audit")
    assert [(row.verb, row.by) for row in audit] == [
        ("phone link opened", "user_submit_info"),
        ("phone claim opened", "user_submit_info"),
    ]
    assert USER not in str(audit)
    assert PHONE[2:] not in str(audit)


def test_a_user_with_a_second_phone_has_the_second(office: Office) -> None:
    office.receive(submit(at=NOW - SECOND), submit("0978001002"))
    assert linked(office) == {USER: "+84978001002"}
    query = "SELECT why FROM audit WHERE verb = 'phone link closed'"
    assert [row.why for row in office.rows(query)] == ["the user has another phone now"]


def test_two_users_that_swap_phones_before_an_operator_have_swapped(office: Office) -> None:
    one, two = "0978001001", "0978001002"
    office.receive(submit(one), submit(two, OTHER))
    swapped = [Link(USER, "+84978001002"), Link(OTHER, "+84978001001")]
    with office.ledger.begin() as tx:
        office.people.link(tx, OA, swapped, source="cli")
    assert linked(office) == {USER: "+84978001002", OTHER: "+84978001001"}


def test_a_shared_phone_has_its_time_and_source(office: Office) -> None:
    office.receive(submit())
    row = office.rows("SELECT link_source, linked_at, last_interaction_at, follows FROM followers")[0]
    assert tuple(row) == ("user_submit_info", NOW, NOW, True)


def test_an_unfollow_is_not_undone_by_a_phone(office: Office) -> None:
    """Whether the event or an operator brings it."""
    office.receive(follow("unfollow", at=NOW - SECOND), submit())
    with office.ledger.begin() as tx:
        office.people.link(tx, OA, [Link(USER, f"+{PHONE}")], source="cli")
    assert [row.follows for row in office.rows("SELECT follows FROM followers")] == [False]


def test_who_shared_a_phone_already_is_not_asked_for_it(office: Office) -> None:
    office.receive(submit(at=NOW), apply=False)
    office.receive(follow(at=NOW - SECOND))
    office.receive(follow(user=OTHER))
    assert sorted(key.split("/")[1] for key in office.states()) == ["phone_request", "welcome", "welcome"]


def test_a_phone_shared_before_the_request_left_makes_the_request_needless(office: Office) -> None:
    office.receive(follow(at=NOW - SECOND))
    office.receive(submit())
    assert sorted(office.states().values()) == ["due", "suppressed"]


def test_a_doubtful_request_that_was_answered_did_arrive(office: Office) -> None:
    office.receive(follow(at=NOW - SECOND))
    put(office, claim(office), State.SENT)
    with office.ledger.begin() as tx:
        notices.promote(tx, OA, None, by="test")
    put(office, claim(office), State.UNCERTAIN)
    office.receive(submit())
    assert set(office.states().values()) == {"sent"}


def test_the_last_interaction_never_moves_back(office: Office) -> None:
    message = {"msg_id": "m1", "text": "Xin chào"}
    office.receive(from_user("user_send_text", message=message))
    office.receive(from_user("user_send_sticker", at=NOW - SECOND, message={"msg_id": "m2"}))
    row = office.rows("SELECT last_interaction_at, follows FROM followers")[0]
    assert tuple(row) == (NOW, False)


def vouch(office: Office, at: datetime) -> None:
    """An operator links the user."""
    with office.ledger.begin() as tx:
        assert office.people.link(tx, OA, [Link(USER, f"+{PHONE}", at)], source="cli")


def test_who_withdraws_is_erased_and_told_nothing_more(office: Office) -> None:
    """Law 91/2025: the person is gone, the proof stays, and what was sent stays sent."""
    office.receive(follow(at=NOW - 9 * SECOND), submit(at=NOW - 8 * SECOND))
    vouch(office, NOW - 8 * SECOND)
    tell(office)
    put(office, claim(office), State.SENT)
    tell(office, "result_ready", 1)
    office.receive(body("user_withdraw", NOW - 5 * SECOND, oa_id=OA, user_id=USER, user_id_by_app="1"))
    assert sorted(office.states().values()) == ["sent", "sent", "suppressed"]
    assert [row.text for row in office.rows("SELECT text FROM notices WHERE text IS NOT NULL")] == []
    assert [bytes(row.phone_sealed) for row in office.rows("SELECT phone_sealed FROM people")] == [b""]
    assert linked(office) == {}
    tables = ("followers", "people", "notices", "zalo_events", "receipts", "audit", "consents")
    assert not [table for table in tables if office.rows(f"SELECT FROM {table} t WHERE t::text LIKE '%{USER}%'")]
    words = [row.word for row in office.rows("SELECT word FROM consents ORDER BY at")]
    assert words == ["followed", "submitted", "withdrew"]
    tell(office, code="H27-9")
    assert [n.no_person_because for n in claim(office)] == ["the person withdrew"]


def test_what_a_person_did_before_withdrawing_is_not_learnt_afterwards(office: Office) -> None:
    """A retry brings an older event an hour late."""
    office.receive(follow(at=NOW - 9 * SECOND))
    office.receive(body("user_withdraw", oa_id=OA, user_id=USER))
    office.receive(submit(at=NOW - 5 * SECOND))
    assert not office.rows("SELECT FROM followers WHERE user_id = :user", user=USER)


def test_who_withdrew_may_begin_anew_once_the_phone_is_proven_better(office: Office) -> None:
    office.receive(
        submit(at=NOW - 9 * SECOND),
        body("user_withdraw", NOW - 5 * SECOND, oa_id=OA, user_id=USER),
        follow(at=NOW - 2 * SECOND),
        submit(at=NOW - SECOND),
    )
    assert linked(office) == {}
    vouch(office, NOW)
    assert linked(office) == {USER: f"+{PHONE}"}
    tell(office)
    assert {(n.kind, n.user_id, n.no_person_because) for n in claim(office)} == {
        ("welcome", USER, None),
        ("accepted", USER, None),
    }


def test_an_event_is_recorded_once_and_nothing_personal_is_left_of_it(office: Office) -> None:
    assert office.receive(submit(), submit(), apply=False) == 1
    [row] = office.rows("SELECT sealed, t::text AS shown FROM zalo_events t")
    for secret in (USER, PHONE, PHONE[2:]):
        assert secret not in row.shown
        assert secret.encode() not in bytes(row.sealed)
    assert office.applier.run(10) == 1
    assert office.receive(submit()) == 0, "a replay changes nothing"
    [row] = office.rows("SELECT sealed, applied_at, fault FROM zalo_events")
    assert (row.sealed, row.fault) == (None, None)
    assert row.applied_at is not None


def test_unknown_and_odd_events_are_kept_by_name_and_counted(office: Office) -> None:
    office.receive(body("user_dances", oa_id=OA, secret="nobody's business"), follow(follower={}))
    with office.ledger.connect() as connection:
        found = inbox.state(connection, OA)
    assert (found.unknown, found.odd, found.waiting) == (["user_dances"], 1, 0)


def test_a_poisoned_event_is_set_aside_and_the_others_go_on(office: Office) -> None:
    """Incident 13: its seal is broken, as after a lost key."""
    spoilt = seal(event(follow(user=OTHER)), office.sealer)
    with office.ledger.begin() as tx:
        inbox.record(tx, OA, [inbox.NewZaloEvent(spoilt.key, spoilt.name, spoilt.word, spoilt.at, b"x" * 40)])
    office.receive(follow())
    assert [row.user_id for row in office.rows("SELECT user_id FROM followers")] == [USER]
    assert [row.fault for row in office.rows("SELECT fault FROM zalo_events ORDER BY id")] == ["SealError", None]


def receipt(word: str, message_id: str = "m1", at: Any = NOW) -> bytes:
    """Zalo says that a message is on the phone, or was seen."""
    ids = {"received": {"msg_id": message_id}, "seen": {"msg_ids": [message_id]}}[word]
    return to_user(f"user_{word}_message", at=at, message=ids)


@pytest.mark.parametrize("words", list(itertools.permutations(["received", "seen", "received", "seen"])))
def test_receipts_in_any_order_and_twice_end_in_seen(office: Office, words: tuple[str, ...]) -> None:
    """Incident 7: a state never goes back, and a receipt after the last one changes nothing."""
    tell(office)
    put(office, claim(office), State.SENT, message_id="m1")
    for number, word in enumerate(words):
        office.receive(receipt(word, at=NOW + number * SECOND))
    assert office.states() == {f"{CODE}/accepted/1": "seen"}
    assert office.rows("SELECT FROM receipts WHERE look_at < kept_until - interval '4 days'") == []


def test_receipts_that_come_before_our_own_commit_wait_for_it(office: Office) -> None:
    """Incident 7: Zalo tells faster than we write."""
    tell(office)
    claimed = claim(office)
    office.receive(receipt("seen"), receipt("received"))
    assert office.states() == {f"{CODE}/accepted/1": "sending"}
    put(office, claimed, State.SENT, message_id="m1")
    with office.ledger.begin() as tx:
        tx.exec_driver_sql("UPDATE receipts SET look_at = now()")
    office.applier.run(10)
    assert office.states() == {f"{CODE}/accepted/1": "seen"}


@pytest.mark.parametrize("state", [State.DEAD, State.UNREACHABLE, State.DUE])
def test_a_receipt_moves_nothing_that_has_not_left(office: Office, state: State) -> None:
    tell(office)
    put(office, claim(office), state)
    office.receive(receipt("received"), receipt("received", "m2"))
    assert office.states() == {f"{CODE}/accepted/1": state.value}


def test_a_receipt_that_nobody_waits_for_is_forgotten(office: Office) -> None:
    office.receive(receipt("received"))
    with office.ledger.begin() as tx:
        tx.exec_driver_sql("UPDATE receipts SET look_at = now(), kept_until = now() - interval '1 second'")
    office.applier.run(10)
    assert office.rows("SELECT FROM receipts") == []


def doubtful(office: Office, text: str = "Hồ sơ đã xong") -> None:
    """A notice whose sending nobody saw the end of."""
    put(office, claim(office, text), State.UNCERTAIN)


def echo(message_id: str = "m1", text: str = "Hồ sơ đã xong", user: str = USER, at: Any = None) -> bytes:
    """Of now, unless said: it is held against the moment of the sending, and NOW may be some minutes ago."""
    moment = at or datetime.now(UTC) + SECOND
    return to_user("oa_send_text", user, moment, message={"msg_id": message_id, "text": text})


def test_an_echo_settles_a_doubt_and_lets_the_next_notice_go(office: Office) -> None:
    office.receive(submit(at=NOW - SECOND))
    tell(office)
    tell(office, "result_ready", 1)
    doubtful(office)
    office.receive(echo(), receipt("received"))
    assert office.states() == {f"{CODE}/accepted/1": "delivered", f"{CODE}/result_ready/1": "due"}


def test_an_echo_that_came_before_the_doubt_settles_it(office: Office) -> None:
    """The worker was killed after Zalo accepted; its lease ends long after the echo."""
    office.receive(submit(at=NOW - SECOND))
    tell(office)
    claimed = claim(office, "Hồ sơ đã xong")
    office.receive(echo())
    put(office, claimed, State.UNCERTAIN)
    with office.ledger.begin() as tx:
        tx.exec_driver_sql("UPDATE receipts SET look_at = now()")
    office.applier.run(10)
    assert office.states() == {f"{CODE}/accepted/1": "sent"}


def test_a_notice_that_was_found_in_the_conversation_bears_its_receipts_all_the_same(office: Office) -> None:
    """The look came before the echo: until that has told the message id, nobody knows whose receipt it is."""
    office.receive(submit(at=NOW - SECOND))
    tell(office)
    put(office, claim(office, "Hồ sơ đã xong"), State.SENT, message_id=None)
    office.receive(receipt("received"), receipt("seen"))
    assert office.states() == {f"{CODE}/accepted/1": "sent"}
    office.receive(echo())
    assert office.states() == {f"{CODE}/accepted/1": "seen"}


@pytest.mark.parametrize(
    "stranger",
    [echo(text="Hồ sơ đã xong."), echo(user=OTHER), echo(at=NOW - timedelta(minutes=10))],
    ids=["other words", "another person", "before the request"],
)
def test_an_echo_of_something_else_settles_nothing(office: Office, stranger: bytes) -> None:
    office.receive(submit(at=NOW - SECOND), submit("0978001009", OTHER, at=NOW - SECOND))
    tell(office)
    doubtful(office)
    office.receive(stranger)
    assert office.states() == {f"{CODE}/accepted/1": "uncertain"}


@pytest.mark.parametrize("known_id", ["m1", None], ids=["its id is known", "its id is not known"])
def test_two_notices_that_read_alike_are_told_apart(office: Office, known_id: str | None) -> None:
    """Two fee requests of one amount: the echo of the first says nothing of the second."""
    office.receive(submit(at=NOW - SECOND))
    tell(office)
    put(office, claim(office, "Hồ sơ đã xong"), State.SENT, message_id=known_id)
    tell(office, "result_ready", 1)
    office.receive(echo("m1"))
    doubtful(office)
    with office.ledger.begin() as tx:
        tx.exec_driver_sql("UPDATE receipts SET look_at = now()")
    office.receive(echo("m1", at=NOW + 2 * SECOND))
    assert office.states()[f"{CODE}/result_ready/1"] == "uncertain"
    office.receive(echo("m2"))
    assert office.states()[f"{CODE}/result_ready/1"] == "sent"
    assert office.rows("SELECT message_id FROM notices ORDER BY id")[1].message_id == "m2"


def test_a_delivery_by_phone_that_brings_our_tracking_id_settles_a_doubt(office: Office) -> None:
    tell(office)
    doubtful(office)
    [row] = office.rows("SELECT id FROM notices")
    message = {
        "msg_id": "z1",
        "delivery_time": str(int(NOW.timestamp() * 1000)),
        "tracking_id": tracking_id(row.id, OA, f"{CODE}/accepted/1"),
    }
    office.receive(to_user("user_received_message", PHONE, message=message), by_phone=True)
    assert office.states() == {f"{CODE}/accepted/1": "delivered"}
    [row] = office.rows("SELECT channel, message_id FROM notices")
    assert tuple(row) == ("zns", "z1")
