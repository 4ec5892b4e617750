"""Files of reports, read back by other programs: texts stay texts, numbers are numbers, nothing is a formula."""

from __future__ import annotations

import csv
import io
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from operators.reports import writers
from operators.reports.table import DAY, Cell, CellSort, ReportColumn, ReportTable, numbers
from operators.reports.writers import TooManyRows, guarded, write_csv, write_xlsx

COLUMNS = (
    *(DAY, ReportColumn("code", "Hồ sơ"), *numbers(number="Số")),
    ReportColumn("share", "Tỷ lệ", CellSort.SHARE),
)
ROWS: list[tuple[Cell, ...]] = [
    ("2025-07-01", "H27.115-250701-0001", 12, 0.5),
    ("2025-07-02", "00123", -3, None),
    ("2025-07-03", "=1+1", 0, 1.0),
    ("2025-07-04", 'https://dichvucong.hatinh.gov.vn, "Phường"\nBắc Hồng Lĩnh', 1, 0.25),
]


def table(rows: list[tuple[Cell, ...]] = ROWS) -> ReportTable:
    return ReportTable("reach", "Thông báo đến được người dân", COLUMNS, rows)


def as_csv(given: ReportTable) -> bytes:
    file = io.BytesIO()
    write_csv(given, file)
    return file.getvalue()


def as_xlsx(given: ReportTable) -> list[list[object]]:
    file = io.BytesIO()
    write_xlsx(given, file)
    file.seek(0)
    read: list[list[object]] = CalamineWorkbook.from_filelike(file).get_sheet_by_name(given.name).to_python()
    return read


def test_a_csv_opens_in_excel_with_its_letters() -> None:
    """A byte order mark, commas and CRLF; a formula is a text."""
    written = as_csv(table())
    assert written.startswith(b"\xef\xbb\xbf")
    assert written.count(b"\r\n") == 5
    text = written.decode("utf-8-sig")
    assert csv.Sniffer().sniff(text.splitlines()[0]).delimiter == ","
    read = list(csv.reader(io.StringIO(text, newline="")))
    assert read == [
        ["Ngày", "Hồ sơ", "Số", "Tỷ lệ"],
        ["2025-07-01", "H27.115-250701-0001", "12", "0.5000"],
        ["2025-07-02", "00123", "-3", ""],
        ["2025-07-03", "'=1+1", "0", "1.0000"],
        ["2025-07-04", ROWS[3][1], "1", "0.2500"],
    ]


@given(st.text(max_size=12))
def test_no_text_of_a_csv_is_a_formula(text: str) -> None:
    """Whatever a source calls a unit."""
    cell = guarded(text)
    assert cell in (text, f"'{text}")
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


def test_a_sheet_keeps_codes_and_days_as_texts() -> None:
    """Leading zeros stay, no link and no formula is made; numbers can be added up."""
    head, *rows = as_xlsx(table())
    assert head == ["Ngày", "Hồ sơ", "Số", "Tỷ lệ"]
    assert rows[:3] == [
        ["2025-07-01", "H27.115-250701-0001", 12.0, 0.5],
        ["2025-07-02", "00123", -3.0, ""],
        ["2025-07-03", "=1+1", 0.0, 1.0],
    ]
    assert rows[3][1] == ROWS[3][1]


def test_a_report_without_rows_is_a_sheet_with_its_headings() -> None:
    """Never a broken file."""
    assert as_xlsx(table([])) == [["Ngày", "Hồ sơ", "Số", "Tỷ lệ"]]


def test_a_sheet_that_is_too_small_is_an_error_and_no_cut_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Excel has a million rows."""
    monkeypatch.setattr(writers, "_SHEET_ROWS", 3)
    with pytest.raises(TooManyRows):
        write_xlsx(table(), io.BytesIO())


def test_memory_does_not_grow_with_the_rows(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Rows are taken one by one: ten times as many need no more memory."""

    def most(number: int) -> int:
        rows = (("2025-07-01", f"H27.115-250701-{row:04}", row, 0.5) for row in range(number))
        with (tmp_path_factory.mktemp("sheet") / "x.xlsx").open("wb") as file:
            tracemalloc.start()
            write_xlsx(ReportTable("reach", "x", COLUMNS, rows), file)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        return peak

    assert most(1000) < 1.5 * most(100)
