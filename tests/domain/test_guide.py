"""The words of the founding document: caption, instruction, six steps, and the one name of the account."""

from __future__ import annotations

import unicodedata
from dataclasses import astuple

from config.settings import INSTALLED
from domain.guide import PHONE_FIELD, account_name, follow_link, guide, short_link
from domain.letters import Facts, Letters

FOUNDING = {
    "title": ("HƯỚNG DẪN SỬ DỤNG CHỨC NĂNG NHẬN THÔNG BÁO TRẠNG THÁI XỬ LÝ HỒ SƠ TRỰC TUYẾN TRÊN ỨNG DỤNG ZALO"),
    "audience": "(Tài liệu dành cho công dân, tổ chức gửi hồ sơ trực tuyến)",
    "caption": "MÃ QR TRUY CẬP TÀI KHOẢN ZALO “Hành chính công tỉnh Hà Tĩnh”",
    "instruction": (
        "vui lòng mở Zalo, bấm nút quét QR, sau đó bấm nút “Quan tâm” để nhận các thông tin liên quan đến tình hình xử"
        " lý dịch vụ công trực tuyến trên địa bàn tỉnh Hà Tĩnh"
    ),
}
"""As the founding document has them."""

IN_STEPS = {
    2: ["“Hành chính công tỉnh Hà Tĩnh”"],
    3: ["“Quan Tâm”"],
    5: ["nhập chính xác", "số điện thoại sử dụng Zalo đã quan tâm", "trường thông tin số điện thoại người nộp"],
    6: [
        "thông báo tự động",
        "Hồ sơ được tiếp nhận",
        "cơ quan chuyên môn Yêu cầu thanh toán phí, lệ phí",
        "Hồ sơ có kết quả xử lý",
    ],
}
"""Step → what the founding document says in it."""

HA_TINH = guide("tỉnh Hà Tĩnh")


def test_r30_caption_and_instruction_are_those_of_the_founding_document() -> None:
    """Word for word; only the address "Ông/Bà" and the full stop are ours."""
    assert {name: getattr(HA_TINH, name) for name in ("title", "audience", "caption")} == {
        name: words for name, words in FOUNDING.items() if name != "instruction"
    }
    assert HA_TINH.instruction == f"Ông/Bà {FOUNDING['instruction']}."


def test_r31_the_guide_has_the_six_steps_in_their_order() -> None:
    """Open, search, follow, read the greeting, enter the phone, get the notices."""
    assert len(HA_TINH.steps) == 6
    for number, words in IN_STEPS.items():
        assert all(one in HA_TINH.steps[number - 1] for one in words), number


def test_r26_poster_guide_and_chat_call_the_account_by_one_name() -> None:
    """The name and the phone field come from one place, for each OA's own place."""
    letters = Letters(INSTALLED / "templates")
    for place in ("tỉnh Hà Tĩnh", "tỉnh Nghệ An"):
        name = account_name(place)
        assert f"“{name}”" in letters.text("welcome", Facts("x", place=place))
        assert PHONE_FIELD in letters.text("welcome", Facts("x", place=place))
        assert f"“{name}”" in letters.text("proof_code", Facts("x", place=place, one_time_code="******"))
        assert all(name in words for words in (guide(place).caption, *guide(place).steps[1:4]))
    assert "Hà Tĩnh" not in str(astuple(guide("tỉnh Nghệ An")))


def test_every_word_of_the_guide_is_composed() -> None:
    """R25."""
    assert unicodedata.is_normalized("NFC", str(astuple(HA_TINH)))


def test_links_lead_to_zalo_or_to_our_own_address() -> None:
    """Whatever stands in a code is one segment of a path."""
    assert follow_link("4024926008133882615") == "https://zalo.me/4024926008133882615"
    assert short_link("https://hcc.example/", "H27.37") == "https://hcc.example/q/H27.37"
    assert short_link("https://hcc.example", "a/../b") == "https://hcc.example/q/a%2F..%2Fb"
