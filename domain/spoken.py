"""Read a code or a number as it is said aloud: «hát hai bảy chấm ba mươi bảy», with or without accents."""

from __future__ import annotations

import re

from domain.text import unaccented

_MARKS = {
    "chấm": ".", "gạch": "-", "gạch ngang": "-", "gạch nối": "-", "trừ": "-", "dấu": "", "hát": "H",
}  # fmt: skip
_DIGITS = {
    "không": "0", "một": "1", "hai": "2", "ba": "3", "bốn": "4", "tư": "4", "năm": "5", "lăm": "5", "nhăm": "5",
    "sáu": "6", "bảy": "7", "tám": "8", "chín": "9",
}  # fmt: skip
_TENS = {"mười": "t", "mươi": "m", "trăm": "c", "nghìn": "k", "ngàn": "k", "linh": "l", "lẻ": "l"}
_BEFORE = {
    "mã hồ sơ": "", "hồ sơ": "", "mã số": "", "mã": "", "số": "", "hs": "", "mhs": "",
}  # fmt: skip
"""Words that are said before a code."""

_WRITTEN = {unaccented(word): written for word, written in (_MARKS | _DIGITS | _TENS | _BEFORE).items()}


def _any_of(words: dict[str, str]) -> str:
    plain = {unaccented(word) for word in words}
    return rf"(?<!\w)(?:{'|'.join(sorted(plain, key=len, reverse=True))})(?!\w)"


_WORD = re.compile(_any_of(_WRITTEN), re.IGNORECASE)
_RUN = re.compile(rf"[ ,;]*{_WORD.pattern}(?:[ ,;:]+{_WORD.pattern})*[ ,;:]*", re.IGNORECASE)
_LEAD = re.compile(rf"(?:{_any_of(_BEFORE)}(?:[ :]+|$))+", re.IGNORECASE)

# A digit before a larger unit belongs to that unit: «hai mươi | ba mươi» is 20 30.
_ONES = r"[1-9](?![mck])"
_AMOUNT = re.compile(
    rf"(?:(?P<thousands>[1-9])k)?(?:(?P<hundreds>[0-9])c)?"
    rf"(?:l(?P<few>[0-9])|(?P<tens>[2-9])m(?P<ones>{_ONES})?|(?P<ten>t)(?P<teen>{_ONES})?)?"
)


def as_said(tidy: str) -> str:
    """«hồ sơ H27 chấm 37 gạch 240219 gạch 1001 ạ» → « H27.37-240219-1001 ạ»; other words stay."""
    plain = _same_length(tidy)
    written, end = [], 0
    for run in _RUN.finditer(plain):
        written += [tidy[end : run.start()], _read(tidy, run)]
        end = run.end()
    return "".join([*written, tidy[end:]])


def without_lead(tidy: str) -> str:
    """«mã hồ sơ: HS/2024-15» → «HS/2024-15»."""
    lead = _LEAD.match(_same_length(tidy))
    return tidy[lead.end() :] if lead else tidy


def _same_length(tidy: str) -> str:
    """Without accents, each character in its place."""
    return "".join(bare if len(bare := unaccented(char)) == 1 else char for char in tidy)


def _read(tidy: str, run: re.Match[str]) -> str:
    """What is written for words that follow each other; the words themselves where they are no number."""
    tokens = ""
    for word in _WORD.finditer(run[0]):
        said = tidy[run.start() + word.start() : run.start() + word.end()].casefold()
        tokens += _token(said, _WRITTEN[word[0].casefold()], tokens)
    written = _AMOUNT.sub(_figures, tokens)
    if any(char.islower() for char in written):  # «trăm» without its digit
        return tidy[run.start() : run.end()]
    before = "" if written[:1] in {".", "-"} else " "
    after = "" if written[-1:] in {".", "-"} else " "
    return f"{before}{written}{after}"


def _token(said: str, written: str, before: str) -> str:
    """`m` is the ten of «ba mươi», `t` that of «mười ba»; without accents the digit before decides."""
    if said == "mười":
        return "t"
    if said == "muoi":
        return "m" if before[-1:] in set("23456789") else "t"
    return written


def _figures(amount: re.Match[str]) -> str:
    """The digits of one number: as many as its largest unit has."""
    part = amount.groupdict(default="")
    if not amount[0]:
        return ""
    low = f"{part['tens'] or ('1' if part['ten'] else '0')}{part['ones'] or part['teen'] or part['few'] or '0'}"
    if part["thousands"]:
        return f"{part['thousands']}{part['hundreds'] or '0'}{low}"
    if part["hundreds"]:
        return f"{part['hundreds']}{low}"
    return low if part["tens"] or part["ten"] else amount[0]
