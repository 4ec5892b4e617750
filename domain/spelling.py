"""Read a dossier's code as people type it, by the same rules in the chat and in the operators' search.

A code that was copied from a letter or typed on a phone may have inner blanks, dashes of any kind, missing dots, lower
case and invisible marks. It may stand in a sentence, in a link, or after a scanner's prefix. The result is only used
for searching; the source's spelling is never changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import islice
from unicodedata import category, normalize
from urllib.parse import unquote

from domain.code import LONGEST, normalize_code, parse_code
from domain.spoken import as_said, without_lead
from domain.text import nfc, unaccented

_LONGEST_UNIT = 8  # letters and digits below the province; they can be split into groups in 108 ways
_DAYS = (6, 8)  # digits
_NUMBERS = range(4, 8)  # digits
_GROUP = 4  # letters and digits at most

_NEW = re.compile(r"(?P<root>[A-Z][0-9]{2})(?P<rest>[0-9A-Z]{10,23})")
_OLD = re.compile(r"([0-9]{3})([0-9]{2})([0-9]{2})([A-Z][0-9]{2})([0-9]{6})([0-9]{4,7})")

LONGEST_TEXT = 10_000  # characters of a pasted text that are read
_MOST_INSIDE = 10  # codes of one text
_MOST = 900  # spellings

_POINTS = " .,;:!?()[]<>«»\"'“”‘’…"
_ONE_WORD = re.compile(r"[^\W_]+(?:[-./_][^\W_]+)*")  # as a code without grammar looks
_SYMBOLOGY = re.compile(r"\A\s*\][A-Za-z][0-9A-Za-z]")  # ISO/IEC 15424: «]C1» is GS1-128, «]Q3» a QR code
_NAMED = re.compile(r"(?<!\w)(?:ma[-_]?ho[-_]?so|ma[-_]?hs)=([^&#\s]+)", re.IGNORECASE)

# A national code inside a text. Repetitions are bounded: a long text takes time in proportion to its length.
_INSIDE = re.compile(
    r"""
    (?<![^\W_]) (?<![^\W_][.-])
    (?: [0-9]{3} [. ]?[0-9]{2} [. ]?[0-9]{2} [. ]?[A-Z][0-9]{2}
      | [A-Z][ ]?[0-9]{2} (?: [0-9A-Z]{0,8} | (?: [ ]?\.[ ]?[0-9A-Z]{1,4} | [ ][0-9][0-9A-Z]{0,3} ){1,5} )
    )
    (?: [ ._-]{1,3} (?:[0-9]{8}|[0-9]{6}) [ ._-]{1,3} [0-9]{4,7} | [0-9]{10,15} )
    (?! [^\W_] | [-./][0-9] | -[^\W_] )
    """,
    re.VERBOSE,
)


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

    A code is also found inside a sentence, a link or a scanner's line. What was typed as one word comes first as typed.
    Raises `ValueError` if it cannot be a code at all.
    """
    read = (code for text in _readings(typed) if (code := _code(text)))
    found = dict.fromkeys(islice(read, _MOST))
    if not found:
        normalize_code(typed)
        raise ValueError("a dossier code has at least one digit")
    return list(found)


def looks_like_a_code(text: str) -> bool:
    """Whether the text has the shape of a code: a national one, or words that each have a digit.

    «hồ sơ HS/2024-15» has it. A name has not, nor has «số 7/2024 (bổ sung)»: only the ledger knows such a code.
    """
    closed = _closed(tidied(text))
    if _is_national(closed):
        return True
    words = [word.strip(_POINTS) for word in without_lead(closed).split()]
    return bool(words) and all(_ONE_WORD.fullmatch(word) and _has_digit(word) for word in words)


def _readings(typed: str) -> Iterator[str]:
    text = _unwrapped(typed[:LONGEST_TEXT])
    tidy = tidied(text)
    inside = list(islice(_inside(tidy), _MOST_INSIDE))
    one_word = _ONE_WORD.fullmatch(tidy) is not None
    if not one_word:
        for part in inside:
            yield from _as_a_whole(part, part)
    if len(tidy) <= 4 * LONGEST:
        yield from _as_a_whole(text, tidy)
    if one_word:
        for part in inside:
            yield from _as_a_whole(part, part)


def _as_a_whole(typed: str, tidy: str) -> Iterator[str]:
    """The readings of a text that is a code and nothing else, but for a word before it."""
    close = _closed(tidy)
    yield from (typed, tidy, close, close.replace(" ", "-"), close.replace(" ", ""))
    yield without_lead(close).strip(_POINTS)
    yield from _by_grammar(letters_of(tidy))


def _unwrapped(text: str) -> str:
    """Without a scanner's prefix, and with the characters that a link percent-encodes, perhaps twice."""
    text = _SYMBOLOGY.sub("", text)
    for _ in range(2):
        text = unquote(text)
    return text


def _inside(tidy: str) -> Iterator[str]:
    """The codes that stand in a text: in a link's `mahoso`, then those of the national grammars, then those said."""
    yield from (named[1].strip(_POINTS) for named in _NAMED.finditer(tidy))
    yield from _national(tidy)
    if (said := as_said(tidy)) != tidy:
        if parse_code(squeezed := said.replace(" ", "").upper()):
            yield squeezed
        yield from _national(said)


def _national(tidy: str) -> Iterator[str]:
    return (code[0] for code in _INSIDE.finditer(tidy.upper()) if _is_national(_closed(code[0])))


def _is_national(closed: str) -> bool:
    return parse_code(closed.upper()) is not None or next(_by_grammar(letters_of(closed)), None) is not None


def _closed(tidy: str) -> str:
    return re.sub(r" ?([-./]) ?", r"\1", tidy)


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
        code = normalize_code(text)
    except ValueError:
        return None
    return code if _has_digit(code) else None


def _has_digit(text: str) -> bool:
    return any(char.isdecimal() for char in text)
