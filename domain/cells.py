"""Convert values from drivers, spreadsheets and other languages' number types to text, after checking their size.

The size of a number is checked before it is expanded: Decimal('1E+999999999') has twelve characters, and a thousand
million digits as an integer.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from unicodedata import normalize

from domain.folding import ascii_digits, latin, seen

LONGEST_NUMBER = 40  # characters; no amount, key or phone is longer
_LARGEST = 30  # digits before the point, and places after it
_WHOLE_TEXT = re.compile(r"[+-]?[0-9]+(\.0+)?")


def as_text(value: object) -> str | None:
    """A field's value as text: bytes decoded, numbers in plain digits; None for NULL and for a number too large.

    A boolean is neither text nor number: it gives ''.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return ""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _decoded(bytes(value))
    if isinstance(value, (int, float, Decimal)):
        return _digits(value)
    return str(value)


def whole(value: object) -> int:
    """A whole number from any type or spelling ('7', 7.0, Decimal('7')). Raises `ValueError`."""
    text = (as_text(value) or "").strip()
    if len(text) <= LONGEST_NUMBER and _WHOLE_TEXT.fullmatch(text):
        return int(text.partition(".")[0])
    raise ValueError("is not a whole number")


def plain(text: str) -> str:
    """A number's text without invisible characters, with plain digits, letters and blanks."""
    return latin(normalize("NFKC", ascii_digits(seen(text)))).strip()


def _decoded(raw: bytes) -> str:
    if len(raw) == 1 and raw[0] in (0, 1):  # BIT(1) of MySQL
        return str(raw[0])
    try:
        return raw.decode("utf-16-le" if b"\x00" in raw[:2] else "utf-8").strip("\x00")
    except UnicodeDecodeError:
        return "\ufffd"


def _digits(number: float | Decimal) -> str | None:
    if isinstance(number, int):
        return str(number) if number.bit_length() <= _LARGEST * 3 else None
    if isinstance(number, float):
        if not math.isfinite(number) or abs(number) >= 10.0**_LARGEST:
            return None
        return _digits(Decimal(repr(number)))
    if not number.is_finite() or number.adjusted() > _LARGEST:
        return None
    places = number.as_tuple().exponent
    return f"{number:f}" if isinstance(places, int) and places >= -_LARGEST else None
