"""Phones that were numbers on their way, or carry what nobody sees: the right number, or none; never another one."""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from domain.phone import PhoneVerdict, phone_field, read_phone

NATIONAL = "978362918"
RIGHT = "+84978362918"
NUMBERS = int(os.environ.get("HCC_PHONE_NUMBERS", "10000"))


def java(number: int) -> str:
    """A double as Java and JavaScript libraries print it: its shortest digits, and a power of ten."""
    digits = str(number)
    return f"{digits[0]}.{digits[1:].rstrip('0') or '0'}E{len(digits) - 1}"


ALWAYS: dict[str, Callable[[str], Any]] = {
    "as dialled": lambda n: f"0{n}",
    "an integer": int,
    "international": lambda n: f"+84{n}",
    "the country as an integer": lambda n: int(f"84{n}"),
    "trunk zero in brackets": lambda n: f"+84 (0){n}",
    "apostrophe of a spreadsheet": lambda n: f"'0{n}",
    "formula of a spreadsheet": lambda n: f'="0{n}"',
    "zero width": lambda n: f"\ufeff0{n[:2]}\u200b{n[2:5]}\u2060{n[5:]}\u200e",
    "direction marks": lambda n: f"\u202a0{n}\u202c",
    "soft hyphens": lambda n: f"0{n[:4]}\u00ad{n[4:]}",
    "no-break blanks": lambda n: f"0{n[:2]}\u00a0{n[2:5]}\u202f{n[5:]}",
    "full width": lambda n: "".join(chr(ord(digit) + 0xFEE0) for digit in f"0{n}"),
    "Arabic digits": lambda n: "".join(chr(ord(digit) + 0x630) for digit in f"0{n}"),
    "a footnote": lambda n: f"0{n}\u00b2",
    "the letter O": lambda n: f"O{n}",
    "Cyrillic О": lambda n: f"\u041e{n}",
    "NUL of a CHAR": lambda n: f"0{n}\x00\x00",
    "bytes": lambda n: f"0{n}".encode(),
    "bytes of UTF-16": lambda n: f"0{n}".encode("utf-16-le"),
    "tel:": lambda n: f"tel:+84-{n}",
    "grouped by commas": lambda n: f"{int(n):,}",
    "dots": lambda n: f"0{n[:3]}.{n[3:6]}.{n[6:]}",
}
"""Nothing of the number is lost on these ways."""

OR_NONE: dict[str, Callable[[str], Any]] = {
    "a double": float,
    "a double as text": lambda n: f"{float(n)}",
    "a double of the dialled one": lambda n: f"0{n}.0",
    "comma and zero": lambda n: f"{n},0",
    "two places": lambda n: f"{n}.00",
    "a double of the country": lambda n: f"84{n}.0",
    "grouped, two places": lambda n: f"{int(n):,}.00",
    "grouped by dots, two places": lambda n: f"{int(n):,}".replace(",", ".") + ",00",
    "Java": lambda n: java(int(n)),
    "Java with the country": lambda n: java(int(f"84{n}")),
    "all digits and a power": lambda n: f"{int(n):.8E}",
    "comma and a power": lambda n: f"{int(n):.8E}".replace(".", ","),
    "a power of six places": lambda n: f"{int(n):.5E}",
    "a power of three places": lambda n: f"{int(n):.2e}",
    "a decimal": lambda n: Decimal(n).scaleb(-2).scaleb(2),
    "a float of 32 bits": lambda n: struct.unpack("f", struct.pack("f", float(n)))[0],
    "a float of 32 bits as shown": lambda n: float(f"{struct.unpack('f', struct.pack('f', float(n)))[0]:.7g}"),
    "an overflow of 32 bits": lambda n: (
        str((int(f"84{n}") + 2**31) % 2**32 - 2**31) if (int(f"84{n}") + 2**31) % 2**32 < 2**31 else None
    ),
    "32 bits at their end": lambda n: 2**31 - 1 if n else n,
    "its last digit lost": lambda n: f"0{n[:-1]}",
    "its first digit lost": lambda n: f"{n[1:]}",
    "a half": lambda n: f"{n}.5",
}
"""On these ways digits may be lost; who cannot tell reads nothing."""


def numbers() -> list[str]:
    """As many mobile numbers as the issue asks for, always the same ones."""
    chance = random.Random(20240219)  # noqa: S311 (numbers of nobody)
    prefixes = ("32", "36", "39", "70", "76", "79", "81", "84", "88", "90", "91", "93", "96", "97", "98")
    return [f"{chance.choice(prefixes)}{chance.randrange(10**7):07}" for _ in range(NUMBERS)]


@pytest.mark.parametrize("form", ALWAYS)
def test_a_number_in_a_form_that_loses_nothing_is_read(form: str) -> None:
    """Marks that nobody sees, digits of other scripts, types of other languages."""
    phone = read_phone(phone_field(ALWAYS[form](NATIONAL)))
    assert (phone.e164, phone.several) == (RIGHT, False)


@pytest.mark.parametrize("form", OR_NONE)
def test_a_number_that_may_have_lost_digits_is_read_right_or_not_at_all(form: str) -> None:
    """The sample of each form, and the verdict of what cannot be read: staff can correct it."""
    phone = read_phone(phone_field(OR_NONE[form](NATIONAL)))
    assert phone.e164 in (RIGHT, None)


@pytest.mark.parametrize(
    "raw",
    ["9.78363E8", "9.78363E+08", "978363000.0", 9.78363e8, 978362944.0, -920983002, "978362918.5", 1e400, "1e400"],
)
def test_what_was_rounded_or_overflowed_is_nobodys_number(raw: Any) -> None:
    """It would be read by another person."""
    phone = read_phone(phone_field(raw))
    assert (phone.e164, phone.verdict) == (None, PhoneVerdict.INVALID)


@pytest.mark.parametrize("raw", ["978362918.0", "9.78362918E8", 978362918.0, "0978362918.0", "84978362918.0"])
def test_the_number_types_of_the_field_are_read(raw: Any) -> None:
    """What a spreadsheet, a data frame and a JSON make of 0978362918."""
    assert read_phone(phone_field(raw)).e164 == RIGHT


def test_of_ten_thousand_numbers_none_is_read_as_another_one() -> None:
    """Each in a form by turns, so that all forms see hundreds; what loses nothing is always read."""
    forms = [*ALWAYS.items(), *OR_NONE.items()]
    wrong = []
    for place, national in enumerate(numbers()):
        name, form = forms[place % len(forms)]
        read = read_phone(phone_field(form(national))).e164
        if read != f"+84{national}" and (read is not None or name in ALWAYS):
            wrong.append((name, national, read))
    assert wrong == []
