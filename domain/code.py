"""Normalise and parse a dossier's code: opaque text except for statistics, which read a unit and a day from it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from unicodedata import category

from domain.text import nfc

LONGEST = 50  # characters; the width of the column in the national exchange format

_NEW = re.compile(r"(?P<unit>[A-Z][0-9]{2}(?:\.[0-9A-Z]{1,4})*)-(?P<day>[0-9]{6}|[0-9]{8})-(?P<seq>[0-9]{4,7})")
_OLD_UNIT = re.compile(r"[0-9]{3}\.[0-9]{2}\.[0-9]{2}\.[A-Z][0-9]{2}")
_UNIT = re.compile(r"[0-9A-Z]{1,4}(?:\.[0-9A-Z]{1,4})*")
_LONGEST_UNIT = 35  # characters: decision 20/2020
_OLD = re.compile(rf"(?P<unit>{_OLD_UNIT.pattern})" + r"-(?P<day>[0-9]{6})-(?P<seq>[0-9]{4,7})")
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})  # control and format characters, lone surrogates, line breaks


@dataclass(frozen=True, slots=True)
class CodeParts:
    """The parts of a code: `unit` in the new spelling (root first, 'H27.37'), day of receipt, number within that day.

    `seq` is not a volume: a unit may start its daily count at 1001.
    """

    unit: str
    date: date
    seq: int


def normalize_code(raw: str) -> str:
    """The canonical spelling by which codes are compared: NFC, stripped, upper case, at most 50 characters (R25).

    Raises `ValueError` if nothing is left, if it is too long, or if it contains characters that break a line of text or
    are invisible in it: two codes that look the same would be two dossiers.
    """
    code = nfc(nfc(raw).strip().upper())
    if not code:
        raise ValueError("a dossier code must not be empty")
    if len(code) > LONGEST:
        raise ValueError(f"a dossier code has at most {LONGEST} characters, this one has {len(code)}")
    if not code.isprintable() and any(category(char) in _UNPRINTABLE for char in code):
        raise ValueError("a dossier code must not hold line breaks, control or format characters")
    return code


def parse_code(code: str) -> CodeParts | None:
    """The parts of a normalised code, for statistics only; None for a code of any other grammar.

    Both grammars in use are parsed: circular 01/2018 with old unit codes (leaf first), decision 20/2020 (root first).
    """
    match = _NEW.fullmatch(code) or _OLD.fullmatch(code)
    day = _day(match["day"]) if match else None
    return CodeParts(modern_unit(match["unit"]), day, int(match["seq"])) if match and day else None


def modern_unit(unit: str) -> str:
    """'000.00.37.H27' → 'H27.37': the old spelling has zeros for missing levels; any other spelling stays."""
    unit = unit.strip().upper()
    if not _OLD_UNIT.fullmatch(unit):
        return unit
    return ".".join(group for group in reversed(unit.split(".")) if group.strip("0"))


def is_unit_code(unit: str) -> bool:
    """Whether a unit in the spelling of `modern_unit` is a code; sources also have units that are none."""
    return len(unit) <= _LONGEST_UNIT and _UNIT.fullmatch(unit) is not None


def _day(digits: str) -> date | None:
    """YYMMDD (always of this century) or YYYYMMDD; None if there is no such day."""
    try:
        return date.fromisoformat(digits if len(digits) == len("YYYYMMDD") else f"20{digits}")
    except ValueError:
        return None
