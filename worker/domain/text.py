"""Vietnamese text: in one spelling (NFC), a plain one for what cannot carry accents, a safe one for what is shown."""

from __future__ import annotations

from collections.abc import Callable
from unicodedata import category, normalize

_BARRED = str.maketrans("đĐ", "dD")  # a letter of its own in Unicode: it does not decompose into d + a mark


def nfc(text: str) -> str:
    """The composed spelling of `text`; macOS and old keyboards type the decomposed one (R25)."""
    return normalize("NFC", text)


def unaccented(text: str) -> str:
    """`text` without its accents, 'Hồ sơ đã xong' → 'Ho so da xong': a quarter to half the price of an SMS."""
    letters = (char for char in normalize("NFD", text) if category(char) != "Mn")
    return nfc("".join(letters)).translate(_BARRED)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def shown(text: str, *, lines: bool = False, escape: Callable[[str], str] = _escaped) -> str:
    """`text` as it may be printed, logged or put into a table: control and format characters are seen, not obeyed.

    A dossier code or a reason is text of others: an escape sequence in it would move the cursor, a line break forge a
    line, an override turn the reading direction. `lines` keeps line breaks where a text of several lines is shown.
    """
    if lines:
        return "\n".join(shown(line, escape=escape) for line in text.split("\n"))
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or category(char) == "Zs" else escape(char) for char in text)
