"""Events that a process cannot read or apply stay sealed, and are read by whoever can, as late as that may be."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from domain.lifecycle import State
from ledger.base.sealing import Sealer
from ledger.notices import due_accounts
from ledger.people import follows
from ledger.zalo import inbox, unread
from ledger.zalo.inbox import NewZaloEvent
from ledger.zalo.unread import EventReader
from producers.hooks import ability
from producers.hooks.ability import event_reader
from producers.hooks.apply import Applier
from producers.hooks.record import seal
from tests.producers.hooks.conftest import NOW, OA, OTHER, USER, Office, body, event, follow, from_user, submit, to_user
from tests.producers.hooks.test_consequences import SECOND, claim, put, tell

OLD_KEY, NEW_KEY = "0123456789abcdef", "fedcba9876543210"


@pytest.fixture
def newer() -> Sealer:
    """The keys of a process that was given a newer one."""
    return Sealer([NEW_KEY, OLD_KEY])


def applier(office: Office, sealer: Sealer | None = None, *, seconds_ago: float = 0, knows: str = "") -> Applier:
    """A worker's, started so long ago; `knows` stands for code of another version."""
    sealer = sealer or office.sealer
    able = event_reader(sealer).ability + knows
    return replace(office.applier, sealer=sealer, reader=EventReader(able, time.monotonic() - seconds_ago))


def arrive(office: Office, sealer: Sealer, *raws: bytes) -> None:
    """These come to a web process with these keys."""
    with office.ledger.begin() as tx:
        inbox.record(tx, OA, [seal(event(raw), sealer) for raw in raws])


def users(office: Office) -> set[str]:
    return {row.user_id for row in office.rows("SELECT user_id FROM followers")}


def kept(office: Office) -> list[tuple[str, int, bool]]:
    """Fault, number of faults and whether it is set aside, of each event that is kept."""
    with office.ledger.connect() as connection:
        rows = unread.listed(connection, OA)
    return [(row["fault"], row["faults"], row["set_aside_at"] is not None) for row in rows]


def test_an_event_under_a_newer_key_waits_for_it_and_holds_nobody_up(office: Office, newer: Sealer) -> None:
    """Its content stays sealed; who came after it is welcomed; the worker that has the key reads it at once."""
    arrive(office, newer, follow())
    office.receive(follow(user=OTHER))
    assert users(office) == {OTHER}
    assert kept(office) == [("SealError", 1, False)]
    for _ in range(3):
        assert office.applier.run(10) == 0, "not again and again"
    assert kept(office) == [("SealError", 1, False)]
    assert applier(office, newer).run(10) == 1
    assert users(office) == {USER, OTHER}
    assert kept(office) == []
    assert office.rows("SELECT FROM zalo_events WHERE sealed IS NOT NULL OR fault IS NOT NULL") == []


@pytest.mark.parametrize(
    "spoil",
    ["UPDATE zalo_events SET word = 'danced'", "UPDATE zalo_events SET sealed = :newer"],
    ids=["a newer word", "a newer shape"],
)
def test_an_event_of_a_newer_version_waits_for_it(office: Office, spoil: str) -> None:
    """A word, or a part of the content, that a newer web process wrote and this code has no notion of."""
    office.receive(follow(), apply=False)
    [row] = office.rows("SELECT sealed, word FROM zalo_events")
    newer = office.sealer.seal('{"user_id": "' + USER + '", "dances": true}')
    with office.ledger.begin() as tx:
        tx.execute(text(spoil), {"newer": newer} if ":newer" in spoil else {})
    office.applier.run(10)
    assert [(faults, aside) for _, faults, aside in kept(office)] == [(1, False)]
    with office.ledger.begin() as tx:  # the newer version would understand what is put back here
        tx.execute(text("UPDATE zalo_events SET word = :word"), {"word": row.word})
        tx.execute(text("UPDATE unread_events SET sealed = :sealed"), {"sealed": bytes(row.sealed)})
    assert applier(office, knows="more").run(10) == 1
    assert users(office) == {USER}


def test_each_start_tries_once_and_the_third_fault_sets_the_event_aside(office: Office, newer: Sealer) -> None:
    arrive(office, newer, follow())
    for faults, aside in ((1, False), (2, False), (3, True)):
        started = applier(office)
        started.run(10)
        started.run(10)
        assert kept(office) == [("SealError", faults, aside)]
    applier(office).run(10)
    assert kept(office) == [("SealError", 3, True)]
    assert applier(office, newer).run(10) == 1, "a new key is a new chance"
    assert users(office) == {USER}


def test_workers_that_were_started_before_the_last_try_are_no_new_start(office: Office, newer: Sealer) -> None:
    """Four workers of one deployment, and children that a worker starts anew after some thousand tasks."""
    arrive(office, newer, follow())
    office.applier.run(10)
    for _ in range(4):
        applier(office, seconds_ago=60).run(10)
    assert kept(office) == [("SealError", 1, False)]


def test_an_old_worker_takes_no_try_from_a_new_one(office: Office, newer: Sealer) -> None:
    """Two versions side by side: the old one has failed for good, and the new one has all its tries."""
    arrive(office, newer, follow())
    for _ in range(5):
        applier(office).run(10)
    for faults in (4, 5, 6):
        applier(office, knows="more").run(10)
        applier(office).run(10)
        assert kept(office) == [("SealError", faults, True)]
    applier(office, knows="more").run(10)
    assert kept(office) == [("SealError", 6, True)]


def test_a_child_has_the_start_and_the_code_of_the_process_that_it_was_forked_from(office: Office) -> None:
    """Also one that is started hours later, when newer code lies on the disk already."""
    theirs = multiprocessing.get_context("fork").Queue()
    child = multiprocessing.get_context("fork").Process(target=lambda: theirs.put(event_reader(office.sealer)))
    child.start()
    assert theirs.get(timeout=30) == event_reader(office.sealer)
    child.join(30)


def test_what_a_process_is_able_to_is_its_code_and_its_keys(monkeypatch: pytest.MonkeyPatch, newer: Sealer) -> None:
    mine, same = event_reader(Sealer([OLD_KEY, NEW_KEY])), event_reader(newer)
    assert mine.ability == same.ability, "in whatever order the keys stand"
    assert event_reader(Sealer([OLD_KEY])).ability != mine.ability
    monkeypatch.setattr(ability, "_CODE", b"other code")
    assert event_reader(newer).ability != mine.ability
    assert NEW_KEY not in repr(mine)


def break_greetings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of our code: whoever is called USER makes it raise."""
    right = follows.set_follows

    def wrong(tx: object, oa: str, told: dict[str, object]) -> object:
        if USER in told:
            raise KeyError(USER)
        return right(tx, oa, told)  # type: ignore[arg-type]

    monkeypatch.setattr(follows, "set_follows", wrong)


def test_an_event_whose_consequences_fail_lives_the_same_life(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of it is done by halves, others are applied, and the code that is put right applies it."""
    with monkeypatch.context() as patch:
        break_greetings(patch)
        office.receive(follow(), follow(user=OTHER))
        assert users(office) == {OTHER}
        for _ in range(2):
            applier(office).run(10)
        assert kept(office) == [("KeyError", 3, True)]
    assert applier(office, knows="better").run(10) == 1
    assert users(office) == {USER, OTHER}
    assert office.states()[f"follower-{_id(office, USER)}/welcome/1"] == "due"
    assert kept(office) == []


def _id(office: Office, user: str) -> int:
    number: int = office.rows("SELECT id FROM followers WHERE user_id = :user", user=user)[0].id
    return number


def test_a_thousand_unreadable_events_do_not_fill_the_page(office: Office, newer: Sealer) -> None:
    """More of them than a page has lie before an event that can be read."""
    arrive(office, newer, *[follow(user=f"7{number:05}") for number in range(1100)])
    office.receive(follow(user=OTHER))
    assert users(office) == {OTHER}
    assert len(kept(office)) == 1100
    assert applier(office, newer).run(30) == 1100
    assert len(users(office)) == 1101


def test_nothing_personal_of_a_kept_event_can_be_read(office: Office, newer: Sealer) -> None:
    arrive(office, newer, submit())
    office.applier.run(10)
    with office.ledger.connect() as connection:
        listed = unread.listed(connection, OA)
    [row] = office.rows("SELECT u::text AS shown, u.sealed FROM unread_events u")
    for personal in (USER, "84978001001", "978001001"):
        assert personal not in row.shown
        assert personal.encode() not in bytes(row.sealed)
        assert personal not in repr(listed)


def test_a_kept_event_is_erased_when_it_is_thirty_days_old(office: Office, newer: Sealer) -> None:
    """By housekeeping: no event that came now waits for one that came a month ago."""
    arrive(office, newer, follow())
    office.applier.run(10)
    with office.ledger.begin() as tx:
        for table in ("zalo_events", "unread_events"):
            tx.execute(text(f"UPDATE {table} SET received_at = received_at - interval '30 days'"))
    with office.ledger.begin() as tx:
        assert inbox.purge(tx) == 1
    assert kept(office) == []
    assert office.rows("SELECT FROM zalo_events") == []
    assert office.rows("SELECT FROM unread_tries") == []


def test_a_worker_is_called_where_there_is_something_that_it_may_read(office: Office, newer: Sealer) -> None:
    arrive(office, newer, follow())
    office.applier.run(10)
    with office.ledger.connect() as connection:
        assert due_accounts.to_apply(connection, [OA], event_reader(office.sealer)) == []
        assert due_accounts.to_apply(connection, [OA], event_reader(newer)) == [OA]


def test_a_repeated_event_is_known_also_while_it_is_kept(office: Office, newer: Sealer) -> None:
    arrive(office, newer, follow(), follow())
    office.applier.run(10)
    arrive(office, newer, follow())
    assert len(kept(office)) == 1
    assert len(office.rows("SELECT FROM zalo_events")) == 1


_LATER: dict[str, tuple[Callable[[], bytes], Callable[[], bytes], str, object]] = {
    "unfollow": (
        lambda: follow("unfollow", at=NOW - 9 * SECOND),
        lambda: follow(at=NOW),
        "SELECT follows AS found FROM followers",
        True,
    ),
    "follow": (
        lambda: follow(at=NOW - 9 * SECOND),
        lambda: follow("unfollow", at=NOW),
        "SELECT follows AS found FROM followers",
        False,
    ),
    "phone": (
        lambda: submit("0978001009", at=NOW - 9 * SECOND),
        lambda: submit(at=NOW),
        "SELECT count(*) AS found FROM followers WHERE person_id IS NOT NULL",
        1,
    ),
    "interaction": (
        lambda: from_user("user_send_sticker", at=NOW - 9 * SECOND, message={"msg_id": "m1"}),
        lambda: from_user("user_send_sticker", at=NOW, message={"msg_id": "m2"}),
        "SELECT last_interaction_at AS found FROM followers",
        NOW,
    ),
    "withdrawal": (
        lambda: body("user_withdraw", NOW - 9 * SECOND, oa_id=OA, user_id=USER),
        lambda: submit(at=NOW),
        "SELECT user_id AS found FROM followers",
        USER,
    ),
}


@pytest.mark.parametrize("kind", list(_LATER))
def test_an_event_that_is_read_late_changes_nothing_that_is_newer(office: Office, newer: Sealer, kind: str) -> None:
    """Later events of its own user did not wait for it."""
    held, later, query, wanted = _LATER[kind]
    arrive(office, newer, held())
    office.receive(later())
    assert office.rows(query)[0].found == wanted
    assert applier(office, newer).run(10) == 1
    assert office.rows(query)[0].found == wanted


def test_a_question_that_is_read_days_late_is_not_answered(office: Office, newer: Sealer) -> None:
    """Too old to be useful (R15), like any notice; what it wished for is done all the same."""
    office.receive(follow(at=NOW - timedelta(minutes=9)), submit(at=NOW - timedelta(minutes=8)))
    asked = from_user("user_send_text", at=NOW - timedelta(minutes=2), message={"msg_id": "q", "text": "dừng"})
    held = seal(event(asked), newer)
    four_days_ago = NewZaloEvent(held.key, held.name, held.word, held.at - timedelta(days=4), held.sealed)
    with office.ledger.begin() as tx:
        inbox.record(tx, OA, [four_days_ago])
    office.applier.run(10)
    applier(office, newer).run(10)
    [row] = office.rows("SELECT fresh_at FROM notices WHERE kind = 'chat_off'")
    assert row.fresh_at < NOW - timedelta(hours=72), "no claim takes it"
    assert [row.notices_off for row in office.rows("SELECT notices_off FROM followers")] == [True]


def test_a_kept_receipt_still_finds_its_notice(office: Office, newer: Sealer) -> None:
    arrive(office, newer, to_user("user_received_message", message={"msg_id": "m1"}))
    office.applier.run(10)
    assert applier(office, newer).run(10) == 1
    assert [row.message_id for row in office.rows("SELECT message_id FROM receipts")] == ["m1"]


def test_a_receipt_of_a_newer_version_is_left_to_it_and_holds_none_up(office: Office) -> None:
    """Its word is not ours to understand; the receipts beside it are applied."""
    tell(office)
    put(office, claim(office), State.SENT, message_id="m1")
    with office.ledger.begin() as tx:
        tx.execute(
            text("""
                INSERT INTO receipts (oa, word, message_id, at, received_at, look_at, kept_until)
                VALUES (:oa, 'liked', 'm1', now(), now(), now(), now() + interval '1 day')"""),
            {"oa": OA},
        )
    office.receive(to_user("user_seen_message", message={"msg_ids": ["m1"]}))
    assert list(office.states().values()) == ["seen"]
    assert [row.word for row in office.rows("SELECT word FROM receipts")] == ["liked"]
