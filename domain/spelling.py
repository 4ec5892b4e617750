"""Read a dossier's code as people type it, by the same rules in the chat and in the operators' search.

A code that was copied from a letter or typed on a phone may have inner blanks, dashes of any kind, missing dots, lower
case and invisible marks. The result is only used for searching; the source's spelling is never changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from unicodedata import category, normalize

from domain.code import LONGEST, normalize_code, parse_code
from domain.text import nfc, unaccented

_LONGEST_UNIT = 8  # letters and digits below the province; they can be split into groups in 108 ways
_DAYS = (6, 8)  # digits
_NUMBERS = range(4, 8)  # digits
_GROUP = 4  # letters and digits at most

_NEW = re.compile(r"(?P<root>[A-Z][0-9]{2})(?P<rest>[0-9A-Z]{10,23})")
_OLD = re.compile(r"([0-9]{3})([0-9]{2})([0-9]{2})([A-Z][0-9]{2})([0-9]{6})([0-9]{4,7})")


def tidied(text: str) -> str:
    """The text composed, with every dash as a hyphen, blanks as one blank, and without invisible characters."""
    shown = "".join(_as_typed(char) for char in normalize("NFKC", text))
    return nfc(" ".join(shown.split()))


def _as_typed(char: str) -> str:
    kind = category(char)
    if kind == "Cf":  # soft hyphens, direction marks, joiners
        return ""
    return "-" if kind == "Pd" or char == "\N{MINUS SIGN}" else char


def letters_of(tidy: str) -> str:
    """The letters and digits only, by which a code is found however it was typed."""
    return "".join(char for char in unaccented(tidy).upper() if char.isalnum())


def spellings(typed: str) -> list[str]:
    """The codes that this text may mean, as spelt in the ledger, the likeliest first.

    Raises `ValueError` if it cannot be a code at all.
    """
    found = dict.fromkeys(code for text in _readings(typed[: 4 * LONGEST]) if (code := _code(text)))
    return list(found) or [normalize_code(typed)]


def _readings(typed: str) -> Iterator[str]:
    tidy = tidied(typed)
    if parse_code(said := as_said(tidy)):
        yield said
    close = re.sub(r" ?([-./]) ?", r"\1", tidy)
    yield from (typed, tidy, close, close.replace(" ", "-"), close.replace(" ", ""))
    yield from _by_grammar(letters_of(tidy))


_SAID = {
    "chấm": ".", "gạch": "-", "gạch ngang": "-", "gạch nối": "-", "trừ": "-", "hát": "H",
    "không": "0", "một": "1", "hai": "2", "ba": "3", "bốn": "4", "tư": "4", "năm": "5", "lăm": "5", "sáu": "6",
    "bảy": "7", "tám": "8", "chín": "9",
    "mã hồ sơ": "", "hồ sơ": "", "mã số": "", "mã": "", "số": "", "hs": "",
}  # fmt: skip
"""Words of a code that is read out, and those that are said before it → what is written."""

_WRITTEN = {unaccented(word): written for word, written in _SAID.items()}
_SAID_WORDS = re.compile(rf"(?<!\w)(?:{'|'.join(sorted(_WRITTEN, key=len, reverse=True))})(?!\w):?", re.IGNORECASE)


def as_said(tidy: str) -> str:
    """«hồ sơ H27 chấm 37 gạch 240219 gạch 1001» → «H27.37-240219-1001»; a text without such words stays as it is."""
    plain = unaccented(tidy)
    if len(plain) != len(tidy) or not _SAID_WORDS.search(plain):
        return tidy
    return re.sub(r"\s+", "", _SAID_WORDS.sub(lambda word: _WRITTEN[word[0].rstrip(":").lower()], plain)).upper()


def _by_grammar(letters: str) -> Iterator[str]:
    """The codes of the national grammars with these letters and digits, whose groups are not marked."""
    if old := _OLD.fullmatch(letters):
        yield f"{'.'.join(old.groups()[:4])}-{old[5]}-{old[6]}"
    new = _NEW.fullmatch(letters)
    if new is None:
        return
    for day in _DAYS:
        for number in _NUMBERS:
            cut = len(new["rest"]) - day - number
            if 0 <= cut <= _LONGEST_UNIT:
                below, when, which = new["rest"][:cut], new["rest"][cut : cut + day], new["rest"][cut + day :]
                for groups in _cuts(cut):
                    code = f"{'.'.join([new['root'], *_cut(below, groups)])}-{when}-{which}"
                    if parse_code(code):
                        yield code


@cache
def _cuts(length: int) -> tuple[tuple[int, ...], ...]:
    """All ways to split `length` characters into groups; groups of two first, as most units have them."""
    if not length:
        return ((),)
    sizes = sorted(range(1, min(_GROUP, length) + 1), key=lambda size: size != _USUAL)
    return tuple((size, *rest) for size in sizes for rest in _cuts(length - size))


_USUAL = 2


def _cut(text: str, sizes: tuple[int, ...]) -> Iterator[str]:
    for size in sizes:
        yield text[:size]
        text = text[size:]


def _code(text: str) -> str | None:
    try:
        return normalize_code(text)
    except ValueError:
        return None
