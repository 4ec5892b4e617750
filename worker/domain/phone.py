"""Phone numbers as people type them, read into E.164 and a verdict: whom is it worth trying to reach (R7, R9).

No exception and no `repr` of this module shows a number: they end in logs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from unicodedata import normalize

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType

from worker.domain.cells import as_text
from worker.domain.sheets import UNREADABLE, of_float, unspread
from worker.domain.words import ascii_digits, latin, seen


class Verdict(StrEnum):
    """What a phone field turned out to hold; the names are stored in the ledger and shown to operators."""

    MOBILE = "mobile"  # a number that Zalo can know
    POSSIBLE = "possible"  # looks like one, but is not in our table of allotted numbers: worth one try
    LANDLINE = "landline"  # nobody reads Zalo there
    NOT_A_PERSON = "not_a_person"  # 1900…, 1800…: a service
    INVALID = "invalid"  # no telephone number; staff can correct the field
    MISSING = "missing"  # the field holds no digit


@dataclass(frozen=True, slots=True)
class Phone:
    """`e164` ('+84978362918') is there exactly when it is worth trying: for a mobile and a possible number.

    `several`: the field held numbers of more than one such line, and the best one was taken.
    """

    e164: str | None = field(repr=False)
    verdict: Verdict
    several: bool = False


OLD_TO_NEW: dict[str, str] = {
    # Viettel
    "162": "32",
    "163": "33",
    "164": "34",
    "165": "35",
    "166": "36",
    "167": "37",
    "168": "38",
    "169": "39",
    # MobiFone
    "120": "70",
    "121": "79",
    "122": "77",
    "126": "76",
    "128": "78",
    # VinaPhone
    "123": "83",
    "124": "84",
    "125": "85",
    "127": "81",
    "129": "82",
    # Vietnamobile
    "186": "56",
    "188": "58",
    # Gmobile
    "199": "59",
}
"""Eleven-digit mobile numbers became ten-digit ones in 2018–2019; the last seven digits stayed. No library knows."""

_VIETNAM = 84
_OLD_LENGTH = 10  # digits of an old mobile number without its leading 0
_FULL = 9  # digits from which on a piece of a field is a number by itself

# Cuts a field where no single number goes on: letters, '/', ';', ',' …, and before a '+'.
_APART = re.compile(r"[^-+().\s0-9\u2010-\u2015\u2212]+|(?=\+)")
# Marks that stand inside one number as well as between two: dashes, brackets, blanks.
_EITHER = (re.compile(r"[-\u2010-\u2015\u2212]"), re.compile(r"[()]"), re.compile(r"\s+"))
# A number of this country. 084 is VinaPhone's prefix and also how some write +84: the length tells, 9 or 10 after it.
_OURS = re.compile(r"(?:(?:\+|00|0)?84)?0?(?P<national>[1-9][0-9]{8,9})")
# The shape of a mobile number here; 1 and 2 begin services and landlines, 0 and 4 nothing.
_MOBILE_SHAPE = re.compile(r"[35-9][0-9]{8}")

# Typed for a digit: a run of nothing but these, with a digit on one side and no letter on the other.
_LETTER_DIGITS = re.compile(r"(?<![^\W\d_])[OoIl]+(?=[0-9])|(?<=[0-9])[OoIl]+(?![^\W\d_])")
_AS_DIGITS = str.maketrans("OoIl", "0011")

_MOBILE_TYPES = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})
_RANK = {verdict: rank for rank, verdict in enumerate(Verdict)}  # declared best first


_FAULTS: dict[Verdict, str] = {
    Verdict.MISSING: "no phone number",
    Verdict.LANDLINE: "landline",
    Verdict.NOT_A_PERSON: "service number",
    Verdict.INVALID: "invalid phone number",
    Verdict.POSSIBLE: "not an allotted number",
}
_SHORTEST_SHOWN = 8  # digits; of a shorter number the ends would be most of it
_LONGEST_SHOWN = 30


def read_phone(raw: str | None) -> Phone:
    """Read a phone field as typed. Never raises: a field that cannot be read is a verdict, not a failure."""
    text = _plain(raw or "")
    if text == UNREADABLE:
        return Phone(None, Verdict.INVALID)
    if not any(char.isdigit() for char in text):
        return Phone(None, Verdict.MISSING)
    phones = [_read(number) for number in _numbers(_letters_read(unspread(text)))]
    best = min(phones, key=lambda phone: _RANK[phone.verdict], default=Phone(None, Verdict.INVALID))
    several = len({phone.e164 for phone in phones if phone.e164}) > 1
    return Phone(best.e164, best.verdict, several)


def phone_field(value: object) -> str | None:
    """A phone column of any type as the text that `read_phone` reads; None if it is NULL.

    A number that a number type may have rounded is handed on as a sign without its digits.
    """
    if isinstance(value, float):
        return of_float(value)
    return None if value is None else as_text(value) or ""


def fault_of(phone: Phone) -> str | None:
    """What staff should look at in the field, as the ledger and the reports say it; None for one sound mobile (R9)."""
    if phone.several:
        return "several numbers"
    return _FAULTS.get(phone.verdict)


def masked_field(raw: str | None) -> str | None:
    """A field as staff may see it: '09*****91', the two digits at either end and how many there are; None if none."""
    digits = "".join(char for char in _plain(raw or "") if char.isdigit())[:_LONGEST_SHOWN]
    if len(digits) < _SHORTEST_SHOWN:
        return "*" * len(digits) or None
    return f"{digits[:2]}{'*' * (len(digits) - 4)}{digits[-2:]}"


def masked(e164: str) -> str:
    """'+84978362918' → '+84978***918', for eyes that may not see the number; '***' for what is short or no number."""
    return f"{e164[:-6]}***{e164[-3:]}" if re.fullmatch(r"\+[0-9]{9,15}", e164) else "***"


def _plain(raw: str) -> str:
    """The field in plain digits and letters, and nothing in it that nobody sees.

    A small digit of a footnote (², ①) is no digit of the number.
    """
    notes = "".join(" # " if char.isdigit() and not char.isdecimal() else char for char in seen(raw))
    return latin(normalize("NFKC", ascii_digits(notes)))


def _letters_read(text: str) -> str:
    """'O978362918' → '0978362918': letters that stand for a digit in a number, and do not belong to a word."""
    return _LETTER_DIGITS.sub(lambda run: run[0].translate(_AS_DIGITS), text)


def _numbers(text: str) -> list[str]:
    """The numbers of a field, as digits with or without a leading '+'."""
    pieces = _APART.split(text)
    for mark in _EITHER:
        pieces = [number for piece in pieces for number in _divide(piece, mark)]
    bare = (re.sub(r"[^+0-9]", "", piece) for piece in pieces)
    whole = [number for number in bare if number.strip("+")]
    return [number for number in whole if _is_full(number)] or whole


def _divide(piece: str, mark: re.Pattern[str]) -> list[str]:
    """Cut at a mark only if every part is a number by itself: '0978-362-918' is one, '0978362918-0912345678' two."""
    parts = [part for part in mark.split(piece) if part]
    return parts if all(map(_is_full, parts)) else [piece]


def _is_full(piece: str) -> bool:
    return sum(map(str.isdigit, piece)) >= _FULL


def _read(digits: str) -> Phone:
    """The verdict on one number, given as digits with or without a leading '+'."""
    try:
        number = phonenumbers.parse(_modern(digits), "VN")
    except phonenumbers.NumberParseException:
        return Phone(None, Verdict.INVALID)
    verdict = _verdict(number)
    if verdict not in (Verdict.MOBILE, Verdict.POSSIBLE):
        return Phone(None, verdict)
    return Phone(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), verdict)


def _modern(digits: str) -> str:
    """A number of this country as '+84…' with its prefix of today; any other number as it is."""
    ours = _OURS.fullmatch(digits)
    if ours is None:
        return digits
    national = ours["national"]
    if len(national) == _OLD_LENGTH:
        national = OLD_TO_NEW.get(national[:3], national[:3]) + national[3:]
    return f"+{_VIETNAM}{national}"


def _verdict(number: PhoneNumber) -> Verdict:
    kind = phonenumbers.number_type(number)
    abroad = number.country_code != _VIETNAM
    if kind in _MOBILE_TYPES:
        # Zalo has accounts abroad, but not in every country.
        return Verdict.POSSIBLE if abroad else Verdict.MOBILE
    if kind == PhoneNumberType.FIXED_LINE:
        return Verdict.LANDLINE
    if kind != PhoneNumberType.UNKNOWN:
        return Verdict.NOT_A_PERSON
    # The library's table of allotted numbers ages: a new prefix must not be refused until we upgrade.
    looks_mobile = not abroad and _MOBILE_SHAPE.fullmatch(phonenumbers.national_significant_number(number))
    return Verdict.POSSIBLE if looks_mobile else Verdict.INVALID
