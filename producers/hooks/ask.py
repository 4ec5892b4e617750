"""What somebody wants who writes in the chat. Pure; never raises, whatever was written.

People write as they speak: without accents, in any case, with a word too many. What changes something (notices off)
is read strictly: "dừng nhận tin" is a wish, "hồ sơ bị dừng à" is a question.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from unicodedata import category, normalize

from worker.domain.text import nfc, unaccented

LONGEST = 200  # characters of a message that are looked at


class Wish(StrEnum):
    """What the person wants."""

    DOSSIER = "dossier"  # the time line of the dossier that the message names
    MINE = "mine"  # of the newest dossiers of their phone
    OFF = "off"
    ON = "on"
    HELP = "help"
    OTHER = "other"  # not understood


@dataclass(frozen=True, slots=True)
class Ask:
    """`letters` are the letters and digits of the message, in which a code is found however it was typed."""

    wish: Wish
    letters: str = field(default="", repr=False)


def read_ask(text: str) -> Ask:
    """What a message wants."""
    tidy = _tidy(text)
    tokens = re.findall(r"\w+", tidy.casefold())
    plain = unaccented(" ".join(tokens))
    return Ask(_switch(tokens) or _question(unaccented(tidy).upper(), plain), _letters(tidy))


def names(ask: Ask, code: str) -> bool:
    """Whether the message spells this code: whatever blanks, dots and dashes stand between its letters."""
    wanted = _letters_of(code)
    if len(wanted) < _SHORTEST or not any(char.isdigit() for char in wanted):
        return False
    place = ask.letters.find(wanted)
    while place >= 0:
        if not ask.letters[place + len(wanted) :][:1].isdigit():  # else it is another code that begins like this one
            return True
        place = ask.letters.find(wanted, place + 1)
    return False


_SHORTEST = 5  # letters and digits of a code that a message may name without being taken for one by chance

# A code as the national grammar has it, with blanks anywhere between its groups, with or without its dots.
_CODE = re.compile(
    r"(?<![A-Z0-9])[A-Z] ?[0-9]{2}[A-Z0-9. ]{0,30}[ -]{1,5}[0-9]{6}(?:[0-9]{2})?[ -]{1,5}[0-9]{4,7}(?![A-Z0-9])"
)
_RUN_TOGETHER = re.compile(r"(?<![A-Z0-9])[A-Z][0-9]{2}[A-Z0-9]{0,12}[0-9]{10,15}(?![A-Z0-9])")
_LOOK_UP = re.compile(r"^(?:(?:tra ?cuu|ma ?ho ?so)\b.*[0-9]|(?:ho ?so|hs|kiem tra|xem)\b.*[0-9]{4})")
_MINE = re.compile(r"\b(?:ho ?so|hs) (?:cua )?(?:toi|minh|em|con|chau|anh|chi|co|chu|bac|ong|ba)\b|^hosocuatoi$")
_HELP = re.compile(r"\b(?:tro ?giup|huong dan)\b|^(?:help|menu|giup|giup do)$")


def _question(upper: str, plain: str) -> Wish:
    if _CODE.search(upper) or _RUN_TOGETHER.search(upper) or _LOOK_UP.search(plain):
        return Wish.DOSSIER
    if _MINE.search(plain):
        return Wish.MINE
    return Wish.HELP if _HELP.search(plain) else Wish.OTHER


_POLITE = frozenset({"xin", "vui", "long", "hay", "toi", "minh", "em", "muon", "cho", "yeu", "cau", "de", "nghi"})
_SUBJECT = frozenset({"nhan", "tin", "thong", "bao", "gui"})
_TAIL = _SUBJECT | {
    "lai",
    "di",
    "a",
    "nhe",
    "nha",
    "ngay",
    "nua",
    "cac",
    "moi",
    "tat",
    "ca",
    "cho",
    "toi",
    "minh",
    "em",
}
_STOP = frozenset({"dừng", "dưng", "ngừng", "ngưng", "ngung", "stop"})
_BARE_STOP = "dung"  # also how "đúng", "dùng" and "đừng" are typed in haste: alone, or with what is to end
_DONT = "đừng"  # "don't": with what is to end


def _switch(tokens: list[str]) -> Wish | None:
    """A wish to hear no more, or to hear again; None where a single word says something else."""
    rest = list(tokens)
    while rest and unaccented(rest[0]) in _POLITE:
        rest.pop(0)
    tail = {unaccented(token) for token in rest[1:]}
    polite = len(rest) < len(tokens)
    if rest and tail <= _TAIL:
        if rest[0] in _STOP or (rest[0] == _BARE_STOP and not polite and not tail):
            return Wish.OFF
        if rest[0] in (_BARE_STOP, _DONT) and tail & _SUBJECT:
            return Wish.OFF
    again = unaccented(" ".join(rest))
    found = re.match(r"tiep ?tuc\b", again)
    if found and set(again[found.end() :].split()) <= _TAIL:
        return Wish.ON
    return None


def _tidy(text: str) -> str:
    """Composed, every dash a hyphen, every blank one blank, nothing invisible."""
    shown = "".join(_as_typed(char) for char in normalize("NFKC", text[:LONGEST]))
    return nfc(" ".join(shown.split()))


def _as_typed(char: str) -> str:
    kind = category(char)
    if kind == "Cf":  # soft hyphens, marks of direction, joiners
        return ""
    return "-" if kind == "Pd" or char == "\N{MINUS SIGN}" else char


@lru_cache(4096)
def _letters_of(code: str) -> str:
    """A flood of messages asks for the same few hundred codes again and again."""
    return _letters(_tidy(code))


def _letters(tidy: str) -> str:
    return "".join(char for char in unaccented(tidy).upper() if char.isalnum())
