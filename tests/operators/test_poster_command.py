"""`hcc poster`: files as asked for, of the units of the list; and `hcc report scans`."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from zipfile import ZipFile

import pytest
from sqlalchemy import Engine

from domain.units import ListedUnit
from ledger.base import units
from ledger.reports.scans import count_scan
from operators.cli.exits import ExitCode
from tests.operators.conftest import OA, Run

UNITS = [
    ListedUnit("H27.30.25", "Phường Bắc Hồng", None, None, date(2025, 6, 30), "H27.115"),
    ListedUnit("H27.115", "Phường Bắc Hồng Lĩnh"),
    ListedUnit("H27.116", "Phường Nam Hồng Lĩnh"),
]


@pytest.fixture
def listed(ledger: Engine) -> Callable[[], None]:
    """Put the units into the list."""

    def put() -> None:
        with ledger.begin() as tx:
            units.change(tx, OA, UNITS, whole=True)

    return put


def test_a_poster_is_written_as_a_whole_and_told(run: Run, listed: Callable[[], None], tmp_path: Path) -> None:
    """A file, or standard output; the link is Zalo's as long as the console has no public address."""
    listed()
    file = tmp_path / "a.pdf"
    told = json.loads(run("poster", "--unit", "h27.115", "--out", file, "--json").stdout)
    assert told == [
        {
            "unit": "H27.115", "name": "Phường Bắc Hồng Lĩnh", "link": f"https://zalo.me/{OA}", "file": str(file),
            "entry": None,
        }
    ]  # fmt: skip
    assert file.read_bytes().startswith(b"%PDF-")
    assert [one.name for one in tmp_path.iterdir()] == ["a.pdf"]
    shown = run("poster", "--unit", "H27.115", "--size", "a5", "--format", "png", "--out", "-")
    assert shown.stdout_bytes.startswith(b"\x89PNG")


def test_one_zip_has_the_posters_of_all_units_that_exist(
    run: Run, listed: Callable[[], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the short link where the console has an address, unless it is not wanted."""
    listed()
    monkeypatch.setenv("HCC_CONSOLE_URL", "https://hcc.example")
    file = tmp_path / "all.zip"
    told = json.loads(run("poster", "--all", "--size", "a5", "--out", file, "--json").stdout)
    names = ["H27.115-a5.pdf", "H27.116-a5.pdf"]
    assert [one["entry"] for one in told] == names
    assert [one["link"] for one in told] == ["https://hcc.example/q/H27.115", "https://hcc.example/q/H27.116"]
    with ZipFile(file) as archive:
        assert (archive.namelist(), archive.testzip()) == (names, None)
    direct = json.loads(run("poster", "--unit", "H27.116", "--direct", "--out", tmp_path / "b", "--json").stdout)
    assert direct[0]["link"] == f"https://zalo.me/{OA}"


def test_what_cannot_be_is_a_sentence_and_no_file(run: Run, listed: Callable[[], None], tmp_path: Path) -> None:
    """No list, a unit that is not on it, two ways at once."""
    out = ("--out", tmp_path / "a.pdf")
    empty = run("poster", "--all", *out)
    assert (empty.exit_code, "hcc units import" in empty.output) == (ExitCode.NOTHING, True)
    listed()
    unknown = run("poster", "--unit", "H27.1", *out)
    assert (unknown.exit_code, "H27.1" in unknown.output) == (ExitCode.NOTHING, True)
    for words in ((), ("--all", "--unit", "H27.115"), ("--unit", "Bắc Hồng")):
        assert run("poster", *words, *out).exit_code == ExitCode.USAGE
    assert run("poster", "--unit", "H27.115", "--out", "-", "--json").exit_code == ExitCode.USAGE
    assert list(tmp_path.iterdir()) == []


def test_scans_are_reported_per_day_and_unit_those_of_a_merged_one_with_its_successor(
    run: Run, listed: Callable[[], None], ledger: Engine
) -> None:
    """An old poster still hangs; `--old-units` shows it by itself."""
    listed()
    with ledger.begin() as tx:
        for unit in ("H27.115", "H27.115", "H27.30.25", "H27.116"):
            count_scan(tx, OA, unit)
        count_scan(tx, "another", "H27.115")
    rows = json.loads(run("report", "scans", "--json").stdout)
    assert [(row["unit"], row["unit_name"], row["number"]) for row in rows] == [
        ("H27.115", "Phường Bắc Hồng Lĩnh", 3), ("H27.116", "Phường Nam Hồng Lĩnh", 1),
    ]  # fmt: skip
    old = json.loads(run("report", "scans", "--unit", "H27.30.25", "--old-units", "--json").stdout)
    assert [(row["unit"], row["number"]) for row in old] == [("H27.30.25", 1)]
