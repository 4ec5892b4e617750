"""Codes that somebody may have meant: one key away, or close in the ledger's order."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher

MOST = 3  # shown
BESIDE = 30  # looked at on each side
_DIGITS = "0123456789"
_PREFIX = 8  # letters, digits and marks that a code beside has in common


def slips(code: str) -> set[str]:
    """The codes that one slip of a finger makes of this one: another digit, two swapped, one too many, one missing."""
    found: set[str] = set()
    for place, char in enumerate(code):
        before, after = code[:place], code[place + 1 :]
        found.add(before + after)
        if after:
            found.add(before + after[0] + char + after[1:])
        found |= {before + digit + char + after for digit in _DIGITS}
        if char.isdigit():
            found |= {before + digit + after for digit in _DIGITS}
    found |= {code + digit for digit in _DIGITS}
    return found - {code, ""}


def nearest(code: str, slipped: Iterable[str], beside: Iterable[str]) -> list[str]:
    """The likeliest codes, the best first: those of one slip, then those with the same beginning that look alike."""
    close = [one for one in beside if one[:_PREFIX] == code[:_PREFIX]]
    ranked = [*sorted(slipped), *sorted(close, key=lambda one: (-SequenceMatcher(None, one, code).ratio(), one))]
    return list(dict.fromkeys(ranked))[:MOST]
