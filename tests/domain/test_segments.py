"""SMS segments: what a text costs, at its edges."""

from __future__ import annotations

import pytest

from domain.segments import segments
from domain.text import unaccented

G_FEE = (
    "Hệ thống giải quyết TTHC tỉnh Hà Tĩnh yêu cầu thu phí hồ sơ: H27.37-240219-1001.\n"
    "Số tiền: 1.000.000.\n"
    "Vui lòng thanh toán tại địa chỉ: https://dichvucong.hatinh.gov.vn/portaldvc/KenhTin/thanh-toan-new.aspx"
    "?mahoso=H27.37-240219-1001"
)
G_ACC = (
    "Hệ thống giải quyết TTHC tỉnh Hà Tĩnh đã tiếp nhận hồ sơ H27.37-240219-1001. "
    "Ngày hẹn trả: sau 9 giờ 9 phút, ngày 26/02/2024"
)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),  # the extension takes two places
        ("€" * 81, 2),
        ("a" * 152 + "€" + "a" * 152, 3),  # … that are not cut in two
        ("ơ" * 70, 1),
        ("ơ" * 71, 2),
        ("ơ" * 134, 2),
        ("ơ" * 135, 3),
        ("ơ" + "😀" * 34, 1),
        ("ơ" + "😀" * 35, 2),
        (G_FEE, 4),
        (G_ACC, 2),
        (unaccented(G_FEE), 2),
        (unaccented(G_ACC), 1),
    ],
)
def test_a_text_takes_so_many_segments(text: str, number: int) -> None:
    """160 or 153 places of seven bits, 70 or 67 of sixteen; the seed texts as the domain study counted them."""
    assert segments(text) == number
