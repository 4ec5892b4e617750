"""The answer to "why did this person (not) get the message?": one sentence, who acts, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from domain.clock import to_vietnam
from operators.phrasebook import Who


class Situation(StrEnum):
    """Everything that a clerk may be told about a dossier; the values are stable and appear in `hcc why --json`."""

    SEEN = "seen"
    SENT = "sent"
    NO_FOLLOWER = "no_follower"
    UNREACHABLE = "unreachable"  # for any other reason
    PHONE_WRONG = "phone_wrong"
    REFUSED_BY_PERSON = "refused_by_person"  # "dừng", unfollowed, or consent withdrawn
    UNCERTAIN = "uncertain"
    UNTRUE = "untrue"
    WAITING = "waiting"
    DEAD = "dead"
    QUARANTINED = "quarantined"
    EXPIRED = "expired"
    DISCARDED = "discarded"
    AT_THE_COUNTER = "at_the_counter"  # from here on there is no notice
    IGNORED = "ignored"
    BASELINE = "baseline"
    KIND_OFF = "kind_off"
    ODD = "odd"
    NOTHING_TO_TELL = "nothing_to_tell"
    NOT_READ_YET = "not_read_yet"
    POLL_BEHIND = "poll_behind"
    UNKNOWN = "unknown"
    UNASKED = "unasked"  # neither the ledger nor, now, the source can tell
    SEVERAL = "several"  # the typed text may mean several dossiers
    NOT_A_CODE = "not_a_code"
    LEDGER_AWAY = "ledger_away"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of one notice, or of a dossier without one. `next_at` (UTC): when something happens by itself."""

    situation: Situation
    vi: str
    en: str
    who: Who
    todo_vi: str
    todo_en: str
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NoticeAnswer:
    """The verdict on one notice of the dossier. Times are UTC."""

    event_key: str
    kind: str
    state: str
    reason: str | None
    event_at: datetime
    verdict: Verdict
    text: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer on a dossier, by its newest notice; `notices` has each, in the order of their events.

    `oa` is the OA that knows the dossier, None if none does. `nearest`: known codes like the typed one.
    """

    code: str
    verdict: Verdict
    oa: str | None = None
    notices: Sequence[NoticeAnswer] = ()
    oddities: Sequence[Mapping[str, Any]] = ()
    nearest: Sequence[str] = ()

    def shown(self) -> dict[str, Any]:
        """The shape of `hcc why CODE --json`; times are in Vietnam's time."""
        newest = self.notices[-1] if self.notices else None
        return {
            "code": self.code,
            **_shown(self.verdict),
            "state": newest.state if newest else None,
            "reason": newest.reason if newest else None,
            "next_at": _local(self.verdict.next_at),
            "oa": self.oa,
            "nearest": list(self.nearest),
            "oddities": [dict(one) for one in self.oddities],
            "notices": [_of_notice(one) for one in self.notices],
        }


def _of_notice(one: NoticeAnswer) -> dict[str, Any]:
    named = {"event_key": one.event_key, "kind": one.kind, "state": one.state, "reason": one.reason}
    at = {"event_at": _local(one.event_at), "next_at": _local(one.verdict.next_at)}
    return {**named, **_shown(one.verdict), **at, "text": one.text}


def _shown(verdict: Verdict) -> dict[str, Any]:
    return {
        "sentence_vi": verdict.vi,
        "sentence_en": verdict.en,
        "who": verdict.who.value,
        "todo_vi": verdict.todo_vi,
        "todo_en": verdict.todo_en,
        "situation": verdict.situation.value,
    }


def _local(moment: datetime | None) -> str | None:
    return to_vietnam(moment).isoformat(timespec="seconds") if moment else None
