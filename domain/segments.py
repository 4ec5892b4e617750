"""Count the SMS segments of a text: each is charged, and one accented letter more than halves the capacity.

Sources: 3GPP TS 23.038 (GSM 7-bit alphabet and its extension), TS 23.040 (concatenation: 153 and 67 per segment).
"""

from __future__ import annotations

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("\f^{}\\[~]|€")  # two places each

_GSM_ALONE, _GSM_JOINED = 160, 153
_UCS_ALONE, _UCS_JOINED = 70, 67


def is_gsm(text: str) -> bool:
    """Whether the 7-bit alphabet contains every letter of `text`."""
    return _BASIC.union(_EXTENSION).issuperset(text)


def segments(text: str) -> int:
    """The number of segments, at least 1. A letter that takes two places is never split."""
    if is_gsm(text):
        return _count([2 if char in _EXTENSION else 1 for char in text], _GSM_ALONE, _GSM_JOINED)
    return _count([2 if ord(char) > 0xFFFF else 1 for char in text], _UCS_ALONE, _UCS_JOINED)  # noqa: PLR2004 (UTF-16)


def _count(places: list[int], alone: int, joined: int) -> int:
    if sum(places) <= alone:
        return 1
    number, used = 1, 0
    for place in places:
        if used + place > joined:
            number, used = number + 1, 0
        used += place
    return number
