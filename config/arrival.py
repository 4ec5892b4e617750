"""Read raw settings: strip what editors, shells and secret stores add to a value, and report unknown names.

The environment overrides `.env`, which overrides the world of a running `hcc up`; an empty value counts as not set.
`hcc` commands put that world into their environment, as the processes of `hcc up` have it (`operators/world.py`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from dotenv import dotenv_values

PREFIX = "HCC_"
TEXT = "utf-8-sig"
"""The encoding of every file that a person may have edited: Windows' editors put a byte order mark before UTF-8."""

_CLOSE = 2  # letters: a name this close to a known one is a misspelling
_ALIKE = 3  # letters at the end that must be equal
_UNSEEN = "\ufeff\u200b\u2060"  # byte order mark, zero-width space, word joiner

_OF_TESTS = frozenset({"HCC_CHAOS_CLOCK", "HCC_CHAOS_NOTICES", "HCC_CHAOS_PAUSES", "HCC_CHAOS_SEED", "HCC_HISTORIES"})
"""Names that are not settings, but known."""


def tidy(value: str) -> str:
    """A value without surrounding blanks, line breaks and marks, which `$(cat secret)` and secret stores leave."""
    bare = value.strip()
    while bare != (bare := bare.strip(_UNSEEN).strip()):
        pass
    return bare


def layered(*files: Path) -> dict[str, str]:
    """All values that are not empty: the environment overrides the files, and later files override earlier ones.

    Our names are case-insensitive, as in pydantic. Raises `ValueError`, in the operator's language, if a file is not
    UTF-8.
    """
    layers: list[Mapping[str, str | None]] = [*map(_file, files), os.environ]
    merged: dict[str, str] = {}
    for layer in layers:
        for name, value in layer.items():
            if bare := tidy(value or ""):
                merged[name.upper() if name.upper().startswith(PREFIX) else name] = bare
    return merged


def _file(path: Path) -> dict[str, str | None]:
    try:
        return dotenv_values(path, encoding=TEXT)
    except UnicodeDecodeError:
        raise ValueError(f"{path.name}: tệp không phải mã UTF-8; lưu lại tệp với mã UTF-8") from None


def misspelt(names: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """The names within two letters of a known one, each with the known one: their values would be silently ignored."""
    names, known = set(names), sorted(known)
    found: dict[str, str] = {}
    for name in sorted(_unknown(names, known)):
        near = min(known, key=lambda one: distance(name, one), default="")
        if near and distance(name, near) <= _CLOSE:
            found[name] = near
    for name in sorted(name for name in names if not name.startswith(PREFIX)):
        for one in known:  # HC_POLL_SECONDS: the prefix itself is misspelt; few foreign names end alike
            if name[-_ALIKE:] == one[-_ALIKE:] and abs(len(one) - len(name)) <= 1 and distance(name, one) == 1:
                found[name] = one
    return found


def unheard_of(names: Iterable[str], known: Iterable[str]) -> list[str]:
    """Unknown names with our prefix that are not close to a known one: perhaps from another release."""
    names, known = set(names), set(known)
    return sorted(_unknown(names, known) - misspelt(names, known).keys())


def _unknown(names: Iterable[str], known: Iterable[str]) -> set[str]:
    return {name for name in names if name.startswith(PREFIX)} - set(known) - _OF_TESTS


def distance(one: str, other: str) -> int:
    """How many letters must be added, removed or changed to turn one into the other (Levenshtein)."""
    row = list(range(len(other) + 1))
    for number, letter in enumerate(one, 1):
        above, row[0] = row[0], number
        for place, wanted in enumerate(other, 1):
            above, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, above + (letter != wanted))
    return row[-1]
