"""The words for states, outcomes, channels, kinds and causes, in Vietnamese and English (`words.toml`)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("words.toml")


@dataclass(frozen=True, slots=True)
class Word:
    """One idea in both languages."""

    vi: str
    en: str

    def in_language(self, language: str) -> str:
        """The word in `vi` or `en`."""
        return self.en if language == "en" else self.vi


@cache
def words(table: str) -> Mapping[str, Word]:
    """A table of `words.toml`, for example states, outcomes, channels, kinds, holds, proofs or causes.

    Its keys are the names that the ledger stores, and of `holds` the values of `domain.held.HeldBy`.
    """
    return {name: Word(*pair) for name, pair in _tables()[table].items()}


def word_of(table: str, name: str) -> Word:
    """The word for a stored name; the name itself if the table does not have it."""
    return words(table).get(name) or Word(name, name)


@cache
def _tables() -> Mapping[str, Mapping[str, list[str]]]:
    return tomllib.loads(_FILE.read_text("utf-8"))
