"""Sentences for the reasons that the ledger stores: pattern → Vietnamese, English, who acts, what to do.

The rows are in `reasons/*.toml`, grouped by what to do. A pattern is the stored text with places: `{reason}` takes a
reason of its own, `{Fault}` the name of an exception, any other place any text. The channels' reasons of one notice are
joined by "; ".
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cache, lru_cache
from pathlib import Path

from domain.clock import to_the_second
from operators.phrasebook.words import Word, word_of

_WAITING = "waiting"  # the file of the reasons that may end by themselves
_FOLDER = Path(__file__).with_name("reasons")
_JOINT = "; "
_DEEP = 4  # reasons within reasons
_PLACE = re.compile(r"\{(\w+)\}")
_TABLES = {"channel": "channels", "kind": "kinds", "host": "hosts"}
_WIDE = frozenset({"reason", "word", "fault", "what", "moment", "fields", "host", "param"})
_NAMES = re.compile(r"(?:Zalo|OA|SMS|Redis|HTTP|TLS|An?\s+OA)\b|[A-Z]{2}|‹|«")


class Who(StrEnum):
    """Who has to act."""

    NOBODY = "nobody"
    CLERK = "clerk"
    OPERATOR = "operator"
    ENGINEER = "engineer"


@dataclass(frozen=True, slots=True)
class Phrase:
    """A stored reason for people: clauses without a full stop, who acts, and sentences on what to do.

    `topic` is the group of the book, e.g. "follow"; empty if the book does not have the reason, which is then shown as
    it is stored. `waits`: what to do is told for a notice that waits (reasons/waiting.toml).
    """

    vi: str
    en: str
    who: Who
    todo_vi: str
    todo_en: str
    topic: str = ""
    waits: bool = False

    @property
    def known(self) -> bool:
        """Whether the book has it."""
        return bool(self.topic)

    @property
    def sentence(self) -> Word:
        """The clauses in both languages."""
        return Word(self.vi, self.en)

    @property
    def inner(self) -> Word:
        """The clauses as a part of another sentence."""
        return Word(uncapitalised(self.vi), uncapitalised(self.en))


@dataclass(frozen=True, slots=True)
class PhraseRow:
    """A row of the book: the pattern of a stored text, and its phrase with the same places."""

    pattern: str
    phrase: Phrase
    expression: re.Pattern[str]

    @property
    def literal(self) -> bool:
        """Whether it has no places."""
        return not _PLACE.search(self.pattern)


@cache
def rows() -> Sequence[PhraseRow]:
    """All rows, those without places first, then the longest fixed text first: the most exact row wins."""
    found = [row for path in sorted(_FOLDER.glob("*.toml")) for row in _read(path)]
    return sorted(found, key=lambda row: (not row.literal, -len(_PLACE.sub("", row.pattern))))


@lru_cache(maxsize=4096)
def phrase(reason: str) -> Phrase:
    """The sentence for a stored reason; a text that the book does not have, such as an operator's own, stays itself."""
    return _look_up(reason, _DEEP) or Phrase(reason, reason, Who.NOBODY, "", "")


def uncapitalised(text: str) -> str:
    """The text as a part of a sentence: in lower case, unless it begins with a name."""
    return text if _NAMES.match(text) else text[:1].lower() + text[1:]


def capitalised(text: str) -> str:
    """The text as the beginning of a sentence."""
    return text[:1].upper() + text[1:]


def row_for(reason: str) -> PhraseRow | None:
    """The row of one reason; None if the book does not have it, or if it is several reasons."""
    if (row := _literals().get(reason)) is not None:
        return row
    return next((row for row in rows() if not row.literal and row.expression.fullmatch(reason)), None)


def _look_up(reason: str, deep: int) -> Phrase | None:
    row = row_for(reason)
    if row is None:
        return _joined(reason, deep)
    match = row.expression.fullmatch(reason)
    return _filled(row.phrase, match.groupdict(), deep) if match and not row.literal else row.phrase


def _filled(found: Phrase, places: Mapping[str, str], deep: int) -> Phrase:
    """The phrase with its places filled."""
    said = {name: _place(name, text, deep) for name, text in places.items()}
    vi = found.vi.format_map({name: one.vi for name, one in said.items()})
    en = found.en.format_map({name: one.en for name, one in said.items()})
    return replace(found, vi=capitalised(vi), en=capitalised(en))


def _place(name: str, text: str, deep: int) -> Word:
    if name == "reason":
        inner = _look_up(text, deep - 1) if deep else None
        return inner.inner if inner else Word(text, text)
    if name == "moment":
        return _moment(text)
    if name == "fields":
        each = [word_of("fields", one) for one in text.split(", ")]
        return Word(", ".join(one.vi for one in each), ", ".join(one.en for one in each))
    return word_of(_TABLES[name], text) if name in _TABLES else Word(text, text)


def _moment(text: str) -> Word:
    """A stored time in Vietnam's time."""
    try:
        shown = to_the_second(datetime.fromisoformat(text))
    except ValueError:
        shown = text
    return Word(shown, shown)


def _joined(reason: str, deep: int) -> Phrase | None:
    """The phrase of several reasons. The first that somebody can act on says what to do."""
    parts = reason.split(_JOINT)
    if len(parts) == 1 or not deep:
        return None
    each = [_look_up(part, deep - 1) for part in parts]
    if None in each:
        return None
    found = list(dict.fromkeys(one for one in each if one is not None))
    first = next((one for one in found if one.who is not Who.NOBODY), found[0])
    vi = _JOINT.join([found[0].vi, *(one.inner.vi for one in found[1:])])
    en = _JOINT.join([found[0].en, *(one.inner.en for one in found[1:])])
    return replace(first, vi=vi, en=en)


@cache
def _literals() -> Mapping[str, PhraseRow]:
    return {row.pattern: row for row in rows() if row.literal}


def _read(path: Path) -> Iterator[PhraseRow]:
    for topic, group in tomllib.loads(path.read_text("utf-8")).items():
        for pattern, (vi, en) in group["rows"].items():
            who, waits = Who(group["who"]), path.stem == _WAITING
            found = Phrase(vi, en, who, group["todo_vi"], group["todo_en"], topic, waits)
            yield PhraseRow(pattern, found, _expression(pattern))


def _expression(pattern: str) -> re.Pattern[str]:
    """The pattern as a regular expression with a named group for each place."""
    parts = _PLACE.split(pattern)  # text, name, text, name, … text
    fixed, names = [re.escape(part) for part in parts[::2]], [_group(name) for name in parts[1::2]]
    return re.compile("".join(one for pair in zip(fixed, [*names, ""], strict=True) for one in pair))


def _group(name: str) -> str:
    if name in _WIDE:
        return f"(?P<{name}>.+)"
    return f"(?P<{name}>[A-Z]\\w*)" if name[0].isupper() else f"(?P<{name}>[^\\s:;]+)"
