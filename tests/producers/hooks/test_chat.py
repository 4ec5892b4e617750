"""Answers in the chat: a dossier's time line to its person, silence on demand, and no spam."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

from sqlalchemy import text as sql

from domain.lane import Lane
from domain.lifecycle import State
from ledger.notices import claims
from ledger.notices.eligibility import Bounds
from ledger.people.chat import Asker
from producers.hooks.ask import Wish, read_ask
from producers.hooks.chat import ChatQuestion, may_be_answered
from tests.producers.hooks.conftest import NOW, OA, OTHER, PHONE, USER, Office, follow, from_user, submit
from tests.producers.hooks.test_consequences import CODE, SECOND, claim, put, tell

SECRET_CODE = "H27.37-240219-1001"
_ids = itertools.count(1)


def say(words: str, user: str = USER, seconds: float = 0) -> bytes:
    at = NOW + timedelta(seconds=seconds)
    return from_user("user_send_text", user, at, message={"msg_id": f"m{next(_ids)}", "text": words})


def join(office: Office, user: str = USER, phone: str = PHONE) -> None:
    """Somebody follows and shares the phone; the greetings are over."""
    office.receive(follow(user=user, at=NOW - 99 * SECOND), submit(phone, user, at=NOW - 98 * SECOND))
    with office.ledger.begin() as tx:
        tx.execute(sql("DELETE FROM history"))
        tx.execute(sql("DELETE FROM notices WHERE kind IN ('welcome', 'phone_request')"))


def answers(office: Office) -> list[tuple[str, Any]]:
    """What was answered, in order: kind and facts."""
    query = "SELECT kind, facts FROM notices WHERE kind LIKE 'chat%' ORDER BY event_at, id"
    return [(row.kind, row.facts) for row in office.rows(query)]


def kinds(office: Office) -> list[str]:
    return [kind for kind, _ in answers(office)]


def test_the_own_dossier_is_answered_with_its_time_line(office: Office) -> None:
    """What we told and know, with times; the amount of a fee only once it was told."""
    join(office)
    tell(office, "accepted", code=SECRET_CODE)
    tell(office, "fee_requested", minutes=7, code=SECRET_CODE)
    with office.ledger.begin() as tx:
        tx.execute(sql("UPDATE notices SET facts = '{\"amount\": 1000000}' WHERE kind = 'fee_requested'"))
    office.receive(say("tra cứu h27.37 – 240219 – 1001."))
    with office.ledger.begin() as tx:
        tx.execute(sql("UPDATE notices SET state = 'sent' WHERE kind = 'fee_requested'"))
    office.receive(say("Hồ sơ của tôi", seconds=1))
    (first, before), (second, after) = answers(office)
    assert (first, second) == ("chat_dossiers", "chat_dossiers")
    steps = before["stories"][0]["steps"]
    assert [(step["kind"], step["amount"]) for step in steps] == [("accepted", None), ("fee_requested", None)]
    assert [step["amount"] for step in after["stories"][0]["steps"]] == [None, 1_000_000]
    row = office.rows("SELECT lane, person_id, follower_id FROM notices WHERE kind = 'chat_dossiers' LIMIT 1")[0]
    assert (row.lane, row.person_id, row.follower_id is not None) == (0, None, True)


def test_unknown_and_not_yours_are_one_answer(office: Office) -> None:
    """Nobody learns from the chat that a dossier exists."""
    join(office)
    join(office, OTHER, "84978001002")
    tell(office, code=SECRET_CODE)
    office.receive(say(SECRET_CODE, OTHER), say("H27.37-240219-9999", OTHER, 1), say(SECRET_CODE, "77", 2))
    assert answers(office) == [("chat_nothing", {})] * 3


def test_a_corrected_phone_makes_a_stranger_of_whose_it_was(office: Office) -> None:
    """The newest notice says whose the dossier is."""
    join(office)
    join(office, OTHER, "84978001002")
    tell(office, "accepted", code=SECRET_CODE)
    tell(office, "result_ready", minutes=9, phone="84978001002", code=SECRET_CODE)
    office.receive(say(SECRET_CODE), say(SECRET_CODE, OTHER, 1))
    (mine, _), (theirs, told) = answers(office)
    assert (mine, theirs) == ("chat_nothing", "chat_dossiers")
    assert len(told["stories"][0]["steps"]) == 2


def test_a_fee_that_is_no_more_true_is_not_in_the_time_line(office: Office) -> None:
    join(office)
    tell(office, "accepted", code=SECRET_CODE)
    tell(office, "fee_requested", minutes=7, code=SECRET_CODE)
    with office.ledger.begin() as tx:
        tx.execute(sql("UPDATE notices SET withdrawn = 'fee paid' WHERE kind = 'fee_requested'"))
    office.receive(say(SECRET_CODE))
    assert [step["kind"] for step in answers(office)[0][1]["stories"][0]["steps"]] == ["accepted"]


def test_a_code_of_no_grammar_is_known_where_it_is_the_askers_own(office: Office) -> None:
    """A code is opaque text; to all others the same words are chatter."""
    join(office)
    tell(office, "accepted", code="MC/2024-A15.7")
    office.receive(say("mc/2024 – a15.7"), say("mc/2024 – a15.7", OTHER, 1))
    assert kinds(office) == ["chat_dossiers", "chat_help"]


def test_my_dossiers_are_the_newest_few_and_fit_a_message(office: Office) -> None:
    join(office)
    for number in range(8):
        tell(office, "accepted", minutes=number, code=f"H27.37-240219-100{number}")
    office.receive(say("Hồ sơ của tôi"))
    codes = [story["code"][-1] for story in answers(office)[0][1]["stories"]]
    assert codes == ["7", "6", "5", "4", "3"]


def test_the_same_message_five_times_is_answered_once(office: Office) -> None:
    join(office)
    raw = say("trợ giúp")
    office.receive(raw, raw, raw)
    office.receive(raw)
    assert kinds(office) == ["chat_help"]


def test_ten_answers_a_minute_and_what_is_more_is_counted(office: Office) -> None:
    """Whether the messages come in one page or one by one; a minute later there is an answer again."""
    join(office)
    office.receive(*[say(f"H27.37-240219-{n:04}", seconds=n) for n in range(6)])
    for n in range(6, 12):
        office.receive(say(f"H27.37-240219-{n:04}", seconds=n))
    assert kinds(office) == ["chat_nothing"] * 10
    assert [row.ignored for row in office.rows("SELECT ignored FROM followers")] == [2]


def test_may_be_answered_is_a_matter_of_counting() -> None:
    question = ChatQuestion(USER, Asker(1, None), NOW, "m", read_ask("trợ giúp"))
    given = [(NOW - n * SECOND, False) for n in range(10)]
    assert not may_be_answered(question, given)
    assert may_be_answered(question, given[1:])
    assert may_be_answered(question, [(NOW - timedelta(minutes=1, seconds=n), False) for n in range(99)])
    chatter = ChatQuestion(USER, Asker(1, None), NOW, "m", read_ask("Cảm ơn"))
    assert chatter.ask.wish is Wish.OTHER
    assert may_be_answered(chatter, [(NOW - timedelta(hours=25), True), (NOW, False)])
    assert not may_be_answered(chatter, [(NOW - timedelta(hours=23), True)])
    assert may_be_answered(question, [(NOW - timedelta(hours=23), True)])


def test_chatter_is_answered_with_help_once_a_day(office: Office) -> None:
    """A person must not be spammed; who asks for help gets it."""
    join(office)
    office.receive(*[say(words, seconds=n) for n, words in enumerate(("Xin chào", "Cảm ơn", "ok", "trợ giúp"))])
    assert kinds(office) == ["chat_help", "chat_help"]


def test_dung_suppresses_what_waits_and_what_comes_and_tiep_tuc_begins_anew(office: Office) -> None:
    """On again means from now on; both words are kept as proofs."""
    join(office)
    tell(office, "accepted")
    office.receive(say("DUNG"))
    tell(office, "fee_requested", minutes=1)
    assert {office.states()[f"{CODE}/{kind}/1"] for kind in ("accepted", "fee_requested")} == {"suppressed"}
    assert {row.reason for row in office.rows("SELECT reason FROM notices WHERE state = 'suppressed'")} == {"opted out"}
    office.receive(say("Tiếp tục nhận tin", seconds=1))
    tell(office, "result_ready", minutes=2)
    states = office.states()
    assert states[f"{CODE}/result_ready/1"] == "due"
    assert states[f"{CODE}/accepted/1"] == "suppressed"
    assert kinds(office) == ["chat_off", "chat_on"]
    words = {row.word for row in office.rows("SELECT word FROM consents")}
    assert {"stopped", "resumed"} <= words


def test_an_older_word_that_comes_late_changes_nothing(office: Office) -> None:
    join(office)
    office.receive(say("tiếp tục", seconds=5))
    office.receive(say("dừng", seconds=1))
    assert [row.notices_off for row in office.rows("SELECT notices_off FROM followers")] == [False]


def test_what_a_worker_holds_at_that_moment_is_let_go_and_never_sent(office: Office) -> None:
    """The word comes between the claim and the sending."""
    join(office)
    tell(office)
    claimed = claim(office)
    office.receive(say("dừng"))
    with office.ledger.connect() as connection:
        assert claims.unwanted(connection, claimed) == {claimed[0].id: "opted out meanwhile"}
    put(office, claimed, State.DUE)
    assert [notice.opted_out for notice in claim(office) if notice.code == CODE] == [True]


def test_who_said_dung_before_sharing_the_phone_is_not_told_what_was_held(office: Office) -> None:
    tell(office)
    put(office, claim(office), State.UNREACHABLE)
    office.receive(follow(at=NOW - 9 * SECOND), say("dừng"))
    office.receive(submit(at=NOW + 5 * SECOND))
    assert office.states()[f"{CODE}/accepted/1"] == "unreachable"


def test_who_asks_without_following_is_answered_and_who_left_since_is_not(office: Office) -> None:
    """Zalo lets the OA answer whoever wrote; R28: who leaves afterwards has the last word."""
    office.receive(say(SECRET_CODE))
    assert [notice.user_id for notice in claim_answers(office)] == [USER]
    office.receive(follow("unfollow", OTHER, NOW), say("trợ giúp", OTHER, 1))
    assert [notice.user_id for notice in claim_answers(office)] == [USER, OTHER]
    office.receive(say("trợ giúp", "99", 2), follow("unfollow", "99", NOW + 3 * SECOND))
    assert [notice.user_id for notice in claim_answers(office)] == [USER, OTHER]


def claim_answers(office: Office) -> list[Any]:
    """Claim what is due in the interactive lane."""

    with office.ledger.begin() as tx:
        return [
            notice
            for notice in claims.lock_due(tx, OA, Lane.INTERACTIVE, "l", 100, bounds=Bounds(timedelta(days=3)))
            if notice.user_id
        ]


def test_nothing_that_was_written_is_kept(office: Office) -> None:
    """Personal words are sealed at the door and erased once applied; the answer has no person in its facts."""
    join(office)
    office.receive(say("Tôi là Nguyễn Văn An, 0978001001, tra cứu H27.37-240219-1001"))
    assert office.rows("SELECT FROM zalo_events WHERE sealed IS NOT NULL") == []
    kept = repr(office.rows("SELECT event_key, code, facts, text FROM notices") + office.rows("SELECT * FROM history"))
    for personal in ("Văn An", "0978001001", USER, "1001'"):
        assert personal not in kept


def test_who_withdraws_takes_the_answers_along(office: Office) -> None:
    """Law 91/2025: what tied a Zalo user to dossiers is gone, and nothing more is told."""
    join(office)
    tell(office, code=SECRET_CODE)
    office.receive(say(SECRET_CODE), say("dừng", seconds=1))
    office.receive(from_user("user_withdraw", at=NOW + 5 * SECOND))
    assert {facts == {} for _, facts in answers(office)} == {True}
    assert claim_answers(office) == []
    assert {row.word for row in office.rows("SELECT word FROM consents")} >= {"stopped", "withdrew"}


def test_a_text_without_words_is_an_interaction_and_no_question(office: Office) -> None:
    join(office)
    office.receive(from_user("user_send_text", message={"msg_id": "empty"}), from_user("user_send_text", at=NOW))
    assert answers(office) == []
