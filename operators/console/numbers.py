"""Numbers and lengths of time as people read them in the language of a page."""

from __future__ import annotations

from ledger.notices.lists import BoundedCount
from operators.console.words import word

_UNITS = (("days", 86_400), ("hours", 3600), ("minutes", 60))


def number_said(language: str, number: int) -> str:
    """'12.345' in Vietnamese, '12,345' in English."""
    said = f"{number:,}"
    return said.replace(",", ".") if language == "vi" else said


def count_said(language: str, count: BoundedCount) -> str:
    """'12.345', or 'hơn 10.000' where the count stopped."""
    said = number_said(language, count.number)
    return word(language, "numbers.more", number=said) if count.more else said


def share_said(language: str, share: float) -> str:
    """A share of one: '66,7 %' in Vietnamese, '66.7 %' in English."""
    said = f"{100 * share:.1f} %"
    return said.replace(".", ",") if language == "vi" else said


def length_said(language: str, seconds: float) -> str:
    """A length of time by its largest unit: '5 giây', '12 phút', '3 giờ', '2 ngày'."""
    for name, size in _UNITS:
        if seconds >= size:
            return word(language, f"numbers.{name}", number=number_said(language, int(seconds // size)))
    return word(language, "numbers.seconds", number=max(0, int(seconds)))
