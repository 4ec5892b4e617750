"""What became of an attempt whose outcome is unknown: decided by what the conversation shows (law 3).

    its words are there, more often than other notices explain      → it arrived
    they are not, nothing like them is, and the last look is over   → it did not arrive
    anything else                                                   → unclear: look again, or an operator decides

Only absence is dangerous: who is taken for not told is told again. So it is believed only when nothing of ours can
still arrive, and Zalo can no longer carry out what it has. And not while a row of ours stands there that names the
dossier and that no notice explains: Zalo may show words otherwise than we sent them (links, blanks, line ends), and
staff write in the same chat.

Rows bear Zalo's time, notices the ledger's. The two may differ by `SKEW`; where they differ by more, absence proves
nothing.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from difflib import SequenceMatcher
from enum import StrEnum
from unicodedata import normalize

LOOKED_UP = "zalo_cs"  # the one channel whose messages Zalo surely shows in the conversation

LOOKS = (3.0, 8.0, 20.0, 40.0, 90.0, 180.0)
"""Seconds after the attempt at which to look. How long Zalo takes from accepting to showing, or to carrying out what it
accepted late, is not documented."""

GIVE_UP = 3600.0  # seconds after which no answer of Zalo's is expected to settle it: an operator decides

SKEW = timedelta(minutes=5)
"""How far Zalo's clock and the ledger's may differ: what lies within it is told apart by counting."""

_NEAR = 0.6  # of two texts, from this ratio on, one may be the other as Zalo shows it
_LINK = re.compile(r"\b(?:https?://|www\.)\S+", re.IGNORECASE)


class Verdict(StrEnum):
    """What a look came to."""

    ARRIVED = "arrived"
    NOT_ARRIVED = "not arrived"
    UNCLEAR = "unclear"  # look again, or leave it to an operator


@dataclass(frozen=True, slots=True)
class Row:
    """One message of a conversation as Zalo shows it; `ours` when the OA sent it, `at` by Zalo's clock (UTC)."""

    ours: bool
    at: datetime
    text: str | None = field(repr=False)
    message_id: str


@dataclass(frozen=True, slots=True)
class Told:
    """A notice that the person got, between these times of the ledger (UTC); not `sure`: or perhaps got."""

    text: str = field(repr=False)
    since: datetime
    until: datetime
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Question:
    """An uncertain notice: its words, when its request may have begun, for how long it has been uncertain (seconds).

    `age` is the least that any clock says. `code` is the dossier's; empty where the words are about none. `told` are
    the notices of this dossier, and what was told to this user as such, that rows of the conversation may be.
    """

    text: str = field(repr=False)
    code: str
    began: datetime
    age: float
    told: Sequence[Told] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """What the conversation shows, each row once; `complete` where it has no older rows.

    `conclusive` where absence from it would prove anything: Zalo's clock and the ledger's agree within `SKEW`, and what
    we gave up cannot arrive any more. A proxy may hold it.
    """

    rows: Sequence[Row]
    complete: bool
    conclusive: bool = True

    def reaches(self, moment: datetime) -> bool:
        """Whether no row since this moment is lacking."""
        return self.complete or any(row.at < moment for row in self.rows)


def verdict(question: Question, shown: Shown) -> Verdict:
    """Judge an uncertain notice by what its conversation shows."""
    since, words = begin_counting(question), folded(question.text)
    if not words:
        return Verdict.UNCLEAR
    rows = [row for row in shown.rows if row.ours and row.at >= since]
    told = [one for one in question.told if one.since - SKEW >= since]
    alike = sum(folded(row.text) == words for row in rows)
    if alike > sum(folded(one.text) == words for one in told):
        return Verdict.ARRIVED
    if not shown.conclusive or question.age < LOOKS[-1] or not shown.reaches(since):
        return Verdict.UNCLEAR
    return Verdict.UNCLEAR if _unexplained(question, rows, told) else Verdict.NOT_ARRIVED


def begin_counting(question: Question) -> datetime:
    """From when on (of the ledger's clock) rows and notices are counted against each other.

    No notice that was told lies across it: its row could be on the one side, and its time on the other.
    """
    since = question.began - SKEW
    for one in sorted(question.told, key=lambda one: one.until, reverse=True):
        if one.since - SKEW < since <= one.until + SKEW:
            since = one.since - SKEW
    return since


def _unexplained(question: Question, rows: Iterable[Row], told: Iterable[Told]) -> bool:
    """Whether a row stands there that may be this notice, and that is no other one for certain."""
    known = Counter(folded(one.text) for one in told if one.sure)
    for row in rows:
        words = folded(row.text)
        if known[words]:
            known[words] -= 1
        elif _may_be(question, words):
            return True
    return False


def _may_be(question: Question, words: str) -> bool:
    """Whether these words of ours name the dossier, or are near the notice's where it names none."""
    code, own = _bare(question.code), folded(question.text)
    if code and code in _bare(own):
        return code in _bare(words)
    return SequenceMatcher(None, own, words, autojunk=False).ratio() >= _NEAR


def folded(text: str | None) -> str:
    """Words as they are compared: without links, blanks and marks that nobody sees, whatever the case."""
    plain = normalize("NFKC", _LINK.sub("", text or "")).casefold()
    return "".join(char for char in plain if char.isprintable() and not char.isspace())


def _bare(text: str) -> str:
    """Letters and digits alone: staff write a code with other dashes, dots and blanks."""
    return "".join(filter(str.isalnum, normalize("NFKC", text).casefold()))


def next_look(age: float) -> float:
    """Seconds until the next look, for a notice that has been uncertain for `age` seconds."""
    later = [look - age for look in LOOKS if look > age]
    return max(1.0, later[0]) if later else 60.0
