"""What an event may cost is bounded: one person's flood, or one event that nobody can apply, holds nobody else up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from domain.phone_claims import Demand
from ledger.people import chat as chat_ledger
from ledger.people.people import Link
from ledger.zalo import pages, unread
from producers.hooks import apply, chat
from tests.producers.hooks.conftest import NOW, OA, OTHER, PHONE, USER, Office, follow, from_user, submit

DOSSIERS = 3000


@pytest.fixture
def firm(office: Office) -> Office:
    """A follower who files for others, and was to be told of thousands of dossiers."""
    office.receive(submit(at=NOW - timedelta(minutes=10)))
    with office.ledger.begin() as tx:
        tx.execute(
            text("""
                INSERT INTO notices (oa, event_key, code, kind, rank, facts, person_id, event_at, fresh_at, recorded_at,
                                     due_at, state)
                SELECT :oa, 'F' || n || '/accepted/1', 'H27.37-240219-' || to_char(n, 'FM0000'), 'accepted', 1, '{}',
                       (SELECT min(id) FROM people), now() - make_interval(secs => n), now(), now(), now(),
                       'sent'
                FROM generate_series(1, :number) AS n"""),
            {"oa": OA, "number": DOSSIERS},
        )
    return office


@pytest.fixture
def statements(office: Office) -> Iterator[list[str]]:
    """What the ledger was asked, as it was asked."""
    asked: list[str] = []

    def note(_c: Any, _x: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    event.listen(office.ledger, "before_cursor_execute", note)
    yield asked
    event.remove(office.ledger, "before_cursor_execute", note)


def wrote(words: str, number: int, user: str = USER) -> bytes:
    return from_user(
        "user_send_text", user, NOW + timedelta(milliseconds=number), message={"text": words, "msg_id": f"m{number}"}
    )


def test_a_flood_of_one_person_is_one_look_up_and_ten_answers(firm: Office, statements: list[str]) -> None:
    """And the follower who came in the midst of it is greeted within the same run."""
    flood = [wrote("hồ sơ của tôi" if n % 2 else f"tra cứu H27.37-240219-{n:04}", n) for n in range(400)]
    firm.receive(*flood, follow(user=OTHER), apply=False)
    statements.clear()
    assert firm.applier.run(10) == 401
    assert sum("GROUP BY code ORDER BY at DESC" in statement for statement in statements) == 1
    assert len(firm.rows("SELECT FROM notices WHERE code LIKE 'chat-%'")) == chat.MOST_A_MINUTE
    assert firm.rows("SELECT FROM followers WHERE user_id = :user AND follows", user=OTHER)


def test_who_had_ten_answers_in_the_minute_is_not_looked_up_again(firm: Office, statements: list[str]) -> None:
    firm.receive(*(wrote("hồ sơ của tôi", n) for n in range(chat.MOST_A_MINUTE)))
    statements.clear()
    firm.receive(*(wrote("hồ sơ của tôi", 100 + n) for n in range(20)))
    assert not any("GROUP BY code ORDER BY at DESC" in statement for statement in statements)


def test_the_chat_knows_of_the_newest_two_hundred(firm: Office) -> None:
    with firm.ledger.connect() as connection:
        person = connection.execute(text("SELECT min(id) FROM people")).scalar_one()
        known = chat_ledger.codes(connection, OA, {person: None})[person]
    assert known == [f"H27.37-240219-{n:04}" for n in range(1, 201)]


@pytest.mark.parametrize("held", [False, True])
@pytest.mark.parametrize("named", [1, 9999], ids=["right", "wrong"])
def test_a_flood_of_codes_that_may_prove_a_phone_is_one_look_up(
    firm: Office, statements: list[str], named: int, *, held: bool
) -> None:
    """Right codes or wrong ones, of a phone that somebody holds for good or nobody does: each is a few statements."""
    with firm.ledger.begin() as tx:
        tx.execute(text("UPDATE notices SET recorded_at = recorded_at - interval '1 hour'"))
        if held:
            firm.people.link(tx, OA, [Link(USER, f"+{PHONE}")], source="cli")
        else:
            tx.execute(text("UPDATE followers SET person_id = NULL"))
            tx.execute(text("UPDATE phone_claims SET state = 'closed'"))
    careful = Office(firm.ledger, Demand.CODE)
    careful.receive(submit(user=OTHER, at=NOW - timedelta(minutes=5)))
    flood = [wrote(f"H27.37-240219-{named:04}", n, OTHER) for n in range(400)]
    careful.receive(*flood, follow(user="77"), apply=False)
    statements.clear()
    assert careful.applier.run(10) == 401
    assert sum("HAVING coalesce(max(n.recorded_at)" in statement for statement in statements) == 1
    assert sum("GROUP BY code ORDER BY at DESC" in statement for statement in statements) <= 2
    assert len(statements) < 400 + 200
    assert firm.rows("SELECT FROM followers WHERE user_id = '77' AND follows")


def poison(monkeypatch: pytest.MonkeyPatch, deed: str) -> None:
    """What is written by USER takes as long as it likes, or ends the process."""
    right = apply.converse

    def wrong(tx: Connection, oa: str, people: Any, messages: Any) -> set[str]:
        if any(one.user_id == USER for one in messages):
            if deed == "dies":
                raise SystemExit
            tx.execute(text("SELECT pg_sleep(20)"))
        return right(tx, oa, people, messages)

    monkeypatch.setattr(apply, "converse", wrong)
    monkeypatch.setattr(apply, "_SECONDS", 0.3)
    monkeypatch.setattr(apply, "_ALONE_SECONDS", 0.3)


def kept(office: Office) -> list[tuple[str, int, bool]]:
    with office.ledger.connect() as connection:
        rows = unread.listed(connection, OA)
    return [(row["fault"], row["faults"], row["set_aside_at"] is not None) for row in rows]


def a_minute_passes(office: Office) -> None:
    with office.ledger.begin() as tx:
        tx.execute(text("UPDATE unread_tries SET at = at - interval '2 minutes'"))


def page(office: Office) -> int:
    number: int = office.rows("SELECT events FROM event_pages")[0].events
    return number


def test_an_event_that_takes_too_long_holds_nobody_up_and_its_third_try_is_its_last(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those beside it are applied at once, each by itself; the page after it is half as large, and grows again."""
    poison(monkeypatch, "hangs")
    office.receive(follow(user=OTHER), wrote("xin chào", 1), follow(user="77"), apply=False)
    assert office.applier.run(10) == 3
    assert {row.user_id for row in office.rows("SELECT user_id FROM followers WHERE follows")} == {OTHER, "77"}
    assert kept(office) == [("QueryCanceled", 1, False)]
    assert page(office) == pages.MOST // 2
    assert office.applier.run(10) == 0, "not at once again"
    for tries in (2, 3):
        a_minute_passes(office)
        assert office.applier.run(10) == 1
        assert kept(office) == [("QueryCanceled", tries, tries == unread.TRIES)]
    a_minute_passes(office)
    assert office.applier.run(10) == 0
    office.receive(follow(user="88"))
    assert page(office) == pages.MOST


def ends(office: Office) -> bool:
    """Whether the process ends under this run."""
    try:
        office.applier.run(10)
    except SystemExit:
        return True
    return False


def test_a_try_is_counted_though_the_process_ends_under_it(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page that ended a process is tried event by event, and the third end sets the event aside."""
    poison(monkeypatch, "dies")
    office.receive(follow(user=OTHER), wrote("xin chào", 1), follow(user="77"), apply=False)
    assert ends(office)
    assert page(office) == 1
    assert sum(ends(office) for _ in range(5)) <= 2, "under a page, and alone"
    assert {row.user_id for row in office.rows("SELECT user_id FROM followers WHERE follows")} == {OTHER, "77"}
    for tries in (2, 3):
        assert kept(office) == [(unread.UNFINISHED, tries - 1, False)]
        a_minute_passes(office)
        assert ends(office)
    assert kept(office) == [(unread.UNFINISHED, unread.TRIES, True)]
    a_minute_passes(office)
    assert not ends(office)
