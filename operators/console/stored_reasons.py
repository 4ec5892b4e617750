"""The reasons of notices for a page: the sentence, who acts and what to do, and the stored text beside it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from operators.console.words import word
from operators.phrasebook import phrase


@dataclass(frozen=True, slots=True)
class SaidReason:
    """A stored reason in the language of a page; `stored` is empty where the sentence is the stored text itself."""

    text: str
    todo: str
    who: str
    stored: str


@lru_cache(4096)
def said(language: str, reason: str | None) -> SaidReason:
    """The sentence for a stored reason."""
    if not reason:
        return SaidReason(word(language, "lists.no_reason"), "", "", "")
    found = phrase(reason)
    text, todo = (found.en, found.todo_en) if language == "en" else (found.vi, found.todo_vi)
    return SaidReason(text, todo, found.who.value if todo else "", reason if found.known and text != reason else "")
