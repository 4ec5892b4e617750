"""The guide of the founding document: the account's name, what stands beside the QR code, and the six steps (R26–R31).

Poster, public page and the chat's texts take their words from here, so that none says another thing than the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

TITLE = "HƯỚNG DẪN SỬ DỤNG CHỨC NĂNG NHẬN THÔNG BÁO TRẠNG THÁI XỬ LÝ HỒ SƠ TRỰC TUYẾN TRÊN ỨNG DỤNG ZALO"
AUDIENCE = "(Tài liệu dành cho công dân, tổ chức gửi hồ sơ trực tuyến)"
PHONE_FIELD = "trường thông tin số điện thoại người nộp"
"""The field of the form that decides who is told (R6)."""

_CAPTION = "MÃ QR TRUY CẬP TÀI KHOẢN ZALO “{account}”"
_INSTRUCTION = (
    "vui lòng mở Zalo, bấm nút quét QR, sau đó bấm nút “Quan tâm” để nhận các thông tin liên quan đến tình hình xử lý"
    " dịch vụ công trực tuyến trên địa bàn {place}"
)
_STEPS = (
    "Mở ứng dụng Zalo trên điện thoại.",
    "Tìm kiếm “{account}”.",
    "Bấm vào “{account}”, rồi bấm nút “Quan Tâm”.",
    "Nhận tin chào từ “{account}” và làm theo lời nhắn.",
    "Khi gửi hồ sơ trực tuyến, nhập chính xác số điện thoại sử dụng Zalo đã quan tâm vào {field}.",
    "Nhận thông báo tự động khi: {events}.",
)
_EVENTS = (
    "Hồ sơ được tiếp nhận",
    "cơ quan chuyên môn Yêu cầu thanh toán phí, lệ phí",
    "Hồ sơ có kết quả xử lý",
)
"""What is told (R1), in the order of the founding document."""


@dataclass(frozen=True, slots=True)
class Guide:
    """The words of the guide for one place, in NFC; `steps` are the six steps in their order."""

    account: str
    caption: str
    instruction: str
    steps: tuple[str, ...]
    title: str = TITLE
    audience: str = AUDIENCE


def account_name(place: str) -> str:
    """The name of the Official Account: 'tỉnh Hà Tĩnh' → 'Hành chính công tỉnh Hà Tĩnh' (R26)."""
    return f"Hành chính công {place}"


def guide(place: str) -> Guide:
    """The guide for a place (HCC_PLACE)."""
    account, events = account_name(place), "; ".join(_EVENTS)
    steps = tuple(step.format(account=account, field=PHONE_FIELD, events=events) for step in _STEPS)
    return Guide(account, _CAPTION.format(account=account), f"Ông/Bà {_INSTRUCTION.format(place=place)}.", steps)


def follow_link(oa: str) -> str:
    """The page on which Zalo offers to follow an OA. Zalo keeps no parameter of it, so it cannot tell a poster."""
    return f"https://zalo.me/{quote(oa, safe='')}"


def short_link(console_url: str, unit: str) -> str:
    """Our own address for a unit's poster, which leads to `follow_link` and is counted."""
    return f"{console_url.rstrip('/')}/q/{quote(unit, safe='')}"
