"""Decide whether what a clerk typed is a phone, which must not stand in an address, or a dossier's code."""

from __future__ import annotations

import re

from domain.code import parse_code
from domain.phone import Phone, read_phone
from domain.spelling import as_said, letters_of, spellings, tidied

_O_FOR_ZERO = re.compile(r"O(?=[0-9])|(?<=[0-9])O")
_LIKE_A_PHONE = re.compile(r"(?<![0-9])(?:0|84)[0-9]{7,}")


def phone_meant(typed: str) -> Phone | None:
    """The phone in this text, perhaps mistyped and so without a number; None if the text has none.

    Ask first whether it is the code of a known dossier: sources may have codes of digits alone.
    """
    letters = _O_FOR_ZERO.sub("0", letters_of(as_said(tidied(typed))))
    found = _LIKE_A_PHONE.search(letters)
    if found is None or (not letters.isdigit() and _is_a_code(typed)):
        return None
    phone = read_phone(typed)
    return phone if phone.e164 else read_phone(found[0])  # read out, or with a letter for a digit


def _is_a_code(typed: str) -> bool:
    """Whether it is a national code: without its dots «G09.12-240219-0001» has the digits of a phone."""
    try:
        return any(parse_code(code) for code in spellings(typed))
    except ValueError:
        return False
