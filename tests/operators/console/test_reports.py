"""The reports on pages and as files: the roll-ups as they are, by period and unit of the address, by role."""

from __future__ import annotations

import csv
import io
import re
from datetime import date, datetime, timedelta
from html import unescape
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from pypdf import PdfReader
from python_calamine import CalamineWorkbook
from sqlalchemy import Connection, Engine, text

from domain.clock import VIETNAM
from domain.units import ListedUnit
from ledger.base import units
from ledger.reports import tally_rounds
from tests.operators.console.conftest import OA, SignIn
from tests.operators.console.test_lists import page
from tests.operators.console.waiting import put, scalar
from worker.services.deployment import Deployment

NUMBERS = ("reach", "dossiers", "causes", "delays", "costs", "followers", "scans")


@pytest.fixture
def counted(owner: Engine) -> Engine:
    """Notices of two units, and their roll-ups."""
    put(owner, "sent", 3)
    put(owner, "unreachable", 2, prefix="B-", unit="H27.3", reason="no Zalo user of this OA is linked to the phone")
    with owner.begin() as tx:
        units.change(tx, OA, [ListedUnit("H27.12", "Phường Trần Phú")], whole=True)
        fault = "UPDATE notices SET phone_fault = 'landline', phone_seen = '02*****55' WHERE code = 'B-1'"
        tx.execute(text(fault))
    tally_rounds.catch_up(owner, 30)
    return owner


def table_of(shown: str) -> str:
    """The report's own table, without that of its plot."""
    return shown.rpartition("<table")[2]


def whole(answer: Any) -> bytes:
    assert answer.status_code == 200
    return b"".join(answer.streaming_content)


def test_the_entry_leads_to_the_first_report(counted: Engine, sign_in: SignIn) -> None:
    """With a unit's name, the time of the count, and nothing recounted."""
    client = sign_in("operator")
    assert 'href="/reports"' in page(client, "/")
    answer = client.get("/reports", follow=True)
    assert answer.redirect_chain == [("/reports/reach", 303)]
    shown = answer.content.decode()
    assert "Số liệu đến lúc <time" in shown
    assert "Phường Trần Phú" in shown
    assert '<a href="/reports" aria-current="true">' in shown
    assert table_of(shown).count("<tr>") == 3
    put(counted, "sent", prefix="L-", unit="H27.4")
    assert "H27.4" not in page(client, "/reports/reach")


def test_every_report_has_a_page_in_both_languages_and_two_files(counted: Engine, sign_in: SignIn) -> None:
    """Its Vietnamese headings are those of its files."""
    client = sign_in("admin")
    for name in (*NUMBERS, "bad-phones"):
        shown = page(client, f"/reports/{name}")
        [head, *rows] = csv.reader(io.StringIO(whole(client.get(f"/reports/{name}.csv")).decode("utf-8-sig")))
        if rows:
            told = table_of(shown).split("<thead>")[1].split("</thead>")[0]
            assert [
                one.split("<")[0] for one in told.replace(' class="amount"', "").split('<th scope="col">')[1:]
            ] == head
        sheet = CalamineWorkbook.from_filelike(io.BytesIO(whole(client.get(f"/reports/{name}.xlsx"))))
        assert sheet.get_sheet_by_index(0).to_python()[0] == head
    client.cookies["hcc_language"] = "en"
    assert "Notices that reached people" in page(client, "/reports/reach")
    for name in ("causes", "bad-phones"):
        told = page(client, f"/reports/{name}").split("<tbody>")[1].split("</tbody>")[0]
        assert not re.search(r"[ăâđêôơư\u1ea0-\u1ef9]", re.sub(r'<td lang="vi">.*?</td>', "", told)), (
            "names of units only"
        )


def test_a_plot_is_an_image_without_script_or_style_and_its_numbers_stand_beside_it(
    counted: Engine, sign_in: SignIn
) -> None:
    """In two widths, with a text for those who do not see it; the policy of the pages holds for it too."""
    client = sign_in("admin")
    for name in ("reach", "dossiers", "causes", "bad-phones"):
        section = page(client, f"/reports/{name}").split('<section class="plot"')[1].split("</section>")[0]
        assert f'<img src="/reports/{name}.svg?' in section
        assert "Số liệu ở bảng bên cạnh." in section
        assert section.count("<tr>") >= 2
        for size, width in (("", 720), ("?size=narrow", 320)):
            answer = client.get(f"/reports/{name}.svg{size}")
            assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/svg+xml")
            assert "script-src 'self'; style-src 'self'" in answer.headers["Content-Security-Policy"]
            root = ET.fromstring(answer.content)  # noqa: S314 (our own)
            tags = {one.tag.rpartition("}")[2] for one in root.iter()}
            assert tags <= {"svg", "title", "g", "rect", "line", "text", "path"}
            assert not any(key.lower().startswith(("on", "style", "href")) for one in root.iter() for key in one.attrib)
            assert root.get("width") == str(width)
    assert client.get("/reports/reach.svg?since=2024-01-01&until=2024-01-31").status_code == 404
    assert sign_in("auditor").get("/reports/bad-phones.svg").status_code == 403


def test_a_report_is_printed(counted: Engine, sign_in: SignIn) -> None:
    """With the period, the unit and its name."""
    client = sign_in("admin")
    answer = client.get("/reports/dossiers.pdf?unit=H27.12")
    assert answer.headers["Content-Type"] == "application/pdf"
    [paper] = PdfReader(io.BytesIO(whole(answer))).pages
    told = paper.extract_text()
    assert "H27.12 Phường Trần Phú" in told
    assert "100,0 %" in told


def test_period_and_unit_stand_in_the_address(counted: Engine, sign_in: SignIn) -> None:
    """Also in the addresses of the files, whose names say the days."""
    client = sign_in("operator")
    assert "H27.12" not in page(client, "/reports/reach?unit=h27.3").split("<tbody>")[1]
    assert "Không có số liệu nào" in page(client, "/reports/reach?since=2024-01-01&until=2024-01-31")
    assert "Ngày đầu sau ngày cuối" in page(client, "/reports/reach?since=2100-01-01&until=2024-01-31")
    assert table_of(page(client, "/reports/reach?since=x&until=9999-99-99")).count("<tr>") == 3
    today = datetime.now(VIETNAM).date()
    first = today - timedelta(days=1)
    query = f"?since={first}&until={today}&unit=H27.3&units=old"
    shown = page(client, f"/reports/reach{query}")
    assert f'href="/reports/reach.xlsx{query.replace("&", "&amp;")}"' in shown
    assert f'href="/reports/causes{query.replace("&", "&amp;")}"' in shown
    answer = client.get(f"/reports/reach.csv{query}")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="reach-{first}-{today}.csv"'
    assert b"H27.12" not in whole(answer)
    assert client.get("/reports/reach.doc").status_code == 404
    assert client.get("/reports/nothing").status_code == 404


def test_a_clerk_sees_the_own_unit_and_no_costs(counted: Engine, sign_in: SignIn) -> None:
    """Costs are of the whole OA."""
    from operators.console.models import Account  # noqa: PLC0415 (Django)

    clerk = sign_in("viewer", "lan")
    assert "chưa gắn với đơn vị nào" in page(clerk, "/reports/reach")
    assert "<tbody>" not in page(clerk, "/reports/reach?unit=H27.3")
    Account.objects.filter(username="lan").update(unit="H27.12")
    for query in ("", "?unit=H27.3"):
        shown = page(clerk, f"/reports/reach{query}")
        assert "H27.12" in shown
        assert "H27.3<" not in shown
        assert b"H27.3" not in whole(clerk.get(f"/reports/reach.csv{query}"))
    assert "/reports/costs" not in shown
    assert clerk.get("/reports/costs").status_code == clerk.get("/reports/costs.csv").status_code == 403
    assert "B-1" not in page(clerk, "/reports/bad-phones")


def test_an_auditor_sees_numbers_and_no_phones(counted: Engine, sign_in: SignIn) -> None:
    """Masked ones neither."""
    auditor = sign_in("auditor")
    shown = [page(auditor, f"/reports/{name}") for name in NUMBERS]
    assert not any("bad-phones" in one for one in shown)
    assert auditor.get("/reports/bad-phones").status_code == 403
    assert auditor.get("/reports/bad-phones.xlsx").status_code == 403
    assert "02*****55" in page(sign_in("operator"), "/reports/bad-phones")


def test_a_report_that_is_too_long_says_so(counted: Engine, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page has its first rows and no plot of a part of them, the file is not made."""
    from operators.console import files  # noqa: PLC0415 (Django)
    from operators.console.views import reports  # noqa: PLC0415 (Django)

    with counted.begin() as tx:
        tx.execute(text("UPDATE notices SET phone_fault = 'landline', phone_seen = '02*****56' WHERE code = 'B-2'"))
    monkeypatch.setattr(files, "MOST_ROWS", 1)
    monkeypatch.setattr(reports, "_LISTED", 1)
    client = sign_in("operator")
    shown = page(client, "/reports/bad-phones")
    assert "Trang này có 1 dòng đầu" in shown
    assert '<section class="plot"' not in shown
    monkeypatch.setattr(reports, "MOST_PAPER", 1)
    for form in ("csv", "xlsx", "pdf"):
        answer = client.get(f"/reports/bad-phones.{form}", follow=True)
        assert answer.redirect_chain[0][1] == 303
        assert "nên không ghi ra tệp" in answer.content.decode()


@pytest.mark.parametrize("name", ["reach", "dossiers", "delays", "scans"])
def test_a_report_by_day_is_turned_by_whole_days_and_its_plot_shows_all_of_them(
    desk: Deployment, owner: Engine, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Three days with three units each, of which one was merged into another; a page ends with a day."""
    from operators.console.views import reports  # noqa: PLC0415 (Django)

    today = datetime.now(VIETNAM).date()
    first = today - timedelta(days=200)
    with owner.begin() as tx:
        units.change(
            tx, OA, [ListedUnit("H27.1", "Cũ", None, None, first, "H27.2"), ListedUnit("H27.2", "Mới")], whole=True
        )
        for day in (first, first + timedelta(days=1), today):
            for unit in ("H27.1", "H27.2", None):
                _tally(tx, day, unit)
    monkeypatch.setattr(reports, "_SHOWN", 1)
    client, pages, url = sign_in("operator"), [], f"/reports/{name}?since={first}&until={today}"
    while url:
        pages.append(page(client, url))
        [url] = re.findall(r'rel="next" href="([^"]+)"', pages[-1]) or [""]
        url = unescape(url)
    days = [sorted(set(re.findall(r"<td>(\d\d/\d\d/\d{4})</td>", table_of(one)))) for one in pages]
    assert days == [[f"{day:%d/%m/%Y}"] for day in (first, first + timedelta(days=1), today)]
    assert [table_of(one).count("<tr>") for one in pages] == [1 + (2 if name != "scans" else 1)] * 3
    plots = {one.split('<section class="plot"')[1].split("</section>")[0] for one in pages}
    assert len({one.split("<tbody>")[1] for one in plots}) == 1, "the same plot on each page"
    rows = plots.pop().split("<tbody>")[1].count("<tr>")
    assert rows == len({f"{day:%Y-%m}" for day in (first, first + timedelta(days=1), today)}), "a column is a month"


def _tally(tx: Connection, day: date, unit: str | None) -> None:
    """What the roll-ups have of a day and unit: ten dossiers that were told within 5 s."""
    values = {"oa": OA, "day": day, "unit": unit}
    for statement in (
        "INSERT INTO tally_day VALUES (:oa, :day, :unit, 'accepted', 'sent', NULL, 'zalo_cs', 10, 0)",
        "INSERT INTO tally_dossiers VALUES (:oa, :day, :unit, 'sent', NULL, 'zalo_cs', 10)",
        """INSERT INTO tally_tries VALUES (
            :oa, :day, :unit, 'accepted', 'zalo_cs', 'sent', 10, 0, '{0, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0}')""",
        "INSERT INTO scans (oa, day, unit, number) SELECT :oa, :day, :unit, 10 WHERE CAST(:unit AS text) IS NOT NULL",
    ):
        tx.execute(text(statement), values)


def test_before_the_first_count_the_page_says_so(desk: Deployment, owner: Engine, sign_in: SignIn) -> None:
    """And a page counts nothing."""
    put(owner, "sent")
    shown = page(sign_in("operator"), "/reports/reach")
    assert "chưa được tổng hợp lần nào" in shown
    assert "Không có số liệu nào" in shown
    assert scalar(owner, "SELECT count(*) FROM tally_day") == 0
