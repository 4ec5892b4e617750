"""Recover phones that were stored as numbers: in a spreadsheet, a JSON of another language, a column of floats.

A number type drops a leading zero and a plus, which phone parsing restores. Rounding cannot be undone, so a number that
may have been rounded is rejected: it would be another person's.
"""

from __future__ import annotations

import re
import struct

UNREADABLE = "#"  # contains no digit that could be read, but shows that the field was not empty

_POINT = r"[.,]"
_WITH_PLACES = re.compile(rf"(?P<whole>\+?(?:0[0-9]{{9,10}}|[1-9][0-9]{{8,12}})){_POINT}(?P<places>[0-9]{{1,6}})")
_GROUPED = re.compile(
    r"(?P<whole>[1-9][0-9]{0,2}(?P<mark>[,'])[0-9]{3}(?:(?P=mark)[0-9]{3})+)(?:\.(?P<places>[0-9]+))?"
)
_GROUPED_BY_DOTS = re.compile(r"(?P<whole>[1-9][0-9]{0,2}(?:\.[0-9]{3}){2,3}),(?P<places>[0-9]+)")
_POWER = re.compile(rf"\+?(?P<first>[0-9])(?:{_POINT}(?P<rest>[0-9]+))?\s*[eE]\s*\+?(?P<power>[0-9]{{1,3}})")
_NEGATIVE = re.compile(r"[-\u2212\u2013][1-9][0-9]{4,}(?:[.,][0-9]+)?")  # a number type that overflowed
_ROUND = 1000  # a multiple of it that comes from a number type may have been rounded
_MANTISSA = 2**24  # from here on a 32-bit float cannot represent every integer


def unspread(text: str) -> str:
    """Convert a field that is one value of a number type to its digits; `UNREADABLE` if it may have been rounded.

    Any other field is returned unchanged. '978362918.0', '9.78362918E8', '978,362,918.00' → '978362918'.
    """
    bare = text.strip().strip("'\"=\u2018\u2019`").strip()
    if _NEGATIVE.fullmatch(bare):
        return UNREADABLE
    if power := _POWER.fullmatch(bare):
        return _of_power(power)
    for shape in (_WITH_PLACES, _GROUPED, _GROUPED_BY_DOTS):
        if match := shape.fullmatch(bare):
            whole = re.sub(r"[^0-9+]", "", match["whole"])
            return _kept(whole, match["places"])
    return text


def of_float(number: float) -> str:
    """A phone in a column of floats; `UNREADABLE` if it has decimal places or may be a 32-bit float and so rounded."""
    whole = int(number) if abs(number) < 2.0**53 else 0
    if whole != number or whole <= 0 or (whole >= _MANTISSA and _fits_32_bits(number)) or whole % 100 == 0:
        return UNREADABLE
    return str(whole)


def _of_power(power: re.Match[str]) -> str:
    digits, places = power["first"] + (power["rest"] or ""), int(power["power"])
    if places + 1 > len(digits):  # fewer digits than the number has: the rest was rounded off, or cut as zeros
        return UNREADABLE
    return _kept(digits[: places + 1].lstrip("0"), digits[places + 1 :])


def _kept(whole: str, places: str | None) -> str:
    if places is None:
        return whole
    rounded = int(whole) % _ROUND == 0
    return UNREADABLE if places.strip("0") or rounded else whole


def _fits_32_bits(number: float) -> bool:
    return float(struct.unpack("f", struct.pack("f", number))[0]) == number
