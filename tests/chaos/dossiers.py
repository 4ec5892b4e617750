"""The load of a chaos run: dossiers of one person each, with three notices each, and the words these must have."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, text

KINDS = ("accepted", "fee_requested", "result_ready")  # each dossier's three events, in their order

_MORNING = datetime(2024, 2, 19, 9, 9)  # noqa: DTZ001 (local and naive, as the dossier database keeps it)
_ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
_LINK = "https://dichvucong.hatinh.gov.vn/portaldvc/KenhTin/thanh-toan-new.aspx?mahoso={code}"
_ACCEPTED = """Hệ thống giải quyết TTHC tỉnh Hà Tĩnh đã tiếp nhận hồ sơ {code}. \
Ngày hẹn trả: sau 9 giờ 9 phút, ngày 26/02/2024"""
_FEE_REQUESTED = f"""Hệ thống giải quyết TTHC tỉnh Hà Tĩnh yêu cầu thu phí hồ sơ: {{code}}.
Số tiền: 1.000.000.
Vui lòng thanh toán tại địa chỉ: {_LINK}"""
_RESULT_READY = "Hệ thống giải quyết TTHC tỉnh Hà Tĩnh thông báo hồ sơ: {code} đã giải quyết xong."
_TEXTS = (_ACCEPTED, _FEE_REQUESTED, _RESULT_READY)

_FILE = """
INSERT INTO ho_so (ma_ho_so, ma_don_vi, ten_tthc, nguoi_nop, so_dien_thoai_nguoi_nop, trang_thai, trang_thai_tra_kq,
                   loai_ket_qua, ngay_nop, ngay_tiep_nhan, ngay_hen_tra, ngay_ket_thuc_xu_ly, cap_nhat_luc)
VALUES (:code, 'H27.37', 'Thủ tục mẫu', 'Nguyễn Văn Mẫu', :phone, 9, 2, 'Kết quả', :at, :at, :due, :done, :done)
"""
_NOTE = "INSERT INTO qua_trinh_xu_ly (ma_ho_so, trang_thai, thoi_gian) VALUES (:code, :status, :at)"
_FEE = """
INSERT INTO yeu_cau_thanh_toan (ma_ho_so, so_tien, trang_thai, hinh_thuc_thu, ngay_yeu_cau, cap_nhat_luc)
VALUES (:code, 1000000, 'Chờ thanh toán', 'Thu trước', :fee, :fee)
"""


@dataclass
class Load:
    """What was fed into the dossier database so far: dossier numbers, counted from 0."""

    engine: Engine
    fed: list[int] = field(default_factory=list)

    def feed(self, count: int, at: datetime = _MORNING) -> list[int]:
        """File, accept and finish so many more dossiers with a fee, all in one transaction; returns their numbers.

        `at` is when they were accepted, by the dossier database's clock; the fee came 7 minutes later, the result 32.
        """
        numbers = list(itertools.islice(itertools.count(len(self.fed)), count))
        rows = [_row(number, at) for number in numbers]
        with self.engine.begin() as tx:
            tx.execute(text(_FILE), rows)
            tx.execute(text(_FEE), rows)
            for status, moment in ((1, "at"), (2, "at"), (9, "done")):
                notes = [{"code": row["code"], "status": status, "at": row[moment]} for row in rows]
                tx.execute(text(_NOTE), notes)
        self.fed += numbers
        return numbers


def ago(minutes: float) -> datetime:
    """A moment as the dossier database keeps it: local and naive."""
    return (datetime.now(_ZONE) - timedelta(minutes=minutes)).replace(tzinfo=None, microsecond=0)


def user_of(number: int) -> str:
    """The Zalo user id of the person of a dossier."""
    return str(6_142_494_823_000_000_000 + number)


def phone_of(number: int) -> str:
    """Their phone, as E.164 has it."""
    return f"+84978{number:06}"


def code_of(number: int) -> str:
    return f"H27.37-240219-{number:05}"


def texts_of(number: int) -> list[str]:
    """What the person must hear, in this order and once each."""
    return [words.format(code=code_of(number)) for words in _TEXTS]


def _row(number: int, at: datetime) -> dict[str, Any]:
    return {
        "code": code_of(number),
        "phone": "0" + phone_of(number).removeprefix("+84"),
        "at": at,
        "due": _MORNING + timedelta(days=7),
        "fee": at + timedelta(minutes=7),
        "done": at + timedelta(minutes=32),
    }
