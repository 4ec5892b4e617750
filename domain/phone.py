"""Parse phone numbers as people type them into E.164 and a verdict: is the number worth trying (R7, R9).

No exception and no `repr` of this module shows a number, since both end up in logs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from unicodedata import normalize

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType

from domain.cells import as_text
from domain.folding import ascii_digits, latin, seen
from domain.sheets import UNREADABLE, of_float, unspread


class PhoneVerdict(StrEnum):
    """What a phone field contains; the names are stored in the ledger and shown to operators."""

    MOBILE = "mobile"  # a number that can have a Zalo account
    POSSIBLE = "possible"  # looks like a mobile, but is not in our table of allotted numbers: worth one try
    LANDLINE = "landline"  # nobody reads Zalo there
    NOT_A_PERSON = "not_a_person"  # 1900…, 1800…: a service
    INVALID = "invalid"  # not a telephone number; staff can correct the field
    MISSING = "missing"  # the field contains no digit


@dataclass(frozen=True, slots=True)
class Phone:
    """`e164` ('+84978362918') is set exactly if the number is worth trying: a mobile or a possible number.

    `several`: the field contained more than one such number, and the best one was taken.
    """

    e164: str | None = field(repr=False)
    verdict: PhoneVerdict
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
"""Eleven-digit mobile numbers became ten-digit ones in 2018–2019; the last seven digits stayed. No library has this."""

_VIETNAM = 84
_OLD_LENGTH = 10  # digits of an old mobile number without its leading 0
_FULL = 9  # digits; a piece of a field with at least as many is a number by itself

# Splits a field where no number can continue: at letters, '/', ';', ',' …, and before a '+'.
_APART = re.compile(r"[^-+().\s0-9\u2010-\u2015\u2212]+|(?=\+)")
# Separators found within one number as well as between two: dashes, brackets, blanks.
_EITHER = (re.compile(r"[-\u2010-\u2015\u2212]"), re.compile(r"[()]"), re.compile(r"\s+"))
# A Vietnamese number. 084 is VinaPhone's prefix and also a spelling of +84; the length decides (9 or 10 after it).
_OURS = re.compile(r"(?:(?:\+|00|0)?84)?0?(?P<national>[1-9][0-9]{8,9})")
# The shape of a Vietnamese mobile number. Services and landlines begin with 1 and 2; no number begins with 0 or 4.
_MOBILE_SHAPE = re.compile(r"[35-9][0-9]{8}")

# Letters typed for digits: a run of only these, with a digit on one side and no letter on the other.
_LETTER_DIGITS = re.compile(r"(?<![^\W\d_])[OoIl]+(?=[0-9])|(?<=[0-9])[OoIl]+(?![^\W\d_])")
_AS_DIGITS = str.maketrans("OoIl", "0011")

_MOBILE_TYPES = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})
_RANK = {verdict: rank for rank, verdict in enumerate(PhoneVerdict)}  # declared best first


_FAULTS: dict[PhoneVerdict, str] = {
    PhoneVerdict.MISSING: "no phone number",
    PhoneVerdict.LANDLINE: "landline",
    PhoneVerdict.NOT_A_PERSON: "service number",
    PhoneVerdict.INVALID: "invalid phone number",
    PhoneVerdict.POSSIBLE: "not an allotted number",
}
_SHORTEST_SHOWN = 8  # digits; the ends would be most of a shorter number
_LONGEST_SHOWN = 30


def read_phone(raw: str | None) -> Phone:
    """Parse a phone field as typed. Never raises: an unreadable field results in a verdict, not in an error."""
    text = _plain(raw or "")
    if text == UNREADABLE:
        return Phone(None, PhoneVerdict.INVALID)
    if not any(char.isdigit() for char in text):
        return Phone(None, PhoneVerdict.MISSING)
    phones = [_read(number) for number in _numbers(_letters_read(unspread(text)))]
    best = min(phones, key=lambda phone: _RANK[phone.verdict], default=Phone(None, PhoneVerdict.INVALID))
    several = len({phone.e164 for phone in phones if phone.e164}) > 1
    return Phone(best.e164, best.verdict, several)


def phone_field(value: object) -> str | None:
    """Convert a phone column of any type to the text that `read_phone` parses; None if it is NULL.

    A number that a numeric type may have rounded becomes a marker without digits.
    """
    if isinstance(value, float):
        return of_float(value)
    return None if value is None else as_text(value) or ""


def fault_of(phone: Phone) -> str | None:
    """The fault that staff should check, in the words of the ledger and the reports; None for one valid mobile (R9)."""
    if phone.several:
        return "several numbers"
    return _FAULTS.get(phone.verdict)


def masked_field(raw: str | None) -> str | None:
    """A field masked for staff: '09*****91', the two digits at either end and the digit count; None without digits."""
    digits = "".join(char for char in _plain(raw or "") if char.isdigit())[:_LONGEST_SHOWN]
    if len(digits) < _SHORTEST_SHOWN:
        return "*" * len(digits) or None
    return f"{digits[:2]}{'*' * (len(digits) - 4)}{digits[-2:]}"


def masked(e164: str) -> str:
    """'+84978362918' → '+84978***918', for readers who may not see the number; '***' if it is short or not a number."""
    return f"{e164[:-6]}***{e164[-3:]}" if re.fullmatch(r"\+[0-9]{9,15}", e164) else "***"


def masked_national(e164: str) -> str | None:
    """'+84978362918' → '09******18': as staff know the number of a dossier, masked as its field is."""
    return masked_field(f"0{e164.removeprefix('+84')}" if e164.startswith("+84") else e164)


def _plain(raw: str) -> str:
    """The field in plain digits and letters, without invisible characters.

    A footnote digit (², ①) is not part of the number.
    """
    notes = "".join(" # " if char.isdigit() and not char.isdecimal() else char for char in seen(raw))
    return latin(normalize("NFKC", ascii_digits(notes)))


def _letters_read(text: str) -> str:
    """'O978362918' → '0978362918': replaces letters typed for digits in a number; letters of a word stay."""
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
    """Split at a mark only if each part is a number by itself: '0978-362-918' is one, '0978362918-0912345678' two."""
    parts = [part for part in mark.split(piece) if part]
    return parts if all(map(_is_full, parts)) else [piece]


def _is_full(piece: str) -> bool:
    return sum(map(str.isdigit, piece)) >= _FULL


def _read(digits: str) -> Phone:
    """The verdict on one number, given as digits with or without a leading '+'."""
    try:
        number = phonenumbers.parse(_modern(digits), "VN")
    except phonenumbers.NumberParseException:
        return Phone(None, PhoneVerdict.INVALID)
    verdict = _verdict(number)
    if verdict not in (PhoneVerdict.MOBILE, PhoneVerdict.POSSIBLE):
        return Phone(None, verdict)
    return Phone(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), verdict)


def _modern(digits: str) -> str:
    """A Vietnamese number as '+84…' with its current prefix; any other number unchanged."""
    ours = _OURS.fullmatch(digits)
    if ours is None:
        return digits
    national = ours["national"]
    if len(national) == _OLD_LENGTH:
        national = OLD_TO_NEW.get(national[:3], national[:3]) + national[3:]
    return f"+{_VIETNAM}{national}"


def _verdict(number: PhoneNumber) -> PhoneVerdict:
    kind = phonenumbers.number_type(number)
    abroad = number.country_code != _VIETNAM
    if kind in _MOBILE_TYPES:
        # Zalo has accounts abroad, but not in every country.
        return PhoneVerdict.POSSIBLE if abroad else PhoneVerdict.MOBILE
    if kind == PhoneNumberType.FIXED_LINE:
        return PhoneVerdict.LANDLINE
    if kind != PhoneNumberType.UNKNOWN:
        return PhoneVerdict.NOT_A_PERSON
    # The library's table of allotted numbers gets out of date: do not refuse a new prefix until the next upgrade.
    looks_mobile = not abroad and _MOBILE_SHAPE.fullmatch(phonenumbers.national_significant_number(number))
    return PhoneVerdict.POSSIBLE if looks_mobile else PhoneVerdict.INVALID
