"""A phone is known for one however it is typed, so that it stands in no address; a code is never taken for one."""

from __future__ import annotations

import pytest

from domain.desk_search import phone_meant

PHONES = (
    "0912345678", "O912345678", "0912–345–678", "0912345678;", "0912/345/678", "0912_345_678", "0912\u200b345678",
    "0912\u2011345\u2011678", "\u202a0912345678\u202c", "０９１２３４５６７８", "sdt 0912345678", "SĐT: 0912345678",
    "tel:0912345678", "'0912345678", "+84912345678", "(0912) 345.678", "o912345678", "0912345678a", "Lan 0912345678",
    "0912345678, 0987654321", "không chín một hai ba bốn năm sáu bảy tám",
)  # fmt: skip


@pytest.mark.parametrize("typed", PHONES)
def test_a_phone_is_read_however_it_is_typed(typed: str) -> None:
    """By the rules for the field of a dossier, and as it is read out."""
    phone = phone_meant(typed)
    assert phone is not None
    assert phone.e164 == "+84912345678"


@pytest.mark.parametrize("typed", ["02393855555", "091234567", "09123456789", "84239385555", "khoảng 02393.855.555"])
def test_what_is_like_a_phone_has_no_number(typed: str) -> None:
    """A landline, a digit too few or too many: told on the page, without an address of its own."""
    phone = phone_meant(typed)
    assert phone is not None
    assert phone.e164 is None


@pytest.mark.parametrize(
    "typed",
    ["H27.37-240219-1001", "h27372402191001", "000.00.12.H27-240219-0001", "G09.12-240219-0001", "240219-1001",
     "12345678", "2024000123", "H27 chấm 37 gạch 240219 gạch 1001", "cảm ơn", ""],
)  # fmt: skip
def test_a_code_is_no_phone(typed: str) -> None:
    """Also where its digits alone would be one."""
    assert phone_meant(typed) is None
