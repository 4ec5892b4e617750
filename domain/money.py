"""Format and parse money: whole đồng, as the province writes it and as other programs write it."""

from __future__ import annotations

import re

from domain.cells import LONGEST_NUMBER, as_text, plain

MOST = 10**15  # đồng; no fee reaches it: a larger amount is a program's error

_LEAST_WITH_PLACES = 1000  # below it '150.0' is ambiguous: a number type may have made it from '150.000'
_CURRENCY = r"(?:vnđ|vnd|đồng|dong|đ|₫)"
_AROUND = re.compile(rf"(?:{_CURRENCY}\.?\s*)?(?P<number>[+]?[0-9][0-9.,' ]*?)(?:\s*{_CURRENCY}\.?)?", re.IGNORECASE)
# One separator between groups of three digits, and the other one, if any, before decimal places that are all zero.
_GROUPED = re.compile(r"[1-9][0-9]{0,2}(?:(?P<mark>[.,' ])[0-9]{3})(?:(?P=mark)[0-9]{3})*(?:(?!(?P=mark))[.,]0{1,2})?")
_PLAIN = re.compile(r"[0-9]+")
_PLACES = re.compile(r"(?P<whole>[0-9]+)[.,]0+")


def dong(amount: int) -> str:
    """1000000 → '1.000.000': a dot every three digits and no unit, which the seed text does not have (R19).

    Amounts above 2^31 are common for land dues. Raises `ValueError` for anything but a whole number above zero:
    nobody is asked to pay nothing, and a fraction of a đồng is a fault of the source.
    """
    if type(amount) is not int or amount <= 0:
        raise ValueError("an amount of money is a whole number of đồng above zero")
    return f"{amount:,}".replace(",", ".")


def read_amount(value: object) -> int:
    """Parse an unambiguous amount in đồng from a number or a text; 0 is accepted and means no fee.

    '150.000' and '150,000' are a hundred and fifty thousand, '150000.00' and '150000,00' too. Raises `ValueError` with
    a sentence that does not contain the value. Nothing is guessed, and the size is checked before any computation.
    """
    text = as_text(value)
    if text is None or isinstance(value, bool):
        raise ValueError("is not an amount")
    number = _from_text(text) if isinstance(value, (str, bytes)) else _from_number(text)
    if not 0 <= number < MOST:
        raise ValueError("is not between 0 and 10^15 đồng")
    return number


def _from_number(text: str) -> int:
    """A number from the driver: its point is the decimal point, so only zeros after it are dropped."""
    number, _, places = text.partition(".")
    if len(number) > LONGEST_NUMBER or places.strip("0"):
        raise ValueError("is not a whole number of đồng")
    return int(number)


def _from_text(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        raise ValueError("is too long for an amount")
    around = _AROUND.fullmatch(" ".join(plain(text).split()))
    if around is None:
        raise ValueError("is not an amount")
    number = around["number"].removeprefix("+").strip()
    if _PLAIN.fullmatch(number):
        return int(number)
    if grouped := _GROUPED.fullmatch(number):
        digits = number.replace(grouped["mark"], "")
        return int(re.split("[.,]", digits)[0])
    if (places := _PLACES.fullmatch(number)) and int(places["whole"]) >= _LEAST_WITH_PLACES:
        return int(places["whole"])
    raise ValueError("is an amount with more than one reading")
