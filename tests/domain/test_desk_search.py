"""A phone is known for one however it is typed, so that it stands in no address; a code is never taken for one."""

from __future__ import annotations

import time

import pytest

from domain.desk_search import phone_meant

PHONES = (
    "0912345678", "O912345678", "0912–345–678", "0912345678;", "0912/345/678", "0912_345_678", "0912\u200b345678",
    "0912\u2011345\u2011678", "\u202a0912345678\u202c", "０９１２３４５６７８", "sdt 0912345678", "SĐT: 0912345678",
    "tel:0912345678", "'0912345678", "+84912345678", "(0912) 345.678", "o912345678", "0912345678a", "Lan 0912345678",
    "0912345678, 0987654321", "không chín một hai ba bốn năm sáu bảy tám", "Anh Nam 0912345678", "chị Ba 0912 345 678",
    "chú Tư, 0912345678", "bà Bảy:0912345678", "nhà 12 0912345678", "P12 0912345678", "+84 912 345 678",
    "0912345678 (Hai)", "912345678", "912 345 678", "912.345.678", "912345678.0", "Anh Nam 912345678",
    "912345678 (con trai)", "sđt912345678", "Nam-912345678", "không chín một hai, ba bốn năm, sáu bảy tám",
    "Nguyễn Văn A 1990 0912345678",
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
     "12345678", "2024000123", "H27.37-261130-1001", "000.00.37.H27-240101-0001", "G22.99-20261130-0912345",
     "G22.99 261130 0912345", "hồ sơ G09.12-240219-0001 của anh Nam", "mahoso=G09.12-240219-0001",
     "]C1G09.12-240219-0001",
     "G09.12-240219-0001, Nam 0912345678", "H27.37.912345678", "12-912345678", "240101912345678", "912345678/2024",
     "183456789", "378-261130", "2024/00001234", "58.2024.123", "Nguyễn Văn A", "Nguyễn Văn A 1990",
     "H27 chấm 37 gạch 240219 gạch 1001", "cảm ơn", ""],
)  # fmt: skip
def test_a_code_is_no_phone(typed: str) -> None:
    """Also where its digits alone would be one."""
    assert phone_meant(typed) is None


@pytest.mark.parametrize("page", ["978 " * 4000, "100000000 " * 2000, "0 " * 9000, "0" * 100_000, "A" * 100_000])
def test_a_pasted_page_is_judged_at_once(page: str) -> None:
    """No number of digits makes it slow."""
    began = time.process_time()
    phone_meant(page)
    assert time.process_time() - began < 1
