"""`hcc quarantine`, `act`, `switch`: counted first, said in words that cannot be read the wrong way round."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from domain.units import ListedUnit
from ledger.base import units
from ledger.notices import notices, verbs
from ledger.notices.notices import NewNotice
from ledger.notices.verbs import RELEASE, Choice
from ledger.reports import acts
from operators.cli.exits import ExitCode
from tests.operators.conftest import Run

OA = "4024926008133882615"
ACCOUNT = ("--by", "Lan", "--why", "dữ liệu cũ chuyển sang")
OLD = "older than 30 days when it was first seen"
LONG_AGO = datetime(2023, 5, 8, 17, 30, tzinfo=UTC)  # the 9th in Vietnam


@pytest.fixture
def run(run: Run, monkeypatch: pytest.MonkeyPatch, ledger_url: str) -> Run:
    """Commands that find a dossier database, which has no table of a source."""
    monkeypatch.setenv("HCC_DOSSIER_URL", ledger_url)
    return run


@pytest.fixture
def kept(ledger: Engine) -> Engine:
    """Four notices of 2023 that are kept back, a day apart, and one of today that is due."""
    now = datetime.now(UTC)
    old = [
        NewNotice(f"K-{day}/accepted/1", f"K-{day}", "accepted", "H27.12", {}, None, None, now, now,
                  happened_at=LONG_AGO + timedelta(days=day), kept_because=OLD)
        for day in range(4)
    ]  # fmt: skip
    today = NewNotice("T-1/accepted/1", "T-1", "accepted", "H27.37", {}, None, None, now, now)
    with ledger.begin() as tx:
        notices.record(tx, OA, [*old, today])
    return ledger


def in_state(ledger: Engine, state: str) -> list[str]:
    with ledger.connect() as connection:
        query = text("SELECT code FROM notices WHERE state = :state ORDER BY id")
        return list(connection.execute(query, {"state": state}).scalars())


def test_a_dry_run_counts_and_does_nothing(run: Run, kept: Engine) -> None:
    """The days are the events' own, in Vietnam's calendar."""
    counted = run("quarantine", "release", "--from", "2023-05-10", "--to", "2023-05-11", "--dry-run", *ACCOUNT)
    assert counted.exit_code == 0, counted.output
    assert counted.output.startswith("2 thông báo sẽ được làm (quarantine release); chưa làm gì.")
    assert len(in_state(kept, "quarantined")) == 4
    assert json.loads(run("act", "list", "--json").stdout) == []


def test_what_is_kept_is_released_or_dropped_by_its_day_unit_and_reason(run: Run, kept: Engine) -> None:
    """Each verb is an act that anybody can look up afterwards."""
    groups = json.loads(run("quarantine", "list", "--count", "--json").stdout)
    assert [(row["kind"], row["unit"], row["number"], row["reason"]) for row in groups] == [
        ("accepted", "H27.12", 4, OLD)
    ]
    released = run("quarantine", "release", "--to", "2023-05-09", *ACCOUNT)
    assert released.exit_code == 0, released.output
    assert in_state(kept, "due") == ["K-0", "T-1"]
    assert run("quarantine", "discard", "--unit", "H27.12", *ACCOUNT).exit_code == 0
    assert in_state(kept, "discarded") == ["K-1", "K-2", "K-3"]
    discard, release = json.loads(run("act", "list", "--json").stdout)
    assert (release["verb"], release["total"], release["done"], release["by"]) == ("quarantine release", 1, 1, "Lan")
    assert (discard["filter"], discard["done"], discard["why"]) == ({"unit": "H27.12"}, 3, "dữ liệu cũ chuyển sang")
    assert discard["until"] is not None


def test_an_act_is_stopped_and_gone_on_with_by_its_number(run: Run, kept: Engine) -> None:
    """From another terminal than the one that began it."""
    with kept.begin() as tx:
        act = verbs.begin(tx, OA, RELEASE, Choice(), by="Lan", why="x")
    stopped = run("act", "stop", act.id, *ACCOUNT)
    assert stopped.exit_code == 0, stopped.output
    assert list(verbs.go_on(kept, act.id)) == []
    assert "Lan đã dừng" in run("act", "list").output
    assert run("act", "resume", act.id, *ACCOUNT).exit_code == 0
    assert in_state(kept, "quarantined") == []
    assert run("act", "resume", act.id, *ACCOUNT).exit_code == ExitCode.NOTHING, "it is over"
    with kept.connect() as connection:
        found = acts.read(connection, act.id)
    assert found is not None
    assert (found.done, found.total) == (4, 4)


def test_a_unit_that_seems_to_be_none_is_stopped_with_a_remark(run: Run, ledger: Engine) -> None:
    """Its switch may stop nothing; but lists lack units that have dossiers, and a stop is never refused for that."""
    odd = run("switch", "off", "unit", "phường 1", *ACCOUNT)
    assert (odd.exit_code, "không giống mã đơn vị" in odd.stderr) == (ExitCode.OK, True)
    off = run("switch", "off", "unit", "H99", *ACCOUNT)
    assert (off.stdout.startswith("Đã DỪNG gửi đơn vị H99 cho đến khi"), off.stderr) == (True, "")
    with ledger.begin() as tx:
        units.change(tx, OA, [ListedUnit("H27", "Hà Tĩnh")], whole=True)
    assert run("switch", "on", "unit", "H99", *ACCOUNT).exit_code == ExitCode.OK
    assert "không có trong danh sách đơn vị" in run("switch", "off", "unit", "H99", *ACCOUNT).stderr
    assert run("switch", "off", "unit", "H27.37", *ACCOUNT).stderr == ""


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("kind nonsense", "Không có loại tin «nonsense»; có: "),
        ("channel pigeon", "Không có kênh «pigeon»; có: "),
        ("unit", "Thiếu tên của đơn vị."),
    ],
)
def test_what_a_switch_does_not_know_is_said_in_vietnamese(run: Run, words: str, says: str) -> None:
    refused = run("switch", "off", *words.split(), *ACCOUNT)
    assert (refused.exit_code, says in refused.output) == (ExitCode.USAGE, True)


def test_off_stops_and_on_lets_go_and_both_say_so(run: Run, kept: Engine) -> None:
    """Who was stopped, until when, how many wait; and how many go again."""
    off = run("switch", "off", "kind", "accepted", "--until", "2h", *ACCOUNT)
    assert off.exit_code == 0, off.output
    assert off.output.startswith("Đã DỪNG gửi loại tin đã tiếp nhận (kind accepted) đến ")
    [listed] = json.loads(run("switch", "list", "--json").stdout)
    assert (listed["sort"], listed["name"], listed["held"], listed["by"]) == ("kind", "accepted", 1, "Lan")
    assert "đang dừng: kind accepted" in run("dossier", "T-1").output
    on = run("switch", "on", "kind", "accepted", *ACCOUNT)
    let_go = "Đã CHO GỬI LẠI loại tin đã tiếp nhận (kind accepted):"
    assert on.output.startswith(f"{let_go} 1 thông báo đã chờ, 1 còn đúng và nay được gửi")
    assert json.loads(run("switch", "list", "--json").stdout) == []
    assert run("switch", "on", "kind", "accepted", *ACCOUNT).exit_code == ExitCode.NOTHING, "it is on"


@pytest.mark.parametrize(
    "words",
    [
        ("kind", "acepted"),
        ("kind",),
        ("channel", "zalo"),
        ("all", "accepted"),
        ("kind", "accepted", "--until", "2020-01-01T00:00"),
        ("kind", "accepted", "--until", "soon"),
        ("all", "--oa", OA),
    ],
)
def test_what_would_stop_nothing_is_refused(run: Run, kept: Engine, words: tuple[str, ...]) -> None:
    """A name that is misspelt, a time that is over: nobody would see that everything still goes."""
    assert run("switch", "off", *words, *ACCOUNT).exit_code != 0
    with kept.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM switches")).scalar_one() == 0
