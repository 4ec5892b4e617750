"""`hcc staff` and `hcc report digest --post`: numbers to those whom an operator let in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text

from config.settings import Settings
from domain.clock import VIETNAM
from domain.event import Event
from domain.lane import Lane
from ledger.archive.archive import keep_house
from ledger.base.sealing import Sealer
from ledger.people.people import Link, People
from producers.dossiers.record import record
from producers.dossiers.seen import Seen
from producers.news import tell_news
from producers.probe import probe
from tests.journeys.conftest import count
from tests.operators.conftest import Run
from worker.delivery.deliver import Lease, claim_and_compose
from worker.services.bootstrap import Services

OA, USER, PHONE = "4024926008133882615", "6142494823000001001", "+84978001001"
WHO = ("--by", "lan", "--why", "đề nghị của đơn vị")


@pytest.fixture
def people(ledger: Engine) -> People:
    """A clerk who follows, and a dossier of a citizen in the clerk's unit and one elsewhere."""
    known = People.of(ledger, Sealer(["0123456789abcdef"]))
    now = datetime.now(UTC)
    with ledger.begin() as tx:
        known.link(tx, OA, [Link(USER, PHONE)], source="test")
        for code, unit in (("H27.37-240219-1001", "H27.37"), ("H27.38-240219-1001", "H27.38")):
            record(tx, OA, known, [Seen(Event(code, "accepted", "1", now, "0978362918", unit), now)])
    return known


@pytest.fixture
def services(run: Run) -> Iterator[Services]:
    made = Services(Settings(_env_file=None))  # type: ignore[call-arg]
    yield made
    made.close()


def texts(services: Services) -> list[str | None]:
    """What a worker would send to staff now."""
    letters = claim_and_compose(services, Lane.SERVICE, Lease.begin(services), 10)
    return [letter.text for letter in letters if letter.notice.kind == "staff_digest"]


@pytest.mark.parametrize("line", [USER, "0978 001 001\n", "\n+84978001001"])
def test_a_clerk_is_let_in_by_user_id_or_linked_phone(run: Run, people: People, line: str) -> None:
    assert run("staff", "add", "--unit", "h27.37", *WHO, lines=line).output == (
        "1 cán bộ mới được nhận số liệu của H27.37.\n"
    )
    [row] = json.loads(run("staff", "list", "--json").stdout)
    assert (row["unit"], row["user_id"], row["follows"]) == ("H27.37", USER, True)
    assert "H27.37" in run("staff", "list").output


def test_who_does_not_follow_is_not_let_in_and_the_fault_names_the_line_only(
    run: Run, people: People, ledger: Engine
) -> None:
    """One bad line stops everything; nobody's number is repeated."""
    result = run("staff", "add", "--unit", "H27.37", *WHO, lines=f"{USER}\n0978362918\n")
    assert result.exit_code == 1
    assert "Dòng 2" in result.output
    assert "0978362918" not in result.output
    assert count(ledger, "SELECT count(*) FROM staff") == 0
    assert run("staff", "add", "--unit", "x y", *WHO, lines=USER).exit_code == 2
    assert run("staff", "add", "--unit", "H27", lines=USER).exit_code == 2


def test_a_digest_tells_the_own_unit_once_a_period_and_nobody_else(
    run: Run, people: People, services: Services, ledger: Engine
) -> None:
    """Numbers only, of the unit that was granted."""
    run("staff", "add", "--unit", "H27.37", *WHO, lines=USER)
    told = json.loads(run("report", "digest", "--post", "--json").stdout)
    assert told["posted"] == {"H27.37": 1}
    assert json.loads(run("report", "digest", "--post", "--json").stdout)["posted"] == {"H27.37": 0}
    assert "chưa có cán bộ" in run("report", "digest", "--post", "--unit", "H27.38").output
    [words] = texts(services)
    assert words is not None
    assert "đơn vị H27.37" in words
    assert "- đã tiếp nhận: 1 (đã gửi 0)" in words
    assert "240219" not in words
    assert count(ledger, "SELECT count(*) FROM audit WHERE verb IN ('staff add', 'digest post')") == 3


def test_a_digest_of_long_ago_is_not_told_again(run: Run, people: People, ledger: Engine) -> None:
    """Its notice is put away after 90 days; its key is not forgotten."""
    run("staff", "add", "--unit", "H27.37", *WHO, lines=USER)
    assert json.loads(run("report", "digest", "--post", "--json").stdout)["posted"] == {"H27.37": 1}
    with ledger.begin() as tx:
        tx.execute(
            text("""
                UPDATE notices SET recorded_at = recorded_at - interval '91 days',
                       state = CASE kind WHEN 'staff_digest' THEN 'sent' ELSE state END""")
        )
    keep_house(ledger, now=datetime.now(UTC), keep_months=24, by="test", seconds=10)
    assert count(ledger, "SELECT count(*) FROM notices WHERE kind = 'staff_digest'") == 0
    assert json.loads(run("report", "digest", "--post", "--json").stdout)["posted"] == {"H27.37": 0}


def test_a_digest_without_post_is_what_it_was(run: Run, people: People, ledger: Engine) -> None:
    run("staff", "add", "--unit", "H27.37", *WHO, lines=USER)
    assert set(json.loads(run("report", "digest", "--json").stdout)) == {"since", "until", "unit", "kinds"}
    assert count(ledger, "SELECT count(*) FROM notices WHERE kind = 'staff_digest'") == 0


def test_who_is_removed_or_left_or_said_dung_gets_no_numbers(run: Run, people: People, ledger: Engine) -> None:
    run("staff", "add", "--unit", "H27.37", *WHO, lines=USER)
    for silence in ("follows = false", "follows = true, notices_off = true"):
        with ledger.begin() as tx:
            tx.execute(text(f"UPDATE followers SET {silence}"))
        assert json.loads(run("report", "digest", "--post", "--json").stdout)["posted"] == {}
    with ledger.begin() as tx:
        tx.execute(text("UPDATE followers SET notices_off = false"))
    assert run("staff", "remove", *WHO, lines=USER).output == "Đã thôi 1 lượt nhận số liệu.\n"
    assert json.loads(run("report", "digest", "--post", "--json").stdout)["posted"] == {}


def test_a_digest_is_no_event_of_a_dossier(run: Run, people: People) -> None:
    """What is posted does not count in the next one."""
    run("staff", "add", "--unit", "H27.37", *WHO, lines=USER)
    run("report", "digest", "--post")
    kinds = {row["kind"] for row in json.loads(run("report", "digest", "--json").stdout)["kinds"]}
    assert kinds == {"accepted"}


def test_news_are_asked_for_with_the_grant_and_previewed_word_for_word(
    run: Run, people: People, services: Services, ledger: Engine
) -> None:
    """What `hcc staff news` shows is what the worker sends."""
    assert (
        "Số liệu tự gửi mỗi ngày." in run("staff", "add", "--unit", "H27.37", "--news", "day", *WHO, lines=USER).output
    )
    with ledger.begin() as tx:
        tx.execute(text("UPDATE notices SET recorded_at = recorded_at - interval '1 day'"))
    [shown] = json.loads(run("staff", "news", "--json").stdout)
    assert (shown["unit"], shown["news"], shown["staff"], shown["untold"]) == ("H27.37", "day", 1, 1)
    assert "- đã tiếp nhận: 1 (đã gửi 0)" in shown["text"]
    noon = datetime.now(VIETNAM).replace(hour=12)
    assert tell_news(ledger, OA, noon.astimezone(UTC)) == 1
    assert texts(services) == [shown["text"]]
    said = run("staff", "news").output
    assert "H27.37, mỗi ngày: 1 người, còn 0 người chưa nhận" in said
    assert PHONE[-9:] not in said
    assert USER not in said
    run("staff", "add", "--unit", "H27.37", "--news", "none", *WHO, lines=USER)
    assert json.loads(run("staff", "list", "--json").stdout)[0]["news"] is None
    assert json.loads(run("staff", "news", "--json").stdout) == []


def test_a_digest_is_previewed_without_being_sent(run: Run, people: People, ledger: Engine) -> None:
    """Of the unit that is named, else of each that has staff."""
    run("staff", "add", "--unit", "H27.37", *WHO, lines=USER)
    for unit, words in (("H27.38", ("--unit", "H27.38")), ("H27.37", ())):
        texts = json.loads(run("report", "digest", "--preview", "--json", *words).stdout)["texts"]
        assert list(texts) == [unit]
        assert f"của đơn vị {unit}, từ" in texts[unit]
    assert "Tổng: 1; đã gửi 0" in run("report", "digest", "--preview").output
    assert count(ledger, "SELECT count(*) FROM notices WHERE kind = 'staff_digest'") == 0


def test_one_person_of_an_oa_gets_the_probe(run: Run, people: People, services: Services, ledger: Engine) -> None:
    """Through the same door as every notice; the next one who is named takes it over."""
    assert "Chỉ một người" in run("staff", "add", "--probe", *WHO, lines=f"{USER}\n{USER}").output
    assert run("staff", "add", "--probe", *WHO, lines=USER).output == "Tin thăm dò đi mỗi giờ.\n"
    [row] = json.loads(run("staff", "list", "--json").stdout)
    assert (row["unit"], row["user_id"]) == ("tin thăm dò", USER)
    with ledger.begin() as tx:
        assert probe(tx, OA) == 1
    letters = claim_and_compose(services, Lane.SERVICE, Lease.begin(services), 10)
    [words] = [letter.text for letter in letters if letter.notice.kind == "probe"]
    assert words is not None
    assert "Tin thăm dò của hệ thống báo tin hồ sơ tỉnh Hà Tĩnh (probe-" in words
    assert run("staff", "remove", "--probe", *WHO, lines=USER).output == "Tin thăm dò đã ngừng.\n"
    assert run("staff", "remove", "--probe", *WHO, lines=USER).output == "Không có ai trong số này nhận.\n"
    assert count(ledger, "SELECT count(*) FROM probe_staff") == 0


def test_news_need_a_unit(run: Run) -> None:
    assert run("staff", "add", "--news", "week", *WHO, lines=USER).exit_code == 2
