"""Decides what may be shown of a value of the source: its shape, or a word that cannot be about a person."""

from __future__ import annotations

import re
from hashlib import sha256

from producers.dossiers.mapping import word

LONGEST_SHOWN = 60  # characters; a status is shorter

_NAME = re.compile(r"(\w+ ){1,5}\w+")
_FAMILIES = frozenset(
    {
        *("nguyễn", "trần", "lê", "phạm", "hoàng", "huỳnh", "phan", "vũ", "võ", "đặng", "bùi", "đỗ", "hồ", "ngô"),
        *("dương", "lý", "đinh", "đoàn", "trịnh", "mai", "cao", "tạ", "hà", "lưu", "tô", "thái", "châu", "lâm"),
    }
)


def shape(value: object) -> str:
    """The shape of a text: digits as 9, letters as A and a; nothing of its content."""
    letters = (
        "9" if char.isdigit() else "A" if char.isupper() else "a" if char.isalpha() else char for char in str(value)
    )
    return "".join(letters)[:40]


def showable(value: object) -> str:
    """An unknown word itself, since it must be added to the mapping; only its shape if it may be about a person."""
    said = " ".join(str(value).split())
    like_a_name = _NAME.fullmatch(said) and said.split()[0].casefold() in _FAMILIES and _is_titled(said)
    if len(said) > LONGEST_SHOWN or not said.isprintable() or like_a_name or re.search(r"\d{5}|(\d\W?){9}|@", said):
        return f"‹{shape(said)}›"
    return f"«{said}»"


def mark_of(value: object) -> str:
    """A word's mark: identifies it in the ledger, which stores no word that may be about a person."""
    return sha256(word(value).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _is_titled(said: str) -> bool:
    return all(part[0].isupper() for part in said.split())
