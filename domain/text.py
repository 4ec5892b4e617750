"""Convert Vietnamese text: to one spelling (NFC), to one without accents for SMS, to one that is safe to display."""

from __future__ import annotations

from collections.abc import Callable
from unicodedata import category, normalize

_BARRED = str.maketrans("đĐ", "dD")  # a letter of its own in Unicode: it does not decompose into d + a mark


def nfc(text: str) -> str:
    """The composed spelling of `text`; macOS and old keyboards produce the decomposed one (R25)."""
    return normalize("NFC", text)


def unaccented(text: str) -> str:
    """`text` without its accents, 'Hồ sơ đã xong' → 'Ho so da xong': an SMS then costs a quarter to a half."""
    letters = (char for char in normalize("NFD", text) if category(char) != "Mn")
    return nfc("".join(letters)).translate(_BARRED)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def shown(text: str, *, lines: bool = False, escape: Callable[[str], str] = _escaped) -> str:
    """`text` made safe to print, log or put into a table: control and format characters are escaped.

    A dossier code or a reason is untrusted text: an escape sequence would move the cursor, a line break forge a line,
    an override reverse the reading direction. `lines` keeps the line breaks of a text of several lines.
    """
    if lines:
        return "\n".join(shown(line, escape=escape) for line in text.split("\n"))
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or category(char) == "Zs" else escape(char) for char in text)
