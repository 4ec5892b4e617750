"""The command line where several OAs are: lists cover all of them, and what changes something says for which."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, text

from coordination.connection import open_redis
from coordination.schedule import Retry, Schedule
from ledger.notices import notices
from ledger.notices.notices import NewNotice
from operators.cli.exits import ExitCode
from operators.cli.main import hcc
from sandbox.dossiers.living import LivingDossiers
from sandbox.servers import Servers
from tests.journeys.several import write

HERE, THERE = "4024926008133882615", "5024926008133882615"
NOBODY = "postgresql://x@127.0.0.1:1/"
ACCOUNT = ("--by", "Lan", "--why", "thử")
CODE = "H27.37-240219-1001"
MORNING = datetime(2024, 2, 19, 9, 9)  # noqa: DTZ001 (local and naive, as the dossier database keeps it)
TOKEN = json.dumps({"access_token": "a", "refresh_token": "r", "expires_in": "90000"})

Run = Callable[..., Result]


@pytest.fixture
def tables() -> dict[str, dict[str, str]]:
    """Two provinces."""
    return {
        "ha-tinh": {"zalo_oa_id": HERE, "dossier_url": NOBODY + "a"},
        "nghe-an": {"zalo_oa_id": THERE, "dossier_url": NOBODY + "b"},
    }


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, ledger_url: str, redis_url: str, tmp_path: Path, tables: dict[str, dict[str, str]]
) -> Run:
    """Run a command of `hcc` in this process, for two OAs of one app."""
    given = {
        "DATABASE_URL": ledger_url, "REDIS_URL": redis_url, "ZALO_APP_ID": "1", "ZALO_APP_SECRET": "s",
        "OLD_EVENT_DAYS": "0",  # the dossiers are of 2024
        "SECRET_KEYS": "0123456789abcdef", "OAS": write(tmp_path / "oas.toml", tables),
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(f"HCC_{name}", value)
    return lambda *words, **more: CliRunner().invoke(hcc, [str(word) for word in words], **more)


@pytest.fixture
def dead(ledger: Engine) -> dict[str, int]:
    """A dead notice of the same dossier in each OA: its id by OA."""
    now = datetime.now(UTC)
    with ledger.begin() as tx:
        for oa in (HERE, THERE):
            new = NewNotice(f"{CODE}/accepted/1", CODE, "accepted", "H27", {}, None, None, now, now)
            notices.record(tx, oa, [new])
        tx.execute(text("UPDATE notices SET state = 'dead', reason = 'code -32', code_received = -32"))
        return {row.oa: row.id for row in tx.execute(text("SELECT id, oa FROM notices"))}


def states(ledger: Engine) -> dict[str, str]:
    with ledger.connect() as connection:
        return {row.oa: row.state for row in connection.execute(text("SELECT oa, state FROM notices"))}


def test_a_list_covers_all_oas_or_the_one_that_is_named(run: Run, dead: dict[str, int]) -> None:
    """By the name of its table or by its id; each row says whose it is."""
    for words, oas in (((), [HERE, THERE]), (("--oa", "nghe-an"), [THERE]), (("--oa", HERE), [HERE])):
        rows = json.loads(run("dead", "list", "--json", *words).stdout)
        assert [(row["oa"], row["id"]) for row in rows] == [(oa, dead[oa]) for oa in oas]
    cut = run("dead", "list", "--json", "--limit", 1)
    assert [row["oa"] for row in json.loads(cut.stdout)] == [HERE]
    assert "Mới hiện 1 trong 2" in cut.stderr


def test_an_oa_that_is_not_there_is_refused_and_those_that_are_are_named(run: Run) -> None:
    result = run("dead", "list", "--oa", "ha-giang")
    assert (result.exit_code, "có: ha-tinh, nghe-an" in result.output) == (ExitCode.USAGE, True)


def test_numbers_say_by_themselves_whose_they_are_and_filters_do_not(
    run: Run, ledger: Engine, dead: dict[str, int]
) -> None:
    """A forgotten --oa never means all provinces."""
    for words in (("--all",), ("--code", "-32")):
        result = run("dead", "retry", *words, *ACCOUNT)
        assert (result.exit_code, "chọn một bằng --oa: ha-tinh, nghe-an" in result.output) == (ExitCode.USAGE, True)
    assert set(states(ledger).values()) == {"dead"}
    assert run("dead", "retry", "--all", "--oa", "ha-tinh", *ACCOUNT).exit_code == 0
    assert states(ledger) == {HERE: "due", THERE: "dead"}
    assert run("dead", "discard", dead[THERE], *ACCOUNT).output == "Đã bỏ 1 thông báo.\n"
    assert states(ledger) == {HERE: "due", THERE: "discarded"}


def test_numbers_of_both_are_done_in_one_go_and_strange_ones_are_told(run: Run, dead: dict[str, int]) -> None:
    result = run("dead", "retry", *dead.values(), 999, *ACCOUNT)
    assert "Đã cho gửi lại 2 thông báo." in result.output
    assert (result.exit_code, result.output.count("Số ")) == (ExitCode.PARTLY, 1)
    assert "Số 999: không có trong sổ." in result.output


def test_a_dossier_is_looked_for_in_all_oas(run: Run, dead: dict[str, int]) -> None:
    """Two provinces may use one code; each notice says whose it is."""
    shown = json.loads(run("dossier", CODE.lower(), "--json").stdout)
    assert [notice["oa"] for notice in shown["notices"]] == [HERE, THERE]
    assert [notice["event_key"] for notice in shown["notices"]] == [f"{CODE}/accepted/1"] * 2
    one = json.loads(run("dossier", CODE, "--json", "--oa", "nghe-an").stdout)
    assert [notice["oa"] for notice in one["notices"]] == [THERE]


def test_a_token_is_imported_for_one_oa_and_the_status_tells_of_all(run: Run) -> None:
    assert run("oa", "import", input=TOKEN).exit_code == ExitCode.USAGE, "for which?"
    assert run("oa", "import", "--oa", "nghe-an", input=TOKEN).exit_code == 0
    result = run("oa", "status", "--json")
    assert [shown["oa"] for shown in json.loads(result.stdout)] == [THERE]
    assert (result.exit_code, "ha-tinh: Chưa có token" in result.stderr) == (1, True)
    one = run("oa", "status", "--oa", "nghe-an", "--json")
    assert (one.exit_code, json.loads(one.stdout)["oa"]) == (0, THERE)


def test_retries_of_all_come_soonest_first(run: Run, redis_url: str) -> None:
    now = datetime.now(UTC)
    with open_redis(redis_url) as redis:
        for oa, seconds in ((HERE, (10, 30)), (THERE, (20, 40))):
            Schedule(redis).put(
                oa, [Retry(n, now + timedelta(seconds=n), now, "k", "accepted", None, None, 1) for n in seconds]
            )
    rows = json.loads(run("retries", "--json").stdout)
    assert [(row["id"], row["oa"]) for row in rows] == [(10, HERE), (20, THERE), (30, HERE), (40, THERE)]
    assert [row["id"] for row in json.loads(run("retries", "--json", "--limit", 3).stdout)] == [10, 20, 30]
    assert [row["id"] for row in json.loads(run("retries", "--json", "--oa", "ha-tinh").stdout)] == [10, 30]


def test_reports_cover_all_and_what_is_sent_to_staff_says_for_whom(run: Run, dead: dict[str, int]) -> None:
    for report in ("reach", "digest"):
        shown = json.loads(run("report", report, "--json").stdout)
        rows = shown if report == "reach" else shown["kinds"]
        assert [(row["oa"], row["failed"]) for row in rows] == [(HERE, 1), (THERE, 1)]
        assert run("report", report).exit_code == 0
    assert "chọn một bằng --oa" in run("report", "digest", "--post").output
    assert run("report", "digest", "--post", "--oa", "ha-tinh").exit_code == 0


def test_a_follower_is_of_one_oa(run: Run) -> None:
    link = ("follower", "link", "6142494823000001001", "0978362918")
    assert "chọn một bằng --oa" in run(*link).output
    assert run(*link, "--oa", "nghe-an").exit_code == 0
    assert [row["oa"] for row in json.loads(run("follower", "list", "--json").stdout)] == [THERE]
    assert json.loads(run("follower", "list", "--json", "--oa", "ha-tinh").stdout) == []


@pytest.fixture
def living(servers: Servers, tables: dict[str, dict[str, str]]) -> Iterator[LivingDossiers]:
    """The second province has a dossier database that lives."""
    servers.create_database("nghe_an")
    tables["nghe-an"]["dossier_url"] = servers.database_url("nghe_an")
    dossiers = LivingDossiers(tables["nghe-an"]["dossier_url"])
    yield dossiers
    dossiers.close()
    servers.drop_database("nghe_an")


def test_one_poll_is_a_round_of_every_oa_and_a_source_that_is_away_stops_no_other(
    living: LivingDossiers, run: Run, ledger: Engine
) -> None:
    """The fault is told at the end, with its OA's name."""
    assert run("poll", "--once", "--oa", "nghe-an").exit_code == 0
    living.file(CODE, phone="0978362918", at=MORNING)
    living.accept(CODE, at=MORNING, appointment=MORNING)
    polled = run("poll", "--once")
    assert "nghe-an: Đã đọc" in polled.output
    assert "ha-tinh: không kết nối được CSDL hồ sơ" in polled.output
    assert polled.exit_code == ExitCode.PARTLY
    assert states(ledger) == {THERE: "due"}


def test_the_doctor_looks_at_each_oa_and_once_at_what_they_share(living: LivingDossiers, run: Run) -> None:
    """What is wrong with one stands under its name; two that read one database are told to be the same."""
    told = run("doctor").output
    assert told.count("sổ thông báo: kết nối được") == 1
    here, there = told.split(f"nghe-an (OA {THERE})")
    assert f"ha-tinh (OA {HERE})" in here
    assert "không kết nối được CSDL hồ sơ" in here
    assert "mọi truy vấn của «reference» chạy được" in there
    assert "✗ CSDL hồ sơ" not in there


def test_two_oas_on_one_dossier_database_are_a_finding(
    tables: dict[str, dict[str, str]], run: Run, tmp_path: Path
) -> None:
    """Every person would hear everything twice."""
    write(tmp_path / "oas.toml", {name: table | {"dossier_url": "sqlite:///same"} for name, table in tables.items()})
    assert run("doctor").output.count("mỗi việc báo hai lần") == 2
