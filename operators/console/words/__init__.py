"""The console's words: one TOML file a language, found by dotted keys."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from operators.phrasebook import Word, word_of
from operators.phrasebook.book import capitalised

LANGUAGES = ("vi", "en")
"""The first one is spoken to people who have not chosen."""

_OF_PHRASEBOOK = frozenset({"states", "details", "outcomes", "channels", "kinds", "who", "causes"})
_FOLDER = Path(__file__).parent


@cache
def words(language: str) -> Mapping[str, str]:
    """Every word of a language by its dotted key."""
    return dict(_flat(tomllib.loads((_FOLDER / f"{language}.toml").read_text("utf-8"))))


def word(language: str, key: str, **values: object) -> str:
    """The words for a key, with `{name}` replaced by values. Raises `KeyError` for a key that does not exist."""
    found = words(language)[key]
    return found.format(**values) if values else found


def named(language: str, table: str, name: str) -> str:
    """The word for a name of a table of ours or of the phrasebook, to begin with; the name itself if there is none."""
    if table in _OF_PHRASEBOOK:
        return capitalised(said(language, word_of(table, name)))
    return words(language).get(f"{table}.{name}", name)


def said(language: str, one: Word) -> str:
    """A word of the phrasebook in a language."""
    return one.in_language(language)


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
