"""Decide whether what a clerk typed is a phone, which must not stand in an address, or a dossier's code."""

from __future__ import annotations

import re
from collections.abc import Iterator

from domain.code import parse_code
from domain.phone import Phone, PhoneVerdict, read_phone
from domain.spelling import LONGEST_TEXT, letters_of, spellings, tidied
from domain.spoken import as_said
from domain.text import unaccented

_O_FOR_ZERO = re.compile(r"O(?=[0-9])|(?<=[0-9])O")
_LIKE_A_PHONE = re.compile(r"(?<![0-9])(?:0|84)[0-9]{7,}")

# A mobile number that is a word of its own, or several: «nhà 12 0978 362 918».
_STANDING = re.compile(r"(?<![0-9A-Z])(?<![0-9A-Z][-./])(?:0|\+?84 ?)[35789](?:[ .-]?[0-9]){8}(?![0-9A-Z])")
# Nine digits, as spreadsheets leave of such a number, which drop its 0 and may add «.0»; letters alone may touch it.
_WITHOUT_ZERO = re.compile(
    r"(?<![0-9A-Z])(?<![0-9A-Z][-./_])(?:[A-Z]{1,20}[-./_]?)?"
    r"(?P<digits>[35789][0-9]{2}(?P<mark>[ .-]?)[0-9]{3}(?P=mark)[0-9]{3})(?:[.,]0)?(?![-./_]?[A-Z]{0,20}[0-9])"
)


def phone_meant(typed: str) -> Phone | None:
    """The phone in this text, perhaps mistyped and so without a number; None if the text has none.

    Ask first whether it is the code of a known dossier: sources may have codes of digits alone.
    """
    text = typed[:LONGEST_TEXT]
    found = next(_numbers(text), None)
    if found is None or _is_a_code(_STANDING.sub(" ", tidied(text).upper())):
        return None
    phone = read_phone(text)
    return phone if phone.e164 else read_phone(found)  # read out, without its 0, or with a letter for a digit


def _numbers(text: str) -> Iterator[str]:
    """What is like a phone: as written first, since names are also words for digits (Ba, Tư, Năm, Bảy)."""
    plain = _plain(text)
    if standing := _STANDING.search(plain):
        yield standing[0]
    for letters in (letters_of(plain), letters_of(as_said(tidied(text)))):
        if run := _LIKE_A_PHONE.search(_O_FOR_ZERO.sub("0", letters)):
            yield run[0]
    for short in _WITHOUT_ZERO.finditer(plain):
        if read_phone(short["digits"]).verdict is PhoneVerdict.MOBILE:
            yield short["digits"]


def _plain(text: str) -> str:
    return unaccented(tidied(text)).upper()


def _is_a_code(text: str) -> bool:
    """Whether it has a national code: without its dots «G09.12-240219-0001» has the digits of a phone."""
    try:
        return any(parse_code(code) for code in spellings(text))
    except ValueError:
        return False
