"""`hcc person`: what a phone has to do with us, read from standard input, masked, and in the audit."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text

from ledger.base.sealing import Sealer
from ledger.notices import notices
from ledger.notices.notices import NewNotice
from ledger.people import person
from ledger.people.people import Link, People
from operators.cli.exits import ExitCode
from tests.operators.conftest import OA, Run

PHONE, TYPED = "+84978362918", "0978 362 918\n"
CODE = "H27.37-240219-1001"
ACCOUNT = ("--by", "Lan", "--why", "hỏi tại quầy")


@pytest.fixture
def people(ledger: Engine) -> People:
    """The people of this ledger, with the key of the commands."""
    return People.of(ledger, Sealer(["0123456789abcdef"]))


def record(ledger: Engine, people: People, *codes: str) -> int:
    """Record an accepted dossier of the phone for each code; returns the person."""
    now = datetime.now(UTC)
    with ledger.begin() as tx:
        known = people.ids(tx, OA, [PHONE])[PHONE]
        new = [NewNotice(f"{code}/accepted/1", code, "accepted", None, {}, known, None, now, now) for code in codes]
        notices.record(tx, OA, new)
    return known


def test_the_dossiers_of_a_phone_and_its_follower_are_shown(ledger: Engine, run: Run, people: People) -> None:
    """The number itself appears nowhere; the look is in the audit, with a name and a reason."""
    known = record(ledger, people, CODE, "H27.37-240219-1002")
    with ledger.begin() as tx:
        people.link(tx, OA, [Link("7001", PHONE)], source="test")
        tx.execute(text("UPDATE notices SET state = 'unreachable', reason = 'opted out' WHERE code = :c"), {"c": CODE})
    shown = run("person", "--json", *ACCOUNT, lines=TYPED)
    found = json.loads(shown.output)
    assert found["phone"] == "09******18"
    [one] = found["people"]
    assert one["dossiers"] == ["H27.37-240219-1002", CODE]
    assert (one["follower"]["user_id"], one["follower"]["follows"], one["follower"]["proof"]) == (
        "7001",
        True,
        "operator",
    )
    assert [row["reason_vi"] for row in one["notices"]] == [None, 'Người dân đã nhắn "dừng"']
    told = run("person", *ACCOUNT, lines=TYPED).output
    assert "09******18" in told
    assert "Người dùng 7001 đang quan tâm OA" in told
    assert "Chưa gửi được cho người này" in told
    assert "978362918" not in shown.output + told
    with ledger.connect() as connection:
        looks = connection.execute(text("SELECT verb, subject, by, why FROM audit WHERE verb = 'person look'")).all()
    assert [tuple(row) for row in looks] == [("person look", f"person {known}", "Lan", "hỏi tại quầy")] * 2


def test_a_phone_that_no_dossier_has_makes_no_person(ledger: Engine, run: Run) -> None:
    """It is said, and the look is in the audit all the same."""
    answered = run("person", "--json", *ACCOUNT, lines=TYPED)
    assert answered.exit_code == ExitCode.NOTHING
    assert json.loads(answered.stdout) == {"phone": "09******18", "people": []}
    assert "Chưa có hồ sơ nào dùng số 09******18." in answered.stderr
    with ledger.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM people")).scalar_one() == 0
        assert connection.execute(text("SELECT subject FROM audit")).scalars().all() == ["a phone that no dossier has"]


@pytest.mark.parametrize("typed", ["", "02393 855 555\n", "abc\n"])
def test_what_is_no_mobile_number_is_refused_without_being_shown(run: Run, typed: str) -> None:
    """Before anything is looked up."""
    refused = run("person", *ACCOUNT, lines=typed)
    assert refused.exit_code == 1
    assert "không dùng được" in refused.output
    assert "855" not in refused.output


def test_the_newest_notices_of_a_phone_are_found_by_the_index(ledger: Engine, people: People) -> None:
    """A filing service has thousands: neither all of them are read, nor sorted."""
    known = record(ledger, people, *(f"H27.37-240219-{number}" for number in range(1000, 1060)))
    with ledger.connect() as connection:
        page = person.notices(connection, known)
        older = person.notices(connection, known, before=page[-1]["id"])
        connection.execute(text("SET enable_seqscan = off"))
        connection.execute(text("SET enable_bitmapscan = off"))
        query = f"EXPLAIN {person._NOTICES}"
        plan = "\n".join(connection.execute(text(query), {"person": known, "before": 2**62, "most": 50}).scalars())
    assert [len(page), len(older)] == [50, 10]
    assert [row["id"] for row in page + older] == sorted((row["id"] for row in page + older), reverse=True)
    assert "notices_person on notices" in plan
