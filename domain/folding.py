"""Compare words of other programs as a reader sees them: two that look the same are equal.

`folded` is the only spelling by which words are compared. It ignores composition (NFC, NFD), full-width forms, case,
look-alike letters of other alphabets, the kind of a blank or a dash, invisible marks, and which vowel of a syllable
carries the tone: 'hoà' and 'hòa', 'uỷ' and 'ủy' are two spellings of one word.
"""

from __future__ import annotations

import re
from unicodedata import category, decimal, normalize

LONGEST_WORD = 200  # characters; a longer text is not a word of a mapping and is compared unfolded

_TONES = frozenset("\u0300\u0301\u0303\u0309\u0323")  # huyền, sắc, ngã, hỏi, nặng: one per syllable
_BLANK_LETTERS = "\u2800\u3164\u115f\u1160\uffa0"  # letters and symbols by category, but displayed as blanks
_UNSEEN = re.compile(r"[\u034f\u17b4\u17b5\ufe00-\ufe0f\U000e0100-\U000e01ef]")  # zero-width marks that are not Cf

_CYRILLIC = "АВЕЅІЈКМНОРСТУХԚԜавеѕіјкморсухԛԝһԁ", "ABESIJKMHOPCTYXQWabesijkmopcyxqwhd"
_GREEK = "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧοιυνα", "ABEZHIKMNOPTYXoiuva"
_LATIN = "ÐðƉɖıɑɡ", "ĐđĐđiag"
_LOOKALIKES = str.maketrans(_CYRILLIC[0] + _GREEK[0] + _LATIN[0], _CYRILLIC[1] + _GREEK[1] + _LATIN[1])
_STRUCK_D = re.compile("([dD])([\u0300-\u0334\u0337-\u036f]*)[\u0335\u0336]")
_SYLLABLE = re.compile(r"[\w\u0300-\u036f]+")
_LETTERS = re.compile(r".[\u0300-\u036f]*", re.DOTALL)
_VOWELS = frozenset("aeiouy")
_DASHES = re.compile(r"[\u2010-\u2015\u2212\u2e3a\u2e3b\ufe58\ufe63]")
_SLASHES = str.maketrans({"\u2044": "/", "\u2215": "/", "\u2018": "'", "\u2019": "'", "\u02bc": "'"})


def folded(text: str) -> str:
    """The spelling by which words are compared; folding is idempotent.

    >>> folded("\\u00a0Hoà  GIẢI\\u200b") == folded("hòa giải")
    True
    """
    if len(text) > LONGEST_WORD:
        return text.strip()
    while (once := _fold(text)) != text:
        text = once
    return text


def seen(text: str) -> str:
    """The text without invisible characters: format characters, other zero-width marks, NUL and other controls."""
    return "".join(char for char in _UNSEEN.sub("", text) if category(char) not in ("Cf", "Cc") or char in "\t\n\r\f\v")


def ascii_digits(text: str) -> str:
    """The text with digits of every script converted to 0 to 9."""
    return text if text.isascii() else "".join(str(decimal(char, char)) for char in text)


def latin(text: str) -> str:
    """The text with look-alike letters of other alphabets converted to Latin ones."""
    return text if text.isascii() else text.translate(_LOOKALIKES)


def _fold(text: str) -> str:
    if text.isascii() and text.isprintable():
        return " ".join(text.casefold().split())
    plain = normalize("NFKD", _spaced(_DASHES.sub("-", text)))
    struck = _STRUCK_D.sub(lambda match: ("đ" if match[1] == "d" else "Đ") + match[2], seen(plain))
    alike = normalize("NFKD", latin(struck).translate(_SLASHES).casefold())
    spelt = _SYLLABLE.sub(_tone_in_place, ascii_digits(latin(alike)))
    return normalize("NFC", " ".join(spelt.split()))


def _spaced(text: str) -> str:
    """The text with every kind of blank and every control character converted to a space."""
    blanks = (" " if char.isspace() or char in _BLANK_LETTERS or category(char) == "Cc" else char for char in text)
    return "".join(blanks)


def _tone_in_place(syllable: re.Match[str]) -> str:
    """Move the tone to one fixed letter of its syllable, nearly always the letter of the old spelling."""
    tones = "".join(char for char in syllable[0] if char in _TONES)
    if not tones:
        return syllable[0]
    letters = _LETTERS.findall("".join(char for char in syllable[0] if char not in _TONES))
    place = _nucleus(letters)
    return "".join([*letters[: place + 1], tones, *letters[place + 1 :]])


def _nucleus(letters: list[str]) -> int:
    """Which letter carries the tone: the last vowel with a mark; else the last before a consonant, or last but one."""
    start = 2 if letters[:2] in (["q", "u"], ["g", "i"]) and letters[2:3] and letters[2][0] in _VOWELS else 0
    vowels = [place for place, letter in enumerate(letters) if letter[0] in _VOWELS and place >= start]
    if not vowels:
        return len(letters) - 1
    marked = [place for place in vowels if len(letters[place]) > 1]
    open_end = vowels[-1] == len(letters) - 1 and len(vowels) > 1
    return marked[-1] if marked else vowels[-2] if open_end else vowels[-1]
