"""A report on paper is a tagged PDF in Vietnamese, and its plot a plain drawing."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import pytest
from pypdf import PdfReader
from sqlalchemy import Engine

from operators.reports import catalogue, printing
from operators.reports.drawing import NARROW, WIDE, draw
from operators.reports.plots import PlotShape, ReportPlot
from operators.reports.printing import PrintedReport, TooManyPages, totals, write_pdf
from operators.reports.said import cell_said, number_said
from operators.reports.table import DAY, UNIT, UNIT_NAME, CellSort, ReportColumn, ReportTable, numbers
from tests.operators.conftest import Run

LETTERS = "ăâđêôơư áàảãạ ắằẳẵặ ấầẩẫậ éèẻẽẹ ếềểễệ íìỉĩị óòỏõọ ốồổỗộ ớờởỡợ úùủũụ ứừửữự ýỳỷỹỵ"
COLUMNS = (
    *(DAY, UNIT, UNIT_NAME, *numbers(sent="Đã gửi", not_follower="Chưa quan tâm", bad_phone="Số hỏng")),
    *(*numbers(failed="Thất bại", pending="Còn chờ"), ReportColumn("share", "Tỷ lệ đến được", CellSort.SHARE)),
)


DAYS = [("2026-11-28", 3, 1), ("2026-11-29", 5, 0)]


def table(number: int) -> ReportTable:
    rows = [
        (date.fromordinal(740_000 + place // 3).isoformat(), f"H27.{place % 3}", LETTERS, 1000 + place, 2, 1, 0, 3, 0.5)
        for place in range(number)
    ]
    return ReportTable("reach", "Thông báo đến được người dân", COLUMNS, rows)


def paper_of(report: PrintedReport) -> PdfReader:
    file = io.BytesIO()
    write_pdf(report, file)
    return PdfReader(file)


@pytest.fixture(scope="module")
def paper() -> PdfReader:
    made = table(60)
    plot = ReportPlot(PlotShape.STACKED, ReportTable("reach", "Đến được", made.columns[:1] + made.columns[3:5], DAYS))
    return paper_of(PrintedReport(made, plot, [("Kỳ", "01/11/2026 – 30/11/2026"), ("Đơn vị", "H27 Hà Tĩnh")]))


def test_a_print_is_tagged_and_speaks_vietnamese(paper: PdfReader) -> None:
    """PDF/UA-1: a structure tree, a language, a title, a table with heading cells, a described plot."""
    root: Any = paper.trailer["/Root"]
    assert root["/Lang"] == "vi"
    assert root["/MarkInfo"]["/Marked"].value
    assert paper.metadata.title == "Thông báo đến được người dân"  # type: ignore[union-attr]  # it has
    assert b"<pdfuaid:part>1</pdfuaid:part>" in paper.xmp_metadata.stream.get_data()  # type: ignore[union-attr]  # it has
    found = {str(one) for one in sorts_of(root["/StructTreeRoot"])}
    assert {"/H1", "/H2", "/Table", "/THead", "/TH", "/TR", "/TD", "/Figure"} <= found


def sorts_of(node: Any) -> Any:
    """The sorts of all elements of a structure tree."""
    if isinstance(node, list):
        for one in node:
            yield from sorts_of(one.get_object())
    elif isinstance(node, dict):
        if "/S" in node:
            yield node["/S"]
        if "/K" in node:
            yield from sorts_of(node["/K"].get_object())


def test_a_print_has_its_filters_headings_totals_and_page_numbers(paper: PdfReader) -> None:
    """The headings stand on every page of the table; every Vietnamese letter can be read back."""
    told = [page.extract_text() for page in paper.pages]
    assert len(told) >= 3
    assert "01/11/2026 – 30/11/2026" in told[0]
    assert "H27 Hà Tĩnh" in told[0]
    assert all(f"Trang {number} / {len(told)}" in text for number, text in enumerate(told, 1))
    assert all("Tên đơn vị" in text for text in told)
    assert set(LETTERS) <= set("".join(told))
    assert "Tổng 61.770 120 60 0 180" in " ".join(told[-1].split())


def test_the_same_report_gives_the_same_bytes() -> None:
    """Nothing in the file is of the moment."""
    files = [io.BytesIO(), io.BytesIO()]
    for file in files:
        write_pdf(PrintedReport(table(3), None, [("Kỳ", "hôm nay")]), file)
    assert files[0].getvalue() == files[1].getvalue()


def test_an_empty_report_says_so_and_a_long_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody would read is not printed."""
    assert "Không có số liệu nào trong kỳ." in paper_of(PrintedReport(table(0), None, [])).pages[0].extract_text()
    monkeypatch.setattr(printing, "MOST_PRINTED", 2)
    with pytest.raises(TooManyPages):
        write_pdf(PrintedReport(table(3), None, []), io.BytesIO())
    monkeypatch.setattr(catalogue, "MOST_PRINTED", 2)
    with pytest.raises(TooManyPages):
        catalogue.listed(table(3))


def test_numbers_are_written_as_in_vietnam() -> None:
    """Points between thousands, a comma before tenths, days with the day first."""
    share = ReportColumn("share", "Tỷ lệ", CellSort.SHARE)
    assert (number_said(1234567), cell_said(share, 0.1), cell_said(share, None)) == ("1.234.567", "10,0 %", "–")
    assert (cell_said(DAY, "2026-11-09"), cell_said(UNIT, "H27-1")) == ("09/11/2026", "H27-1")
    assert totals((DAY, UNIT), [("a", "b")]) is None


@pytest.mark.parametrize("shape", PlotShape)
def test_every_shape_is_drawn_in_both_widths_also_of_one_number_and_of_none(shape: PlotShape) -> None:
    """A label that is too long for a phone is cut; nothing is divided by nothing."""
    for rows in ([("chưa quan tâm OA từ lâu", 3)], [(f"2026-11-{day:02}", 0) for day in range(1, 31)]):
        made = ReportTable("x", "x", (DAY, *numbers(number="Số")), rows)
        for width in (WIDE, NARROW):
            drawn = draw(ReportPlot(shape, made), "Tên", ["Số"], number_said, width).decode()
            assert "<title>Tên</title>" in drawn
            assert f'viewBox="0 -10 {width}' in drawn


def test_the_command_prints(run: Run, ledger: Engine, tmp_path: Any) -> None:
    """Two forms are a usage error."""
    path = tmp_path / "a.pdf"
    result = run("report", "dossiers", "--pdf", path, "--since", "2026-01-01", "--until", "2026-01-31")
    assert result.exit_code == 0, result.output
    assert "Kỳ: 01/01/2026 – 31/01/2026" in PdfReader(path).pages[0].extract_text()
    assert run("report", "reach", "--pdf", path, "--json").exit_code == 2
