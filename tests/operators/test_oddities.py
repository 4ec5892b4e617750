"""What cannot be read in the source, as operators see it: the list, the dossier, the doctor, the metrics."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
from sqlalchemy import Engine, text

from config.settings import Settings
from domain.event import Oddity
from ledger.source import oddities
from operators.checks.fault import CheckFault
from operators.checks.source import check_oddities
from operators.metrics.measure import measure
from tests.operators.conftest import Run
from worker.services.bootstrap import Services

OA = "4024926008133882615"
CODE = "H27.37-240219-1001"
UNKNOWN = Oddity(CODE, "status", "holds a word that the mapping does not know: «Đang thẩm định»", "", "a1b2")
WRONG_DATE = Oddity(CODE, "appointment_at", "is not a believable time")
WRONG_AMOUNT = Oddity("H27.37-240219-1002", "amount", "is an amount with more than one reading", "payments/7")


def note(ledger: Engine, *odd: Oddity) -> None:
    """A poll has seen these."""
    with ledger.begin() as tx:
        oddities.keep(tx, OA, odd, [])


def test_the_list_says_what_is_odd_since_when_and_how_often(ledger: Engine, run: Run) -> None:
    """The shape that programs read."""
    note(ledger, UNKNOWN, WRONG_AMOUNT)
    rows = json.loads(run("source", "oddities", "--json").output)
    assert [list(row) for row in rows] == [["code", "row", "column", "why", "since", "times", "last_seen"]] * 2
    by_column = {row["column"]: row for row in rows}
    assert by_column["amount"] | {"since": 0, "last_seen": 0} == {
        "code": "H27.37-240219-1002",
        "row": "payments/7",
        "column": "amount",
        "why": "is an amount with more than one reading",
        "since": 0,
        "times": 1,
        "last_seen": 0,
    }
    assert datetime.fromisoformat(by_column["status"]["since"]).tzinfo
    assert len(json.loads(run("source", "oddities", "--json", "--limit", "1").output)) == 1


def test_people_read_it_in_vietnamese(ledger: Engine, run: Run) -> None:
    """The word that the mapping lacks stands there."""
    assert "Mọi dòng đã đọc đều hiểu được." in run("source", "oddities").output
    note(ledger, UNKNOWN)
    told = run("source", "oddities").output
    assert told.startswith(CODE)
    assert "cột status: có từ mà bản đồ chưa biết: «Đang thẩm định»" in told


def test_a_dossier_tells_its_oddities_also_where_it_has_no_notice(ledger: Engine, run: Run) -> None:
    """That is why it has none."""
    note(ledger, UNKNOWN, WRONG_DATE)
    told = run("dossier", CODE)
    assert told.exit_code == 0
    assert "cột status: có từ mà bản đồ chưa biết: «Đang thẩm định»" in told.output
    assert "cột appointment_at: không phải thời điểm tin được" in told.output
    found = json.loads(run("dossier", CODE, "--json").output)
    assert [one["column"] for one in found["oddities"]] == ["appointment_at", "status"]
    assert found["notices"] == []


@pytest.fixture
def services(ledger_url: str, redis_url: str) -> Services:
    """Services on real servers."""
    settings = Settings(
        _env_file=None, database_url=ledger_url, redis_url=redis_url, secret_keys=["0123456789abcdef"], zalo_oa_id=OA
    )  # type: ignore[call-arg]
    return Services(settings)


def test_the_doctor_finds_words_that_the_mapping_lacks(ledger: Engine, services: Services) -> None:
    """Other faults cost a fact and are told; a word keeps notices back and is a fault."""
    assert list(check_oddities(services)) == ["mọi dòng đã đọc đều hiểu được"]
    note(ledger, WRONG_AMOUNT)
    assert list(check_oddities(services)) == ["1 chỗ ở cột amount không đọc được, xem `hcc source oddities`"]
    note(ledger, UNKNOWN)
    with pytest.raises(CheckFault, match="bản đồ chưa hiểu: status «Đang thẩm định»"):
        list(check_oddities(services))
    services.close()


def test_metrics_count_oddities_by_column(ledger: Engine, services: Services) -> None:
    """What grows is a program that was changed."""
    note(ledger, WRONG_AMOUNT, UNKNOWN)
    told = measure([services]).decode()
    assert f'hcc_source_oddities{{column="amount",oa="{OA}"}} 1.0' in told
    assert f'hcc_source_oddities{{column="status",oa="{OA}"}} 1.0' in told
    services.close()


def test_no_more_than_a_list_is_kept_and_what_is_gone_is_forgotten(
    ledger: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table of a million faults makes no million rows; a dossier that is never seen again leaves none."""
    monkeypatch.setattr(oddities, "MOST", 3)
    for number in range(9):
        note(ledger, Oddity(f"H27-{number}", "status", "is empty", "", "a"))
    with ledger.begin() as tx:
        assert len(oddities.listed(tx, OA)) == 3
        tx.execute(text("UPDATE oddities SET last_seen_at = now() - interval '91 days' WHERE code <> 'H27-0'"))
        assert oddities.forget(tx) == 2
        assert [row["code"] for row in oddities.listed(tx, OA)] == ["H27-0"]
