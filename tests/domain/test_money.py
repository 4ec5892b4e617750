"""Money: dots every three digits, no unit, never zero."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import dong


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        (1, "1"),
        (500, "500"),
        (1_000, "1.000"),
        (20_500, "20.500"),
        (1_000_000, "1.000.000"),
        (2_147_483_648, "2.147.483.648"),
        (3_000_000_000, "3.000.000.000"),
    ],
)
def test_r19_an_amount_is_written_as_in_the_seed_texts(amount: int, written: str) -> None:
    """No 'đồng', no 'đ', and land dues above 2^31 (R19)."""
    assert dong(amount) == written


@pytest.mark.parametrize("amount", [0, -1, 1.0, Decimal(1000), "1000", None, True])
def test_what_is_no_amount_is_refused(amount: object) -> None:
    """Nobody is asked to pay nothing, and a float has lost đồng before (R19)."""
    with pytest.raises(ValueError, match="whole number of đồng above zero"):
        dong(amount)  # type: ignore[arg-type]


@given(st.integers(min_value=1, max_value=10**15))
def test_an_amount_can_be_read_back(amount: int) -> None:
    """No digit is lost, and every group but the first has three."""
    first, *others = dong(amount).split(".")
    assert int("".join([first, *others])) == amount
    assert 1 <= len(first) <= 3
    assert all(len(group) == 3 for group in others)
