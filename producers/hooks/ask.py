"""Reads what the writer of a chat message wants. Pure; never raises, whatever was written.

People write as they speak: without accents, in any case, with a word too many. Wishes that change something are read
strictly (`switching`), mere questions generously.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache

from domain.spelling import letters_of, tidied
from domain.text import unaccented
from producers.hooks.switching import switch
from producers.hooks.wish import Wish

__all__ = ["Ask", "Wish", "names", "read_ask"]

LONGEST = 200  # characters of a message that are read


@dataclass(frozen=True, slots=True)
class Ask:
    """`letters` are the letters and digits of the message; a code is found in them however it was typed."""

    wish: Wish
    letters: str = field(default="", repr=False)


def read_ask(text: str) -> Ask:
    """What a message wants."""
    tidy = tidied(text[:LONGEST])
    tokens = re.findall(r"\w+", tidy.casefold())
    plain = unaccented(" ".join(tokens))
    wish = switch(tokens, asks="?" in tidy) or _reply(plain) or _question(unaccented(tidy).upper(), plain)
    return Ask(wish, letters_of(tidy))


def names(ask: Ask, code: str) -> bool:
    """Whether the message spells this code, whatever blanks, dots and dashes are between its letters."""
    wanted = _letters_of(code)
    if len(wanted) < _SHORTEST or not any(char.isdigit() for char in wanted):
        return False
    place = ask.letters.find(wanted)
    while place >= 0:
        if not ask.letters[place + len(wanted) :][:1].isdigit():  # otherwise it is another code that begins like this
            return True
        place = ask.letters.find(wanted, place + 1)
    return False


def spells(ask: Ask, code: str) -> bool:
    """Whether the message spells this code and no other number: a list of guesses spells none."""
    return names(ask, code) and digits(ask.letters) == digits(_letters_of(code))


def digits(letters: str) -> int:
    """The number of digits in `letters`."""
    return sum(char.isdigit() for char in letters)


_SHORTEST = 5  # letters and digits of a code: a shorter one may be in a message by chance

# A code by the national grammar, with blanks anywhere between its groups, with or without its dots.
_CODE = re.compile(
    r"(?<![A-Z0-9])[A-Z] ?[0-9]{2}[A-Z0-9. ]{0,30}[ -]{1,5}[0-9]{6}(?:[0-9]{2})?[ -]{1,5}[0-9]{4,7}(?![A-Z0-9])"
)
_RUN_TOGETHER = re.compile(r"(?<![A-Z0-9])[A-Z][0-9]{2}[A-Z0-9]{0,12}[0-9]{10,15}(?![A-Z0-9])")
_LOOK_UP = re.compile(r"^(?:(?:tra ?cuu|ma ?ho ?so)\b.*[0-9]|(?:ho ?so|hs|kiem tra|xem)\b.*[0-9]{4})")
_MINE = re.compile(r"\b(?:ho ?so|hs) (?:cua )?(?:toi|minh|em|con|chau|anh|chi|co|chu|bac|ong|ba)\b|^hosocuatoi$")
_HELP = re.compile(r"\b(?:tro ?giup|huong dan)\b|^(?:help|menu|giup|giup do)$")


_NO = re.compile(r"^(?:khong|ko|no)(?: (?:phai|dong y|phai (?:la )?(?:toi|minh|em)))?$")
_CODE_SENT = re.compile(r"^(?:(?:ma|otp|ma xac nhan) )?(?:[0-9]{6}|[0-9]{3} [0-9]{3})$")


def _reply(plain: str) -> Wish | None:
    """A reply to the OA's question, if the message contains nothing else."""
    if _CODE_SENT.search(plain):
        return Wish.CODE
    return Wish.NO if _NO.search(plain) else None


def _question(upper: str, plain: str) -> Wish:
    if _CODE.search(upper) or _RUN_TOGETHER.search(upper) or _LOOK_UP.search(plain):
        return Wish.DOSSIER
    if _MINE.search(plain):
        return Wish.MINE
    return Wish.HELP if _HELP.search(plain) else Wish.OTHER


@lru_cache(4096)
def _letters_of(code: str) -> str:
    """Cached, because a flood of messages asks for the same few hundred codes again and again."""
    return letters_of(tidied(code))
