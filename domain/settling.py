"""Decide what became of an attempt whose outcome is unknown, by what the conversation shows (law 3).

    it contains the notice's words more often than other notices explain   → it arrived
    it contains neither them nor similar words, and the last look is over  → it did not arrive
    anything else                                                          → unclear: look again, or an operator decides

Only a wrong "did not arrive" is dangerous: the person is told twice. So absence counts only when no request of ours
can still arrive and Zalo can no longer carry out a request that it has. Absence does not count while the conversation
contains a row of ours that names the dossier and that no notice explains: Zalo may show words differently from how we
sent them (links, blanks, line ends), and staff write in the same chat.

Rows have Zalo's time, notices the ledger's. The two clocks may differ by `SKEW`; if they differ by more, absence
proves nothing.
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

LOOKS = (3.0, 8.0, 20.0, 40.0, 90.0, 180.0)
"""Seconds after the attempt at which to look up the conversation. Zalo does not document how long it takes to show an
accepted message, nor how late it may carry out an accepted request."""

GIVE_UP = 3600.0  # seconds; after this no answer from Zalo is expected to settle it, and an operator decides

SKEW = timedelta(minutes=5)
"""How far Zalo's clock and the ledger's may differ: messages within it are told apart by counting."""

_NEAR = 0.6  # similarity ratio; from here on one text may be the other as Zalo shows it
_LINK = re.compile(r"\b(?:https?://|www\.)\S+", re.IGNORECASE)


class DoubtVerdict(StrEnum):
    """The result of a look."""

    ARRIVED = "arrived"
    NOT_ARRIVED = "not arrived"
    UNCLEAR = "unclear"  # look again, or leave it to an operator


@dataclass(frozen=True, slots=True)
class ConversationRow:
    """One message of a conversation as Zalo shows it; `ours` if the OA sent it, `at` by Zalo's clock (UTC)."""

    ours: bool
    at: datetime
    text: str | None = field(repr=False)
    message_id: str


@dataclass(frozen=True, slots=True)
class ToldText:
    """A notice that the person received between these times of the ledger (UTC); not `sure`: perhaps received."""

    text: str = field(repr=False)
    since: datetime
    until: datetime
    sure: bool = True


@dataclass(frozen=True, slots=True)
class DoubtQuestion:
    """An uncertain notice: its words, when its request may have begun, for how long it has been uncertain (seconds).

    `age` is the lowest value by any clock. `code` is the dossier's; empty if the words are about no dossier. `told` are
    the notices of this dossier, and those sent to this user as such, that may explain rows of the conversation.
    """

    text: str = field(repr=False)
    code: str
    began: datetime
    age: float
    told: Sequence[ToldText] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """The rows that the conversation shows, each once; `complete` if it has no older rows.

    `conclusive` if absence proves anything: Zalo's clock and the ledger's agree within `SKEW`, and no abandoned request
    can still arrive. A proxy may still hold one.
    """

    rows: Sequence[ConversationRow]
    complete: bool
    conclusive: bool = True

    def reaches(self, moment: datetime) -> bool:
        """Whether no row since this moment is missing."""
        return self.complete or any(row.at < moment for row in self.rows)


def verdict(question: DoubtQuestion, shown: Shown) -> DoubtVerdict:
    """Judge an uncertain notice by the rows of its conversation."""
    since, words = begin_counting(question), folded(question.text)
    if not words:
        return DoubtVerdict.UNCLEAR
    rows = [row for row in shown.rows if row.ours and row.at >= since]
    told = [one for one in question.told if one.since - SKEW >= since]
    alike = sum(folded(row.text) == words for row in rows)
    if alike > sum(folded(one.text) == words for one in told):
        return DoubtVerdict.ARRIVED
    if not shown.conclusive or question.age < LOOKS[-1] or not shown.reaches(since):
        return DoubtVerdict.UNCLEAR
    return DoubtVerdict.UNCLEAR if _unexplained(question, rows, told) else DoubtVerdict.NOT_ARRIVED


def begin_counting(question: DoubtQuestion) -> datetime:
    """The moment (ledger's clock) from which rows and notices are counted against each other.

    No told notice straddles it: its row could be on one side and its time on the other.
    """
    since = question.began - SKEW
    for one in sorted(question.told, key=lambda one: one.until, reverse=True):
        if one.since - SKEW < since <= one.until + SKEW:
            since = one.since - SKEW
    return since


def _unexplained(question: DoubtQuestion, rows: Iterable[ConversationRow], told: Iterable[ToldText]) -> bool:
    """Whether there is a row that may be this notice and is not certainly another one."""
    known = Counter(folded(one.text) for one in told if one.sure)
    for row in rows:
        words = folded(row.text)
        if known[words]:
            known[words] -= 1
        elif _may_be(question, words):
            return True
    return False


def _may_be(question: DoubtQuestion, words: str) -> bool:
    """Whether these words of ours name the dossier, or are similar to the notice's if that names none."""
    code, own = _bare(question.code), folded(question.text)
    if code and code in _bare(own):
        return code in _bare(words)
    return SequenceMatcher(None, own, words, autojunk=False).ratio() >= _NEAR


def folded(text: str | None) -> str:
    """The text normalised for comparison: without links, blanks and invisible characters, case-insensitive."""
    plain = normalize("NFKC", _LINK.sub("", text or "")).casefold()
    return "".join(char for char in plain if char.isprintable() and not char.isspace())


def _bare(text: str) -> str:
    """Letters and digits only: staff write a code with other dashes, dots and blanks."""
    return "".join(filter(str.isalnum, normalize("NFKC", text).casefold()))


def next_look(age: float) -> float:
    """Seconds until the next look, for a notice that has been uncertain for `age` seconds."""
    later = [look - age for look in LOOKS if look > age]
    return max(1.0, later[0]) if later else 60.0
