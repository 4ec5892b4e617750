"""Amounts as other programs write them: read where there is one reading, and never a thousandth of what is meant."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import MOST, read_amount

READ: tuple[tuple[Any, int], ...] = (
    ("150.000", 150_000),
    ("150,000", 150_000),
    ("1.000.000 đ", 1_000_000),
    ("1,000,000", 1_000_000),
    ("1 000 000", 1_000_000),
    ("1'000'000", 1_000_000),
    ("150000.00", 150_000),
    ("150000,00", 150_000),
    ("150000.0", 150_000),
    ("1.000.000,00", 1_000_000),
    ("1,000,000.00 VND", 1_000_000),
    ("150.000đ", 150_000),
    ("150.000 đồng", 150_000),
    ("150.000 VNĐ", 150_000),
    ("VND 150.000", 150_000),
    ("₫150,000", 150_000),
    ("150.000\u00a0₫", 150_000),
    ("150\u202f000", 150_000),
    ("\u200b150.000", 150_000),
    ("１５０．０００", 150_000),
    ("  150000 ", 150_000),
    ("000150000", 150_000),
    ("3000000000", 3_000_000_000),
    ("0", 0),
    (150_000, 150_000),
    (150_000.0, 150_000),
    (Decimal("150000.00"), 150_000),
    (Decimal("1.5E+5"), 150_000),
    (b"150.000", 150_000),
    (str(MOST - 1), MOST - 1),
)
ODD: tuple[Any, ...] = (
    *("150.0", "150.00", "150,5", "1.5", "0.15", "150.000,5", "1.000.00", "1,000.000", "1.000,000", "12345.678"),
    *("150.000.00", "0150.000", "150.000.", "150.", ".150", "1..000", "1.000,000.00", "150 .000", "1.00.000"),
    *("-150.000", "150k", "1,5 triệu", "một triệu", "150.000 - 200.000", "150.000/bộ", "$150,000.00", "1e5", "1E400"),
    *("", " ", "đ", "NaN", "Infinity", "9" * 41, "9" * 10_000, str(MOST), "0x10", "1_000_000"),
    *(float("nan"), float("inf"), 1e400, -150_000, 150.5, 1e15, True, False, None, b"\xff\xfe", 10**400),
    *(Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("1E+999999999"), Decimal("1E-999999999")),
    Decimal("1000.5"),
)


@pytest.mark.parametrize(("written", "amount"), READ, ids=repr)
def test_an_amount_with_one_reading_is_read(written: Any, amount: int) -> None:
    """As Vietnamese and international programs write them, with or without a currency."""
    assert read_amount(written) == amount


@pytest.mark.parametrize("written", ODD, ids=lambda one: repr(one)[:40])
def test_an_amount_with_another_reading_or_none_is_odd(written: Any) -> None:
    """Nothing is guessed, nothing is computed before its size is known, and no sentence shows the value."""
    with pytest.raises(ValueError, match=r"^(is|contains) ") as caught:
        read_amount(written)
    assert str(written) not in str(caught.value) or str(written) in ("", " ", "đ", "0")


SHAPES = ("{0}", "{0} đ", "{0}đ", "VND {0}", "{0} ₫", "{0} đồng")
MARKS = ((".", ","), (",", "."), (" ", ","), ("'", "."))


@given(st.integers(1000, MOST - 1), st.sampled_from(SHAPES), st.sampled_from(MARKS), st.sampled_from(["", "0", "00"]))
def test_every_amount_in_every_shape_is_itself(amount: int, shape: str, marks: tuple[str, str], places: str) -> None:
    """Grouped by any mark, with or without places, within any currency."""
    thousands, point = marks
    grouped = f"{amount:,}".replace(",", thousands) + (point + places if places else "")
    assert read_amount(shape.format(grouped)) == amount
    assert read_amount(shape.format(f"{amount}{point if point in '.,' else '.'}{places or '0'}")) == amount


@given(st.text("0123456789.,' đ-+eE", max_size=24))
def test_no_text_is_read_as_less_than_its_digits_say(text: str) -> None:
    """Whatever is accepted has the digits that were written, but for zeros behind a point."""
    try:
        amount = read_amount(text)
    except ValueError:
        return
    digits = "".join(char for char in text if char.isdigit()).lstrip("0")
    assert digits in {f"{amount}{zeros}".lstrip("0") for zeros in ("", *("0" * many for many in range(1, 25)))}
