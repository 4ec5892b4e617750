"""`hcc source check`: what does not fit is named with what to do, and nothing personal is shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from operators.cli.exits import ExitCode
from operators.cli.main import hcc
from producers.dossiers.check import shape
from producers.dossiers.mapping import SOURCES
from tests.producers.dossiers.conftest import MORNING, PHONE, World

CODE = "H27.37-240219-1001"


@pytest.fixture
def full(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A dossier database with a dossier and a payment request, at HCC_DOSSIER_URL."""
    world.accept(CODE)
    world.dossiers.request_fee(CODE, 500, at=MORNING)
    world.sql("UPDATE ho_so SET so_dien_thoai_chu_ho_so = '0912345678', so_giay_to_nguoi_nop = '036097017416'")
    monkeypatch.setenv("HCC_DOSSIER_URL", world.url)
    return world


def checked(*arguments: str) -> tuple[int, dict[str, Any]]:
    """The exit status and the JSON of a check."""
    result = CliRunner().invoke(hcc, ["source", "check", *arguments, "--json"])
    return result.exit_code, json.loads(result.stdout)


def changed(folder: Path, old: str, new: str) -> str:
    """The reference mapping with one change; its path."""
    content = (SOURCES / "reference.toml").read_text("utf-8")
    assert old in content
    (folder / "changed.toml").write_text(content.replace(old, new), "utf-8")
    return str(folder / "changed.toml")


def test_the_reference_fits_its_schema(full: World) -> None:
    """Every query runs, uses an index, and tells its cost; exit status 0."""
    status, told = checked("reference")
    assert told["faults"] == []
    assert (status, told["ok"]) == (0, True)
    assert {query["name"] for query in told["queries"]} == set(full.mapping.queries)
    assert all(query["cost"] > 0 for query in told["queries"])


@pytest.mark.parametrize("arguments", [["reference"], ["reference", "--json"]])
def test_nothing_personal_is_shown(full: World, arguments: list[str]) -> None:
    """No phone, no name, no identity number, no code; not even where an unknown word is a name or a number."""
    full.sql("UPDATE ho_so SET loai_ket_qua = 'Nguyễn Anh Tuấn'")
    full.sql("UPDATE yeu_cau_thanh_toan SET trang_thai = '036097017416'")
    shown = CliRunner().invoke(hcc, ["source", "check", *arguments]).output
    for personal in (PHONE, "978362918", "0912345678", "036097017416", "Nguyễn", "Tuấn", "Mẫu", CODE):
        assert personal not in shown
    assert "Aaaaaa Aaa Aaaa" in shown
    assert shape(CODE) == "A99.99-999999-9999"


def test_words_that_the_mapping_does_not_know_are_listed(full: World) -> None:
    """A status code and a payment word to add; exit status 1."""
    full.sql("UPDATE ho_so SET trang_thai = 77")
    full.sql("UPDATE yeu_cau_thanh_toan SET trang_thai = 'Đang đối soát'")
    status, told = checked()
    assert status == 1
    by_name = {query["name"]: query for query in told["queries"]}
    assert by_name["snapshot"]["unknown_words"] == {"status": ["«77»"]}
    assert by_name["payments"]["unknown_words"]["payment_state"] == ["«Đang đối soát»"]
    assert any("thêm vào [payments.states]" in fault for fault in told["faults"])


def test_a_missing_column_and_one_of_the_wrong_kind_are_named(full: World, tmp_path: Path) -> None:
    """A forgotten column, a slip of the pen, a time that is none."""
    _, told = checked(changed(tmp_path, "AS change_status", "AS changed_status"))
    assert any("feeds.history: kết quả thiếu cột change_status" in fault for fault in told["faults"])
    _, told = checked(changed(tmp_path, "h.ngay_tiep_nhan ", "h.ngay_nhan "))
    assert any("không có cột h.ngay_nhan" in fault for fault in told["faults"])
    _, told = checked(changed(tmp_path, "h.ngay_tiep_nhan ", "h.ma_don_vi "))
    assert any("cột accepted_at: 1/1 dòng không phải thời điểm" in fault for fault in told["faults"])


def test_a_missing_index_is_named_with_its_column(full: World) -> None:
    """The snapshot would read ten million rows every two seconds; small tables do not hide it."""
    full.sql("DROP INDEX ho_so_cap_nhat_luc")
    status, told = checked("reference")
    assert status == 1
    assert any("feeds.snapshot: đọc cả bảng ho_so (cap_nhat_luc)" in fault for fault in told["faults"])


def test_a_mapping_that_is_wrong_and_a_source_that_is_away_are_told(
    full: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is asked, and where nobody answers; one sentence each."""
    status, told = checked(changed(tmp_path, "page = 1000 ", "page = 0 "))
    assert (status, told["queries"]) == (1, [])
    assert told["faults"][0].startswith("limits.page:")
    monkeypatch.setenv("HCC_DOSSIER_URL", "postgresql://reader:secret@127.0.0.1:1/none")
    status, told = checked("reference")
    assert status == ExitCode.AWAY
    assert "không kết nối được CSDL hồ sơ" in told["faults"][0]
    assert "secret" not in json.dumps(told)


def test_a_file_of_sqlite_is_checked_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its plan is read as well: without the index on the change time two feeds would read whole tables."""
    import sqlite3  # noqa: PLC0415 (of this test alone)

    schema = (Path(__file__).parent / "mot-cua.sql").read_text("utf-8")
    with sqlite3.connect(tmp_path / "desk.db") as desk:
        desk.executescript(schema)
    monkeypatch.setenv("HCC_DOSSIER_URL", f"sqlite:///{tmp_path}/desk.db")
    assert checked("mot-cua")[1]["faults"] == []
    with sqlite3.connect(tmp_path / "desk.db") as desk:
        desk.execute("DROP INDEX HoSo_NgaySua")
    assert any("feeds.snapshot: đọc cả bảng" in fault for fault in checked("mot-cua")[1]["faults"])
    desk.close()


def would_tell(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """What the sample of each feed would come to."""
    return {feed["name"]: feed for feed in told["would_tell"]["feeds"]}


def test_what_would_be_told_is_counted_by_kind(full: World) -> None:
    """The newest rows go through the whole reading and the rules, and nothing is recorded."""
    full.accept("H27.37-240219-1002", channel=1)
    full.sql("UPDATE ho_so SET so_dien_thoai_nguoi_nop = '02393855555' WHERE ma_ho_so = 'H27.37-240219-1003'")
    status, told = checked("reference")
    assert status == 0, told["faults"]
    feeds = would_tell(told)
    assert feeds["history"]["kinds"] == {"accepted": 1}
    assert feeds["snapshot"]["kinds"] == {"accepted": 1}
    assert feeds["payments"] == {
        "name": "payments",
        "rows": 1,
        "told": 1,
        "kinds": {"fee_requested": 1},
        "silent": {},
        "odd": {},
    }
    assert feeds["snapshot"]["silent"] == {"kênh không thuộc [dossiers] channels_told: «1»": 1}
    assert told["would_tell"]["kinds"] == {"accepted": 2, "fee_requested": 2}
    shown = CliRunner().invoke(hcc, ["source", "check", "reference"]).output
    assert "→ history: 1/" in shown
    assert "• 1 dòng không báo: kênh không thuộc [dossiers] channels_told: «1»" in shown
    with full.ledger.connect() as ledger:
        assert ledger.exec_driver_sql("SELECT count(*) FROM notices").scalar_one() == 0


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        ("UPDATE ho_so SET kenh_thuc_hien = 5", "kênh không thuộc [dossiers] channels_told: «5»"),
        ("UPDATE ho_so SET so_dien_thoai_nguoi_nop = 'không có'", "không có số điện thoại dùng được (cột phone)"),
        ("UPDATE ho_so SET so_dien_thoai_nguoi_nop = NULL", "không có số điện thoại dùng được (cột phone)"),
        ("UPDATE ho_so SET da_xoa = true", "cột ignored nói là bỏ qua"),
    ],
)
def test_a_source_of_which_nothing_would_be_told_is_a_fault_with_the_reason(full: World, spoil: str, why: str) -> None:
    """Every query runs, every word is known, and nobody would ever hear of anything."""
    full.sql(spoil)
    status, told = checked("reference")
    assert status == 1
    rows = told["would_tell"]["rows"]
    assert told["would_tell"]["told"] == 0
    assert any(fault.startswith(f"trong {rows} dòng không có dòng nào được báo, vì: {why}") for fault in told["faults"])


def test_dates_and_amounts_of_another_kind_are_a_fault_of_their_feed(full: World, tmp_path: Path) -> None:
    """Dates as a person writes them, amounts that are no numbers: the other feeds go on, so it would stay unseen."""
    _, told = checked(changed(tmp_path, "h.ngay_tiep_nhan ", "to_char(h.ngay_tiep_nhan, 'Day') "))
    assert any("cột accepted_at không đọc được" in fault for fault in told["faults"])
    _, told = checked(changed(tmp_path, "p.so_tien  ", "'năm trăm'  "))
    found = [fault for fault in told["faults"] if fault.startswith("feeds.payments: trong 1 dòng không có dòng nào")]
    assert len(found) == 1
    assert "cột amount" in found[0]
    assert would_tell(told)["history"]["told"] == 1


def test_what_is_over_is_no_fault(full: World) -> None:
    """Yesterday's fees are paid by now: that is the course of things."""
    full.sql("UPDATE yeu_cau_thanh_toan SET trang_thai = 'Đã thanh toán'")
    status, told = checked("reference")
    assert status == 0, told["faults"]
    assert sum(would_tell(told)["payments"]["silent"].values()) == 1


def test_an_empty_source_is_no_fault(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be the first day."""
    monkeypatch.setenv("HCC_DOSSIER_URL", world.url)
    status, told = checked("reference")
    assert (status, told["would_tell"]["rows"]) == (0, 0)


def test_the_newest_rows_are_tried_and_not_the_oldest(full: World) -> None:
    """What was written ten years ago says little about what will be told tomorrow."""
    full.sql("UPDATE ho_so SET kenh_thuc_hien = 5")
    full.sql("UPDATE ho_so SET cap_nhat_luc = '2014-01-01'")
    for number in range(220):
        full.sql(
            "INSERT INTO qua_trinh_xu_ly (ma_ho_so, trang_thai, thoi_gian) VALUES (:code, 2, now())", code=CODE
        ) if number < 210 else full.accept(f"H27.37-240219-2{number}")
    feeds = would_tell(checked("reference")[1])
    assert feeds["history"]["rows"] == 200
    assert feeds["history"]["told"] >= 10
