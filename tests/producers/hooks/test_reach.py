"""A person who can be reached between a worker's claim and its end is told, whoever commits first."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, event, text

from domain.lifecycle import State
from domain.notice import OPTED_OUT, Attempt, Notice
from domain.outcome import Sent, TryLater, Unreachable
from domain.retry import Decision, Patience, decide
from ledger.notices import claims, sweep_queries
from ledger.people import followers
from ledger.people.followers import FollowerState
from ledger.people.people import Link
from tests.ledger.reads import counting, read_within
from tests.producers.hooks.conftest import NOW, OA, OTHER, PHONE, USER, Office, follow, from_user, submit
from tests.producers.hooks.conftest import event as arrived
from tests.producers.hooks.test_consequences import CODE, SECOND, claim, put, tell

KEY = f"{CODE}/accepted/1"
LEFT = Unreachable("the person does not follow", -213)
PATIENCE = Patience(30, 3600, timedelta(hours=72))
NOBODY = Decision(State.UNREACHABLE, counts=False, reason="no Zalo user of this OA is linked to the phone")
SILENT = Decision(State.SUPPRESSED, counts=False, reason=OPTED_OUT)

End = Callable[[Connection, list[Notice]], object]


def nobody(tx: Connection, claimed: list[Notice]) -> None:
    """The worker found nobody to tell."""
    claims.put_down(tx, [(notice, NOBODY) for notice in claimed], by="worker")


def silent(tx: Connection, claimed: list[Notice]) -> None:
    """The worker found that the person wants no notices."""
    claims.put_down(tx, [(notice, SILENT) for notice in claimed], by="worker")


def refused(tx: Connection, claimed: list[Notice]) -> None:
    """Zalo said that the person does not follow."""
    now = datetime.now(UTC)
    ends = [
        (
            Attempt(notice, "zalo_cs", now, LEFT, 1),
            decide(LEFT, attempts=0, fresh_at=notice.fresh_at, now=now, patience=PATIENCE, jitter=0),
        )
        for notice in claimed
    ]
    claims.complete(tx, ends, by="worker")


def end(office: Office, how: End, claimed: list[Notice]) -> None:
    with office.ledger.begin() as tx:
        how(tx, claimed)


def told_to(office: Office) -> list[str | None]:
    """Whom the next claim finds to tell of the dossier."""
    return [notice.user_id for notice in claim(office) if notice.code == CODE]


def reopened(office: Office) -> str | None:
    """Why the notice is due again."""
    why: str | None = office.rows("SELECT why FROM history WHERE after = 'due' ORDER BY id DESC LIMIT 1")[0].why
    return why


def test_who_shares_the_phone_between_the_claim_and_its_end_is_told(office: Office) -> None:
    """The claim found nobody, the event found nothing held: each had looked too early."""
    tell(office)
    claimed = claim(office)
    office.receive(submit())
    end(office, nobody, claimed)
    assert office.states()[KEY] == "due"
    assert reopened(office) == "the person can be reached by now"
    assert told_to(office) == [USER]


def test_who_follows_again_between_the_claim_and_its_end_is_told(office: Office) -> None:
    office.receive(submit(at=NOW - 9 * SECOND), follow("unfollow", at=NOW - 8 * SECOND))
    tell(office)
    claimed = claim(office)
    office.receive(follow())
    end(office, nobody, claimed)
    assert told_to(office) == [USER]


def test_who_is_linked_by_an_operator_meanwhile_is_told(office: Office) -> None:
    tell(office)
    claimed = claim(office)
    with office.ledger.begin() as tx:
        people = office.people.link(tx, OA, [Link(USER, f"+{PHONE}")], source="cli")
        sweep_queries.reopen(tx, people, days=14, by="lan")
    end(office, nobody, claimed)
    assert told_to(office) == [USER]


def test_whose_follow_only_the_look_up_at_zalo_brings_is_told(office: Office) -> None:
    """The event of it was lost: what was held is due again, and so is what a worker holds at that moment."""
    office.receive(submit(at=NOW - 9 * SECOND), follow("unfollow", at=NOW - timedelta(hours=1)))
    office.receive(follow("unfollow", at=NOW - 8 * SECOND))
    with office.ledger.begin() as tx:
        tx.exec_driver_sql("UPDATE followers SET follow_at = follow_at - interval '1 hour'")
    tell(office)
    end(office, nobody, claim(office))
    tell(office, code="H27-2")
    claimed = claim(office)
    with office.ledger.begin() as tx:
        came = followers.keep(tx, OA, [FollowerState(USER, follows=True)], datetime.now(UTC))
        assert len(came) == 1
        sweep_queries.reopen(tx, came, days=14, by="sync")
        assert followers.keep(tx, OA, [FollowerState(USER, follows=True)], datetime.now(UTC)) == [], (
            "they follow already"
        )
    end(office, nobody, claimed)
    assert office.states() == {KEY: "due", "H27-2/accepted/1": "due"}


@pytest.mark.parametrize("how", [nobody, refused], ids=["nobody to tell", "Zalo's answer"])
def test_who_follows_nobody_knows_of_stays_out_of_reach(office: Office, how: End) -> None:
    """No event came: the notice waits for one, and is not tried again and again."""
    tell(office)
    end(office, how, claim(office))
    assert office.states()[KEY] == "unreachable"
    assert [row.reason for row in office.rows("SELECT reason FROM notices")] == [
        NOBODY.reason if how is nobody else LEFT.reason
    ]


def test_a_no_of_zalos_stands_where_our_last_follow_is_older_than_the_claim(office: Office) -> None:
    """Never a loop: the unfollow has not come yet, and asking again would bring the same answer."""
    office.receive(follow(at=NOW - 9 * SECOND), submit(at=NOW - 8 * SECOND))
    tell(office)
    end(office, refused, [notice for notice in claim(office) if notice.code == CODE])
    assert office.states()[KEY] == "unreachable"


def test_a_no_of_zalos_does_not_stand_against_a_follow_since_the_claim(office: Office) -> None:
    """They left, Zalo says so of our message, and they are back before we write that down. Once, and not for ever."""
    office.receive(follow(at=NOW - 9 * SECOND), submit(at=NOW - 8 * SECOND))
    tell(office)
    claimed = [notice for notice in claim(office) if notice.code == CODE]
    assert [notice.user_id for notice in claimed] == [USER]
    office.receive(follow("unfollow", at=NOW - 5 * SECOND), follow(at=NOW - 4 * SECOND))
    end(office, refused, claimed)
    row = office.rows("SELECT state, attempts, said_no FROM notices WHERE event_key = :key", key=KEY)[0]
    assert tuple(row) == ("due", 0, [])
    assert [row.outcome for row in office.rows("SELECT outcome FROM attempts")] == ["unreachable"]
    claimed = [notice for notice in claim(office) if notice.code == CODE]
    end(office, refused, claimed)
    assert office.states()[KEY] == "unreachable"


def test_zalos_clock_has_no_say_in_it(office: Office) -> None:
    """Its events may be dated three minutes before our claim, and are later all the same."""
    past = timedelta(minutes=10)
    office.receive(follow(at=NOW - past - 9 * SECOND), submit(at=NOW - past - 8 * SECOND))
    tell(office)
    claimed = [notice for notice in claim(office) if notice.code == CODE]
    office.receive(follow("unfollow", at=NOW - past - 5 * SECOND), follow(at=NOW - past - 4 * SECOND))
    end(office, refused, claimed)
    assert office.states()[KEY] == "due"


def test_a_follow_between_two_channels_noes_gives_the_first_channel_another_try(office: Office) -> None:
    """Zalo's text said no, the person followed, then ZNS said no: the follow is newer than the first no."""
    office.receive(follow(at=NOW - 9 * SECOND), submit(at=NOW - 8 * SECOND))
    tell(office)
    claimed = [notice for notice in claim(office) if notice.code == CODE]
    elsewhere = Decision(State.DUE, counts=True, due_at=datetime.now(UTC), reason=LEFT.reason, said_no=True)
    with office.ledger.begin() as tx:
        now = datetime.now(UTC)
        claims.complete(tx, [(Attempt(one, "zalo_cs", now, LEFT, 1), elsewhere) for one in claimed], by="worker")
    office.receive(follow("unfollow", at=NOW - 5 * SECOND), follow(at=NOW - 4 * SECOND))
    claimed = [notice for notice in claim(office) if notice.code == CODE]
    assert [notice.said_no for notice in claimed] == [{"zalo_cs"}]
    end(office, refused, claimed)
    assert [tuple(row) for row in office.rows("SELECT state, said_no FROM notices WHERE code = :c", c=CODE)] == [
        ("due", [])
    ]


def test_a_landline_stays_one_whoever_follows(office: Office) -> None:
    """Why nobody can be told may lie in the dossier."""
    tell(office)
    with office.ledger.begin() as tx:
        tx.exec_driver_sql("UPDATE notices SET no_person_because = 'a landline'")
    claimed = claim(office)
    office.receive(submit())
    end(office, nobody, claimed)
    assert office.states()[KEY] == "unreachable"


def test_what_is_not_true_any_more_is_not_told_to_who_follows_meanwhile(office: Office) -> None:
    """R12: due again is due for what is true only."""
    tell(office)
    claimed = claim(office)
    with office.ledger.begin() as tx:
        tx.exec_driver_sql("UPDATE notices SET withdrawn = 'fee paid', withdrawn_at = now()")
    office.receive(submit())
    end(office, nobody, claimed)
    assert office.states()[KEY] == "suppressed"


def test_a_later_notice_waits_for_the_one_that_is_due_again(office: Office) -> None:
    """Order per dossier: the earlier one is told first after all."""
    tell(office)
    tell(office, "result_ready", 1)
    claimed = claim(office)
    office.receive(submit())
    end(office, nobody, claimed)
    assert office.states() == {KEY: "due", f"{CODE}/result_ready/1": "waiting"}


def say(words: str, seconds: float) -> bytes:
    message = {"msg_id": f"m{seconds}", "text": words}
    return from_user("user_send_text", USER, NOW + timedelta(seconds=seconds), message=message)


def test_who_wants_notices_again_between_the_claim_and_its_end_is_told(office: Office) -> None:
    """'Dừng' came while a worker held the notice, 'tiếp tục' while the next one did: nothing of it was held by then."""
    office.receive(follow(at=NOW - 9 * SECOND), submit(at=NOW - 8 * SECOND))
    tell(office)
    first = [notice for notice in claim(office) if notice.code == CODE]
    office.receive(say("dừng", -3))
    put(office, first, State.DUE)
    claimed = [notice for notice in claim(office) if notice.code == CODE]
    assert [notice.opted_out for notice in claimed] == [True]
    office.receive(say("tiếp tục", -2))
    end(office, silent, claimed)
    assert office.states()[KEY] == "due"
    assert told_to(office) == [USER]


def test_who_wants_no_notices_is_not_told(office: Office) -> None:
    office.receive(follow(at=NOW - 9 * SECOND), submit(at=NOW - 8 * SECOND))
    tell(office)
    first = [notice for notice in claim(office) if notice.code == CODE]
    office.receive(say("dừng", -3))
    put(office, first, State.DUE)
    end(office, silent, [notice for notice in claim(office) if notice.code == CODE])
    assert office.states()[KEY] == "suppressed"


def test_a_welcome_that_found_nobody_is_told_to_who_follows_within_the_grace_time(office: Office) -> None:
    """Unfollowed just as it was to leave, and followed again: before the worker's end, or after it."""
    for user, late in ((USER, False), (OTHER, True)):
        office.receive(follow(user=user, at=NOW - 9 * SECOND))
        held = claim(office)
        office.receive(follow("unfollow", user, NOW - 8 * SECOND))
        put(office, held, State.DUE)
        held = claim(office)
        assert [(notice.kind, notice.user_id) for notice in held] == [("welcome", None)]
        if late:
            end(office, nobody, held)
        office.receive(follow(user=user, at=NOW - 7 * SECOND))
        if not late:
            end(office, nobody, held)
        assert [(notice.kind, notice.user_id) for notice in claim(office)] == [("welcome", user)]


def test_an_answer_of_days_ago_is_not_told_to_who_follows_now(office: Office) -> None:
    """What it says was so when it was asked for."""
    office.receive(from_user("user_send_text", at=NOW - 9 * SECOND, message={"msg_id": "q", "text": "trợ giúp"}))
    with office.ledger.begin() as tx:
        tx.exec_driver_sql("UPDATE notices SET state = 'unreachable'")
    office.receive(follow())
    assert {key.split("/")[1]: state for key, state in office.states().items()} == {
        "chat_help": "unreachable", "welcome": "due", "phone_request": "waiting",
    }  # fmt: skip


def test_a_phone_that_was_shared_is_not_asked_for_when_they_follow_again(office: Office) -> None:
    """The request had found nobody; the phone came another way since."""
    office.receive(follow(at=NOW - 9 * SECOND))
    with office.ledger.begin() as tx:
        tx.exec_driver_sql("UPDATE notices SET state = 'unreachable' WHERE kind = 'phone_request'")
        tx.exec_driver_sql("UPDATE notices SET state = 'sent' WHERE kind = 'welcome'")
    office.receive(submit(at=NOW - 8 * SECOND))
    office.receive(follow(at=NOW - 7 * SECOND))
    assert sorted(office.states().values()) == ["sent", "suppressed"]


@contextmanager
def learning(office: Office, *raws: bytes) -> Iterator[None]:
    """What these events bring is written down, and not committed before the block ends."""
    with office.ledger.begin() as tx:
        office.applier.consequences(tx, [arrived(raw) for raw in raws])
        yield


def test_a_worker_does_not_wait_for_who_is_just_learning_of_the_person(office: Office) -> None:
    """Both are under way, and the other looked first: the notice is not put down, and judged anew in a moment."""
    tell(office)
    claimed = claim(office)
    with learning(office, submit()):
        began = time.monotonic()
        end(office, nobody, claimed)
        assert time.monotonic() - began < 5.0
        [row] = office.rows("SELECT state, due_at > now() AS later FROM notices WHERE event_key = :key", key=KEY)
        assert tuple(row) == ("due", True)
    with office.ledger.begin() as tx:
        tx.exec_driver_sql("UPDATE notices SET due_at = now() - interval '1 second'")
    assert told_to(office) == [USER]


def waiting(office: Office) -> bool:
    """Whether some transaction of this ledger waits for a lock."""
    query = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return bool(office.rows(query))


@pytest.mark.parametrize("greeted", [False, True], ids=["a dossier's notice", "a follower's own"])
def test_who_learns_of_a_person_waits_for_the_worker_that_puts_a_notice_down(office: Office, greeted: bool) -> None:
    """Both are under way, and the worker looked first: the other then sees what it put down."""
    if greeted:
        office.receive(follow(at=NOW - 9 * SECOND))
        held = claim(office)
        office.receive(follow("unfollow", at=NOW - 8 * SECOND))
        put(office, held, State.DUE)
    else:
        tell(office)
    claimed = claim(office)
    with ThreadPoolExecutor(1) as beside:
        with office.ledger.begin() as tx:
            nobody(tx, claimed)
            learns = beside.submit(office.receive, follow() if greeted else submit())
            until = time.monotonic() + 10
            while not waiting(office) and time.monotonic() < until:
                time.sleep(0.01)
            assert not learns.done()
        learns.result(10)
    assert {notice.user_id for notice in claim(office)} == {USER}


@pytest.mark.parametrize("seed", range(3))
def test_however_the_two_fall_together_nobody_is_forgotten(office: Office, seed: int) -> None:
    """Thirty people share their phones while two workers find nobody to tell; every notice is due in the end."""
    chance = random.Random(seed)  # noqa: S311 (a seed, to see it again)
    phones = [f"8497800{number:04}" for number in range(1000, 1030)]
    for number, phone in enumerate(phones):
        tell(office, code=f"H27-{number}", phone=phone)
    claimed = claim(office)
    assert len(claimed) == 30
    chance.shuffle(claimed)
    raws = [submit(phone, user=f"61{number:06}") for number, phone in enumerate(phones)]
    chance.shuffle(raws)

    def learn() -> None:
        for raw in raws:
            office.receive(raw)

    def work(mine: list[Notice]) -> None:
        for notice in mine:
            time.sleep(chance.random() / 50)  # about as long as the other takes for one
            end(office, nobody, [notice])

    with ThreadPoolExecutor(3) as beside:
        for done in [beside.submit(learn), beside.submit(work, claimed[:15]), beside.submit(work, claimed[15:])]:
            done.result(60)
    assert set(office.states().values()) == {"due"}


def test_where_nothing_is_put_down_nothing_is_asked(office: Office) -> None:
    """The hot path pays nothing: a chunk of accepted and postponed sends makes the statements that it always made."""
    office.receive(submit(at=NOW - 9 * SECOND))
    for number in range(2):
        tell(office, code=f"H27-{number}")
    one, other = claim(office)
    now = datetime.now(UTC)
    ends = [
        (
            Attempt(notice, "zalo_cs", now, outcome, 1),
            decide(outcome, attempts=0, fresh_at=now, now=now, patience=PATIENCE, jitter=0),
        )
        for notice, outcome in ((one, Sent("m1")), (other, TryLater("refused")))
    ]
    asked: list[str] = []
    event.listen(office.ledger, "before_cursor_execute", lambda *given: asked.append(given[2]))
    with office.ledger.begin() as tx:
        claims.complete(tx, ends, by="worker")
    assert len(asked) == 3, "the moves, the attempts, and whether anything waits"


def test_the_look_is_made_by_keys_however_many_people_and_notices_there_are(office: Office) -> None:
    """Also where the planner knows nothing of what is in the tables: nobody's rows are read but those of the batch."""
    with office.ledger.begin() as tx:
        tx.execute(text(_MANY), {"oa": OA})
    for number in range(50):
        tell(office, code=f"H27-{number}", phone=f"8497800{number:04}")
    claimed = claim(office)
    assert len(claimed) == 50
    engine = counting(office.ledger.url)
    with read_within(engine, "^(notices|history|people$|followers$)") as reads, engine.begin() as tx:
        nobody(tx, claimed)
    assert 0 < sum(reads) < 1000
    assert set(office.states().values()) == {"unreachable", "sent"}


_MANY = """
ALTER TABLE people SET (autovacuum_enabled = false);
ALTER TABLE followers SET (autovacuum_enabled = false);
ALTER TABLE notices SET (autovacuum_enabled = false);
INSERT INTO people (oa, phone_hash, phone_sealed, created_at)
SELECT :oa, convert_to(n::text, 'UTF8'), '', now() FROM generate_series(1, 20000) AS n;
INSERT INTO followers (oa, user_id, person_id, follows) SELECT oa, 'u' || id, id, true FROM people;
INSERT INTO notices (oa, event_key, code, kind, rank, facts, person_id, state, event_at, fresh_at, recorded_at, due_at)
SELECT oa, 'O' || id, 'O' || id, 'accepted', 1, '{}', id, 'sent', now(), now(), now(), now() FROM people;
"""
