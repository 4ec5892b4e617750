"""`hcc report`: the reports for staff as JSON, CSV and XLSX, from the roll-ups."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import Engine, text

from domain.units import ListedUnit
from ledger.base import units
from ledger.notices import notices
from operators.reports.dossiers import FATES, fate
from tests.ledger.conftest import OA, new
from tests.operators.conftest import Run

UNITS = [
    ListedUnit("H27.30.25", "Phường Bắc Hồng", None, None, date(2025, 6, 30), "H27.115"),
    ListedUnit("H27.115", "Phường Bắc Hồng Lĩnh"),
]
_FILLED = """
UPDATE notices SET state = 'sent' WHERE code = 'A';
UPDATE notices SET state = 'seen' WHERE code = 'B';
UPDATE notices SET state = 'unreachable', reason = 'no Zalo user of this OA is linked to the phone' WHERE code = 'C';
INSERT INTO attempts (notice_id, at, channel, outcome, code, ms, dong)
SELECT id, fresh_at + interval '1 second' * (id % 2 * 40), 'zns', 'sent', 0, 100, 300
FROM notices WHERE code IN ('A', 'B');
INSERT INTO spending SELECT oa, 'zns', CAST(now() AT TIME ZONE 'Asia/Ho_Chi_Minh' AS date), 2, 600 FROM notices LIMIT 1;
INSERT INTO people (oa, phone_hash, phone_sealed, created_at) SELECT oa, 'h', 's', now() FROM notices LIMIT 1;
INSERT INTO followers (oa, user_id, person_id, follows, follow_at)
SELECT oa, 'u', id, true, now() FROM people UNION ALL SELECT oa, 'v', NULL, true, now() FROM people;
UPDATE notices SET person_id = (SELECT id FROM people) WHERE code IN ('A', 'C');
"""


@pytest.fixture
def filled(ledger: Engine) -> Engine:
    """Four dossiers of two units, of which one was merged into the other."""
    now = datetime.now(UTC)
    told = [
        new(code, unit=unit, fresh_at=now)
        for code, unit in (("A", "H27.30.25"), ("B", "H27.115"), ("C", "H27.115"), ("D", "=H1"))
    ]
    with ledger.begin() as tx:
        units.change(tx, OA, UNITS, whole=True)
        notices.record(tx, OA, told)
        for statement in _FILLED.split(";\n")[:-1]:
            tx.execute(text(statement))
    return ledger


def as_json(run: Run, *words: str) -> list[dict[str, Any]]:
    result = run("report", *words, "--json")
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def test_each_report_tells_its_numbers(run: Run, filled: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Merged units are folded into their successor, with its name."""
    monkeypatch.setenv("HCC_BUDGET_DONG", "zns=1200")
    causes = [(row["unit"], row["state"], row["cause"], row["number"]) for row in as_json(run, "causes")]
    assert causes == [("=H1", "Sắp gửi", "", 1), ("H27.115", "Chưa gửi được cho người này", "chưa quan tâm OA", 1)]
    [delays] = as_json(run, "delays")
    assert (delays["unit"], delays["unit_name"], delays["sent"]) == ("H27.115", "Phường Bắc Hồng Lĩnh", 2)
    assert (delays["p50"], delays["p95"]) == (1, 60)
    [costs] = as_json(run, "costs")
    assert (costs["channel"], costs["messages"], costs["dong"], costs["share"]) == ("zns", 2, 600, 0.5)
    followers = [(row["unit"], row["number"]) for row in as_json(run, "followers")]
    assert followers == [("H27.115", 2), (None, 1)], "one person with dossiers at two old units counts at both"
    old = [(row["unit"], row["number"]) for row in as_json(run, "followers", "--old-units", "--unit", "h27.115")]
    assert old == [("H27.115", 1), ("H27.30.25", 1)]
    dossiers = [
        (row["unit"], row["dossiers"], row["share"], row["told"], row["not_follower"], row["pending"])
        for row in as_json(run, "dossiers")
    ]
    assert dossiers == [("=H1", 1, None, 0, 0, 1), ("H27.115", 3, 2 / 3, 2, 1, 0)]
    for report in ("dossiers", "causes", "delays", "costs", "followers"):
        assert run("report", report).exit_code == 0


def test_reach_is_a_csv_and_a_sheet(run: Run, filled: Engine, tmp_path: Path) -> None:
    """The same rows in both, complete or not there."""
    for form in ("csv", "xlsx"):
        result = run("report", "reach", f"--{form}", str(tmp_path / f"reach.{form}"))
        assert (result.exit_code, result.stdout) == (0, ""), result.output
    assert sorted(file.name for file in tmp_path.iterdir()) == ["reach.csv", "reach.xlsx"]
    head, *rows = csv.reader(io.StringIO((tmp_path / "reach.csv").read_text("utf-8-sig"), newline=""))
    told = [dict(zip(head, row, strict=True)) for row in rows]
    assert [row["Đơn vị"] for row in told] == ["'=H1", "H27.115"]
    assert {key: told[1][key] for key in ("Sự kiện", "Đã gửi", "Chưa quan tâm", "Đã xem", "Tỷ lệ đến được")} == {
        "Sự kiện": "3", "Đã gửi": "2", "Chưa quan tâm": "1", "Đã xem": "1", "Tỷ lệ đến được": "0.6667",
    }  # fmt: skip
    assert told[1]["Chi phí (đồng)"] == "600"
    sheet = CalamineWorkbook.from_path(str(tmp_path / "reach.xlsx")).get_sheet_by_index(0).to_python()
    assert sheet[0] == head
    assert [row[:2] for row in sheet[1:]] == [[rows[0][0], "=H1"], [rows[1][0], "H27.115"]]


def test_bad_phones_are_a_csv_on_standard_output(run: Run, ledger: Engine) -> None:
    """Masked, as everywhere."""
    with ledger.begin() as tx:
        notices.record(tx, OA, [new("H27.115-250701-0001", unit="H27.115")])
        tx.execute(text("UPDATE notices SET phone_fault = 'landline', phone_seen = '02*******55'"))
    result = run("report", "bad-phones", "--csv", "-")
    assert result.exit_code == 0, (result.output, result.exception)
    [_, row] = csv.reader(io.StringIO(result.stdout_bytes.decode("utf-8-sig"), newline=""))
    assert row == ["H27.115-250701-0001", "H27.115", "", "2025-07-01", "02*******55", "Số cố định"]


def test_one_form_at_a_time(run: Run, tmp_path: Path) -> None:
    """Two forms are a usage error, a folder that is not there a sentence."""
    assert run("report", "reach", "--json", "--csv", "-").exit_code == 2
    result = run("report", "reach", "--csv", str(tmp_path / "none" / "x.csv"))
    assert result.exit_code != 0
    assert list(tmp_path.iterdir()) == []


def test_a_rebuild_counts_again_from_the_facts(run: Run, filled: Engine) -> None:
    """Whatever was written into the roll-ups by mistake."""
    before = as_json(run, "reach")
    with filled.begin() as tx:
        tx.execute(text("UPDATE tally_day SET number = 0"))
        tx.execute(text("UPDATE tally_rounds SET began_at = now()"))
    told = run("report", "rebuild", "--days", "3", "--json")
    assert json.loads(told.stdout)["done"] == 1, told.output
    assert as_json(run, "reach") == before
    assert "Đã tính lại 1 ngày" in run("report", "rebuild").output


def test_every_dossier_has_one_fate() -> None:
    """By the notice that says most; what Zalo did not carry is not told on Zalo."""
    fates = {
        ("sent", None, "zalo_cs"): "told",
        ("seen", None, "zns"): "told",
        ("sent", None, "sms"): "elsewhere",
        ("due", "budget", None): "pending",
        ("unreachable", "not_follower", None): "not_follower",
        ("unreachable", None, None): "not_follower",
        ("unreachable", "bad_phone", None): "bad_phone",
        ("unreachable", "refuses", None): "stopped",
        ("suppressed", "opted_out", None): "stopped",
        ("suppressed", "untrue", None): "not_needed",
        ("dead", "set_up", None): "other",
        ("expired", None, None): "other",
    }
    assert {key: fate(*key) for key in fates} == fates
    assert set(fates.values()) == set(FATES)
