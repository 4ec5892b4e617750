"""A phone is typed by whoever likes: nothing moves without a proof, and whose it is hears of it (R29)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from domain.lifecycle import State
from domain.phone_claims import Demand, Judgement
from ledger.notices import sweep_queries
from ledger.people.people import Link
from ledger.people.phonebook import Phonebook
from tests.producers.hooks.conftest import NOW, OA, OTHER, PHONE, USER, Office, body, follow, submit
from tests.producers.hooks.test_chat import SECRET_CODE, answers, say
from tests.producers.hooks.test_consequences import CODE, SECOND, claim, linked, put, tell

THIRD = "6142494823000001003"
HELD = f"{CODE}/accepted/1"


@pytest.fixture
def office(ledger: Engine) -> Office:
    """As it is by default: a dossier's code is the least proof."""
    return Office(ledger, Demand.CODE)


def holds_back(office: Office, code: str = CODE) -> None:
    """A notice that waits for a follower, recorded an hour ago."""
    tell(office, code=code)
    put(office, claim(office), State.UNREACHABLE)
    with office.ledger.begin() as tx:
        tx.exec_driver_sql("UPDATE notices SET recorded_at = recorded_at - interval '1 hour'")


def told(office: Office, kind: str) -> list[str]:
    """The users to whom a notice of this kind was recorded."""
    query = """SELECT f.user_id FROM notices n JOIN followers f ON f.id = n.follower_id
               WHERE n.kind = :kind ORDER BY n.id"""
    return [row.user_id for row in office.rows(query, kind=kind)]


def confirm(office: Office, user: str = USER, phone: str = f"+{PHONE}") -> Judgement:
    with office.ledger.begin() as tx:
        settled = Phonebook(office.people).confirm(tx, OA, user, phone, by="Lan", why="xem giấy tờ")
        sweep_queries.reopen(tx, settled.reachable, days=14, by="Lan")
    return settled.rulings[0].judgement


def audit(office: Office) -> list[str]:
    return [row.verb for row in office.rows("SELECT verb FROM audit ORDER BY id")]


def test_who_shares_a_phone_is_asked_for_a_proof_and_told_only_what_comes(office: Office) -> None:
    holds_back(office)
    office.receive(submit(at=NOW - SECOND))
    assert told(office, "proof_request") == [USER]
    assert office.states()[HELD] == "unreachable"
    tell(office, "result_ready", 1)
    assert {n.kind for n in claim(office) if n.user_id == USER} == {"result_ready"}
    [row] = office.rows("SELECT reason FROM notices WHERE event_key = :key", key=HELD)
    assert row.reason == "the phone was shared, but the user has not proven it yet"
    assert audit(office) == ["phone link opened"]


def test_what_was_due_before_the_claim_does_not_go_to_who_has_proven_nothing(office: Office) -> None:
    """Nor does it go round in circles."""
    tell(office)
    with office.ledger.begin() as tx:
        tx.exec_driver_sql("UPDATE notices SET recorded_at = recorded_at - interval '1 hour'")
    office.receive(submit(at=NOW - SECOND))
    [notice] = [n for n in claim(office) if n.kind == "accepted"]
    assert (notice.user_id, notice.absent) == (None, "the phone was shared, but the user has not proven it yet")
    put(office, [notice], State.UNREACHABLE)
    assert office.states()[HELD] == "unreachable"


def test_a_code_of_a_dossier_of_the_phone_opens_what_waited(office: Office) -> None:
    holds_back(office, SECRET_CODE)
    office.receive(submit(at=NOW - 2 * SECOND))
    office.receive(say("Hồ sơ của tôi", seconds=-1))
    assert answers(office) == [("chat_nothing", {})]
    office.receive(say(SECRET_CODE))
    assert told(office, "proof_done") == [USER]
    assert office.states()[f"{SECRET_CODE}/accepted/1"] == "due"
    assert [kind for kind, _ in answers(office)] == ["chat_nothing", "chat_dossiers"]


def test_a_code_that_the_oa_itself_told_proves_nothing(office: Office) -> None:
    """The first notice after the claim names its dossier: who typed a stranger's phone has read it."""
    holds_back(office)
    office.receive(submit(at=NOW - SECOND))
    tell(office, "accepted", 1, code=SECRET_CODE)
    office.receive(say(SECRET_CODE, seconds=1))
    assert office.states()[HELD] == "unreachable"
    assert told(office, "proof_done") == []


def test_who_has_the_phone_for_what_comes_may_ask_about_it_as_often_as_they_like(office: Office) -> None:
    """A question about what they were told is no try; the past stays out of the answer."""
    holds_back(office)
    office.receive(submit(at=NOW - SECOND))
    tell(office, "accepted", 1, code=SECRET_CODE)
    office.receive(*[say(SECRET_CODE, seconds=second) for second in range(4)], say("hồ sơ của tôi", seconds=5))
    assert [row.tries for row in office.rows("SELECT tries FROM phone_claims")] == [0]
    assert {story["code"] for _, facts in answers(office) for story in facts["stories"]} == {SECRET_CODE}


def test_a_list_of_guesses_is_no_code_and_three_tries_are_all_of_a_day(office: Office) -> None:
    holds_back(office, SECRET_CODE)
    office.receive(submit(at=NOW - 9 * SECOND))
    office.receive(say(f"{SECRET_CODE} H27.37-240219-1002", seconds=1))
    for number in range(2):
        office.receive(say(f"H27.37-240219-200{number}", seconds=2 + number))
    office.receive(say(SECRET_CODE, seconds=9))
    assert (told(office, "proof_done"), told(office, "proof_held")) == ([], [USER])
    with office.ledger.begin() as tx:
        tx.exec_driver_sql("UPDATE phone_claims SET tries_on = tries_on - 1")
    office.receive(say(SECRET_CODE, seconds=10))
    assert told(office, "proof_done") == [USER]


def test_a_contested_phone_stays_and_its_holder_hears_of_it(office: Office) -> None:
    holds_back(office)
    confirm(office)
    office.receive(submit(user=OTHER, at=NOW))
    assert linked(office) == {USER: f"+{PHONE}"}
    assert (told(office, "phone_claimed"), told(office, "proof_request")) == ([USER], [OTHER])
    office.receive(say(CODE + "-0001", OTHER, 1), say(CODE, OTHER, 2))
    assert linked(office) == {USER: f"+{PHONE}"}
    assert {n.user_id for n in claim(office) if n.kind == "accepted"} == {USER}


def test_a_stronger_proof_takes_the_phone_and_who_had_it_hears_of_it(office: Office) -> None:
    """An intruder typed the number first; the citizen's dossier code takes it back."""
    holds_back(office, SECRET_CODE)
    office.receive(submit(user=OTHER, at=NOW - 9 * SECOND))
    office.receive(submit(at=NOW - 8 * SECOND), say(SECRET_CODE, seconds=1))
    assert linked(office) == {USER: f"+{PHONE}"}
    assert told(office, "phone_moved") == [OTHER]
    assert office.states()[f"{SECRET_CODE}/accepted/1"] == "due"
    assert audit(office)[-2:] == ["phone link closed", "phone link opened"]


@pytest.mark.parametrize("says_so", ["không", "Không phải tôi", "KHONG", "no"])
def test_a_no_of_the_holder_holds_a_weak_claim_for_a_clerk(office: Office, says_so: str) -> None:
    holds_back(office, SECRET_CODE)
    office.receive(submit(at=NOW - 9 * SECOND), submit(user=OTHER, at=NOW - 8 * SECOND))
    office.receive(say(says_so), say(SECRET_CODE, OTHER, 1))
    assert linked(office) == {USER: f"+{PHONE}"}
    assert OTHER in told(office, "proof_held")
    assert "phone claim denied" in audit(office)
    assert confirm(office, OTHER) is Judgement.GRANT
    assert linked(office) == {OTHER: f"+{PHONE}"}


def test_a_no_after_a_weak_proof_took_the_phone_leaves_it_to_a_clerk(office: Office) -> None:
    holds_back(office, SECRET_CODE)
    office.receive(submit(at=NOW - 9 * SECOND), submit(user=OTHER, at=NOW - 8 * SECOND), say(SECRET_CODE, OTHER, 1))
    assert linked(office) == {OTHER: f"+{PHONE}"}
    office.receive(say("không", seconds=2))
    assert linked(office) == {}
    office.receive(submit(user=OTHER, at=NOW + 3 * SECOND))
    assert linked(office) == {}


def test_a_no_that_nobody_asked_for_is_chatter(office: Office) -> None:
    office.receive(follow(at=NOW - 9 * SECOND), say("không"))
    assert [kind for kind, _ in answers(office)] == ["chat_help"]


def test_the_withdrawal_of_an_intruder_erases_what_was_told_to_them_and_nothing_else(office: Office) -> None:
    holds_back(office)
    with office.ledger.begin() as tx:
        tx.exec_driver_sql("UPDATE notices SET text = 'of the citizen'")
    office.receive(submit(user=OTHER, at=NOW - 9 * SECOND))
    tell(office, "result_ready", 1)
    put(office, claim(office), State.SENT)
    with office.ledger.begin() as tx:
        tx.exec_driver_sql("UPDATE notices SET channel = 'zalo_cs' WHERE kind = 'result_ready'")
    tell(office, "returned", 2)
    office.receive(body("user_withdraw", NOW + SECOND, oa_id=OA, user_id=OTHER))
    rows = {row.event_key: row for row in office.rows("SELECT event_key, text, state FROM notices")}
    assert rows[HELD].text == "of the citizen"
    assert rows[f"{CODE}/result_ready/1"].text is None
    assert rows[f"{CODE}/returned/1"].state == "due"
    assert office.rows("SELECT FROM people WHERE withdrawn_at IS NOT NULL OR phone_sealed = ''") == []
    office.receive(submit(user=THIRD, at=NOW + 2 * SECOND))
    assert linked(office) == {}, "whose holder withdrew, is contested"


def test_a_withdrawal_empties_the_answers_that_were_put_away(office: Office) -> None:
    office.receive(follow(at=NOW - 9 * SECOND), say("trợ giúp", seconds=-8))
    with office.ledger.begin() as tx:
        tx.exec_driver_sql("""WITH gone AS (DELETE FROM notices WHERE kind = 'chat_help' RETURNING *)
                              INSERT INTO notices_past SELECT * FROM gone""")
        tx.exec_driver_sql("UPDATE notices_past SET facts = '{\"stories\": []}'")
    office.receive(body("user_withdraw", oa_id=OA, user_id=USER))
    assert [row.facts for row in office.rows("SELECT facts FROM notices_past")] == [{}]


def test_three_hundred_phones_of_one_user_are_three(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    raws = [submit(f"0978{number:06}", at=NOW + timedelta(milliseconds=number)) for number in range(300)]
    office.receive(*raws)
    [row] = office.rows("SELECT count(*) FILTER (WHERE state <> 'refused') AS n, count(*) AS all FROM phone_claims")
    assert tuple(row) == (3, 300)
    assert audit(office).count("phone claim refused") == 297
    assert "claims of phones refused" in caplog.text
    assert USER not in caplog.text
    assert told(office, "proof_held") == [USER]


def test_a_one_time_code_is_sent_to_the_phone_and_three_tries_are_all(ledger: Engine) -> None:
    office = Office(ledger, Demand.STRONG, sends_codes=True)
    holds_back(office, SECRET_CODE)
    office.receive(submit(at=NOW - 9 * SECOND))
    code = sent_code(office)
    office.receive(say(SECRET_CODE))
    assert office.states()[f"{SECRET_CODE}/accepted/1"] == "unreachable", "too weak a proof for this setting"
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    for second in range(3):
        office.receive(say(wrong, seconds=second + 1))
    office.receive(say(code, seconds=9))
    assert told(office, "proof_done") == []
    office.receive(submit(at=NOW + 10 * SECOND))
    code = sent_code(office)
    office.receive(say(f"mã {code[:3]} {code[3:]}", seconds=11))
    assert told(office, "proof_done") == [USER]
    assert office.states()[f"{SECRET_CODE}/accepted/1"] == "due"


def test_a_one_time_code_is_nowhere_in_clear_and_ends_after_ten_minutes(ledger: Engine) -> None:
    office = Office(ledger, Demand.STRONG, sends_codes=True)
    office.receive(submit(at=NOW - 9 * SECOND))
    code = sent_code(office)
    tables = ("notices", "phone_claims", "audit", "history", "followers", "zalo_events")
    for table in tables:
        for row in office.rows(f"SELECT t::text AS row FROM {table} t"):
            assert not re.search(rf"(?<![0-9a-f]){code}(?![0-9a-f])", row.row), table
    with office.ledger.begin() as tx:
        tx.exec_driver_sql("UPDATE phone_claims SET code_until = now() - interval '1 second'")
    office.receive(say(code, seconds=1))
    assert told(office, "proof_done") == []


def test_three_codes_a_day_are_sent_to_one_phone_whoever_claims_it(ledger: Engine) -> None:
    office = Office(ledger, Demand.CODE, sends_codes=True)
    for number in range(5):
        office.receive(submit(user=f"61{number:06}", at=NOW + number * SECOND))
    assert len(told(office, "proof_code")) == 3


def sent_code(office: Office) -> str:
    """What the newest message to the phone holds, opened as a channel opens it."""
    row = office.rows("SELECT facts FROM notices WHERE kind = 'proof_code' ORDER BY id DESC LIMIT 1")[0]
    return office.people.unseal(bytes.fromhex(row.facts["one_time_code"]))


def test_an_operators_link_over_a_user_that_zalo_does_not_know_gives_way_to_the_real_one(office: Office) -> None:
    holds_back(office)
    with office.ledger.begin() as tx:
        office.people.link(tx, OA, [Link(OTHER, f"+{PHONE}")], source="cli")
        tx.exec_driver_sql("UPDATE followers SET unknown_at = now()")
    office.receive(submit(at=NOW + SECOND))
    assert linked(office) == {USER: f"+{PHONE}"}
    assert told(office, "phone_moved") == []


def test_each_reason_for_silence_is_stored_as_what_it_is(office: Office) -> None:
    """Never followed, unfollowed, another number, switched off."""
    never, left, moved, off = (f"8497800200{number}" for number in range(4))
    with office.ledger.begin() as tx:
        links = [Link("71", f"+{left}"), Link("72", f"+{moved}"), Link("73", f"+{off}")]
        office.people.link(tx, OA, links, source="cli")
        office.people.link(tx, OA, [Link("72", "+84978002009")], source="cli")
    office.receive(follow("unfollow", "71", at=NOW + SECOND), say("dừng", "73"))
    for phone in (never, left, moved, off):
        tell(office, code=f"H-{phone}", phone=phone)
    absent = {n.code: n.absent for n in claim(office)}
    assert absent[f"H-{never}"] is None
    assert absent[f"H-{left}"] == "the person unfollowed the OA"
    assert absent[f"H-{moved}"] == "the user who had this phone has another phone now"
    [row] = office.rows("SELECT state, reason FROM notices WHERE code = :code", code=f"H-{off}")
    assert tuple(row) == ("suppressed", "opted out")
