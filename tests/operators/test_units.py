"""`hcc units`: a list from a CSV file, whole or not at all, and what the filters make of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import Engine, text

from ledger.notices import notices
from operators.cli import bulk
from operators.cli.exits import ExitCode
from operators.unit_file import read_units
from tests.ledger.conftest import OA, new
from tests.operators.conftest import Run

LIST = """code,name,parent,valid_from,valid_until,successor
H27,Tỉnh Hà Tĩnh,,,,
H27.30,Thị xã Hồng Lĩnh,H27,,2025-06-30,H27
H27.30.25,Phường Bắc Hồng,H27.30,,2025-06-30,H27.115
H27.115,"Phường Bắc Hồng Lĩnh, Hà Tĩnh",H27,2025-07-01,,
"""
ACCOUNTABLE = ("--by", "lan", "--why", "sáp nhập")


@pytest.fixture
def load(run: Run, tmp_path: Path) -> Callable[..., Result]:
    """Import a list."""

    def loaded(content: str | bytes, *words: str) -> Result:
        file = tmp_path / "units.csv"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return run("units", "import", str(file), *ACCOUNTABLE, *words)

    return loaded


def listed(run: Run, *words: str) -> list[dict[str, Any]]:
    result = run("units", "list", "--json", *words)
    assert result.exit_code == 0, result.output
    rows: list[dict[str, Any]] = json.loads(result.stdout)
    return rows


def audited(ledger: Engine) -> list[str]:
    with ledger.connect() as connection:
        return list(connection.execute(text("SELECT verb || ': ' || subject FROM audit ORDER BY id")).scalars())


def test_a_list_is_imported_once_however_often_it_is_given(
    run: Run, load: Callable[..., Result], ledger: Engine
) -> None:
    """With who and why; a second time nothing changes and nothing is audited."""
    assert load(LIST).output == "Đã nhập danh sách đơn vị: 4 mới, 0 đổi, 0 bỏ, 0 như cũ.\n"
    again = load(LIST, "--json")
    assert json.loads(again.stdout) == {
        "done": 0, "refused": [], "act": None, "added": 0, "changed": 0, "removed": 0, "unchanged": 4,
    }  # fmt: skip
    assert audited(ledger) == ["units import: 4 mới, 0 đổi, 0 bỏ, 0 như cũ"]
    assert [row["code"] for row in listed(run)] == ["H27", "H27.115", "H27.30", "H27.30.25"]
    assert listed(run)[3] == {
        "code": "H27.30.25", "name": "Phường Bắc Hồng", "parent": "H27.30", "valid_from": None,
        "valid_until": "2025-06-30", "successor": "H27.115", "now": "H27.115",
    }  # fmt: skip
    assert [row["code"] for row in listed(run, "--at", "2025-07-01")] == ["H27", "H27.115"]
    assert listed(run, "--at", "30/06/2025") == listed(run, "--at", "2025-06-30"), "as the file may write it"
    assert [(row["code"], row["now"]) for row in listed(run, "--at", "2025-06-30")][2] == ("H27.30.25", "H27.30.25")
    assert "Phường Bắc Hồng" in run("units", "list").output


def test_a_dry_run_counts_and_writes_nothing(run: Run, load: Callable[..., Result], ledger: Engine) -> None:
    """A part of the list leaves the others; the whole list removes them."""
    load(LIST)
    changed = LIST.splitlines()[0] + "\nH27.115,Phường Bắc Hồng Lĩnh,H27,2025-07-01,,\n"
    assert "0 mới, 1 đổi, 0 bỏ" in load(changed, "--dry-run").output
    assert "cấp trên H27 không có" in load(changed, "--replace").output
    smaller = "\n".join(LIST.splitlines()[:2])
    assert "Sẽ nhập danh sách đơn vị: 0 mới, 0 đổi, 3 bỏ, 1 như cũ" in load(smaller, "--replace", "--dry-run").output
    tried = json.loads(run("units", "import", "-", "--dry-run", "--json", lines=LIST).stdout)
    assert tried == {
        "verb": "units import", "would_do": 0, "added": 0, "changed": 0, "removed": 0, "unchanged": 4,
    }  # fmt: skip
    assert (len(listed(run)), len(audited(ledger))) == (4, 1)
    load(smaller, "--replace")
    assert [row["code"] for row in listed(run)] == ["H27"]


def test_a_file_without_a_unit_leaves_the_list_as_it_is(run: Run, load: Callable[..., Result]) -> None:
    """`--replace` would otherwise empty the list, and with it what every filter and switch of a unit means."""
    load(LIST)
    for words in (("--replace",), ("--replace", "--yes"), ("--replace", "--dry-run"), ()):
        assert load(f"\ufeff{LIST.splitlines()[0]}\n\n", *words).exit_code == ExitCode.FAULT
    assert len(listed(run)) == 4


def test_at_a_terminal_units_are_removed_only_after_a_yes(
    run: Run, load: Callable[..., Result], ledger: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The question says how many. An import that removes none asks nothing; `--yes` is the answer yes."""
    monkeypatch.setattr(bulk, "at_a_terminal", lambda: True)
    assert load(LIST, "--replace").exit_code == ExitCode.OK
    smaller = tmp_path / "smaller.csv"
    smaller.write_text("\n".join(LIST.splitlines()[:2]), "utf-8")
    words = ("units", "import", smaller, "--replace", *ACCOUNTABLE)
    asked = run(*words, lines="n\n")
    assert (asked.exit_code, "0 mới, 0 đổi, 3 bỏ, 1 như cũ. Nhập?" in asked.output) == (1, True)
    assert (len(listed(run)), len(audited(ledger))) == (4, 1)
    assert run(*words, "--yes").exit_code == ExitCode.OK
    assert [row["code"] for row in listed(run)] == ["H27"]


def test_a_list_is_read_from_standard_input(run: Run) -> None:
    """A pipe from the program that has it."""
    assert run("units", "import", "-", *ACCOUNTABLE, lines=LIST).exit_code == 0
    assert len(listed(run)) == 4


@pytest.mark.parametrize(
    "content",
    [
        LIST.encode("utf-8-sig"),
        LIST.replace('"Phường Bắc Hồng Lĩnh, Hà Tĩnh"', "Phường Bắc Hồng Lĩnh").replace(",", ";").encode(),
        LIST.replace("\n", "\r\n").encode(),
        LIST.replace("2025-06-30", "30/06/2025").replace("H27.30.25", "000.25.30.H27").encode(),
        LIST.replace(
            "code,name,parent,valid_from,valid_until,successor", "Mã,Tên,Cấp trên,Từ ngày,Đến ngày,Kế tục"
        ).encode(),
    ],
)
def test_files_of_any_program_are_read(content: bytes) -> None:
    """Excel's marks, semicolons and line ends, days and codes as people write them."""
    read = read_units(content)
    assert read.faults == []
    assert [(line, unit.code) for line, unit in read.units.items()] == [
        (2, "H27"), (3, "H27.30"), (4, "H27.30.25"), (5, "H27.115"),
    ]  # fmt: skip


def test_every_bad_line_is_named_and_nothing_is_imported(run: Run, load: Callable[..., Result]) -> None:
    """Each with its number in the file, blank lines and line breaks within a cell counted."""
    bad = (
        'code,name,parent,valid_from,valid_until,successor\nH27,"Tỉnh\nHà Tĩnh",,,,\n\n'
        "H 27,Sai mã,H27,,,\nH27.1,,H27,,,\nH27.2,Sai ngày,H27,1/13/2025,,\nH27.3,a,b,c,d,e,f\nH27,Lặp,,,,\n"
    )
    result = load(bad)
    assert result.exit_code == 1
    lines = [line.split(":")[0] for line in result.output.splitlines() if line.startswith("Dòng")]
    assert lines == ["Dòng 5", "Dòng 6", "Dòng 7", *["Dòng 8"] * 3, "Dòng 9"]
    assert "«H 27» không phải mã đơn vị; viết như H27.115" in result.output
    assert "mã H27 đã có ở dòng 2; bỏ một dòng" in result.output
    told = load(bad, "--json")
    assert (told.exit_code, len(json.loads(told.stdout)["refused"])) == (1, 7)
    assert listed(run) == []


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "Dòng 1: tệp trống"),
        (LIST.splitlines()[0].encode(), "Dòng 1: tệp chỉ có dòng đầu, không có đơn vị nào"),
        (b"name\nx\n", "Dòng 1: thiếu cột code"),
        (b"code,name,phone\nH27,x,1\n", "không có cột «phone»"),
        (b"code,name\nH27,T\xecnh\n", "Dòng 2: không phải mã UTF-8"),
        (b'code,name\nH27,"x\n', "dấu nháy kép không đóng"),
        (b"code,name,parent\nH27.1,x,H27.2\nH27.2,y,H27.1\n", "Dòng 2: cấp trên đi thành vòng"),
        (b"code,name,parent\nH27.1,x,H27\n", "Dòng 2: cấp trên H27 không có trong danh sách"),
    ],
)
def test_a_file_that_is_none_is_refused_with_a_sentence(load: Callable[..., Result], content: bytes, says: str) -> None:
    """Never a traceback, never half a list."""
    result = load(content)
    assert (result.exit_code, says in result.output) == (1, True), result.output


def test_filters_by_a_unit_mean_its_predecessors(run: Run, load: Callable[..., Result], ledger: Engine) -> None:
    """Dossiers of the merged ward keep its code; a switch of the new ward stops them, as soon as the list says so."""
    told = [new("A", unit="H27.30.25.1"), new("B", unit="H27.115"), new("C", unit="H27.1159"), new("D", unit=None)]
    with ledger.begin() as tx:
        notices.record(tx, OA, told)
        tx.execute(text("UPDATE notices SET state = 'quarantined' WHERE code < 'D'"))
        tx.execute(text("UPDATE notices SET state = 'due', code = code || '2' WHERE code = 'C'"))

    def kept(unit: str) -> list[str]:
        rows = json.loads(run("quarantine", "list", "--unit", unit, "--json").stdout)
        return [row["event_key"][0] for row in rows]

    assert kept("h27.115") == ["B"]
    run("switch", "off", "unit", "h27.115", *ACCOUNTABLE)
    load(LIST)
    assert (kept("H27.115"), kept("H27.30"), kept("H27")) == (["A", "B"], ["A"], ["A", "B"])
    [off] = json.loads(run("switch", "list", "--json").stdout)
    assert (off["name"], off["held"]) == ("H27.115", 0)
    with ledger.begin() as tx:
        tx.execute(text("UPDATE notices SET state = 'due'"))
    assert json.loads(run("switch", "list", "--json").stdout)[0]["held"] == 2


def test_a_bulk_verb_by_a_merged_unit_resumes_after_the_list_changed(
    run: Run, load: Callable[..., Result], ledger: Engine
) -> None:
    """The act keeps what the operator typed."""
    with ledger.begin() as tx:
        notices.record(tx, OA, [new("A", unit="H27.30.25", fresh_at=datetime.now(UTC))])
        tx.execute(text("UPDATE notices SET state = 'quarantined'"))
    load(LIST)
    run("quarantine", "discard", "--unit", "H27.115", *ACCOUNTABLE)
    with ledger.connect() as connection:
        assert connection.execute(text("SELECT filter, done FROM acts")).all() == [({"unit": "H27.115"}, 1)]
