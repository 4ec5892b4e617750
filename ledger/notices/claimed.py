"""Reads the row of a claimed notice: the facts that its text may use, and what is known of its person."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from domain.alarm import read_alarm
from domain.dossier import Reason
from domain.notice import Notice
from domain.story import read_digest, read_stories


def notice_of(row: Sequence[Any], oa: str, lease: str, absent: str | None) -> Notice:
    """The notice of a claimed row (`claims`); one whose facts cannot be read has a `fault`, and harms no other."""
    (
        number, code, kind, key, attempts, fresh_at, facts, person, nobody, user, left, interacted_at, opted_out,
        said_no, sealed, tried_under, maybe_since, stopped,
    ) = row  # fmt: skip  # by position: access by name doubles the cost of a row
    told, fault = _told(facts)
    return Notice(
        id=number,
        oa=oa,
        lease=lease,
        code=code,
        kind=kind,
        key=key,
        attempts=attempts,
        fresh_at=fresh_at,
        no_person_because=nobody,
        person_id=person,
        user_id=user,
        fault=fault,
        phone_sealed=bytes(sealed or b"") or None,  # empty: erased
        interacted_at=interacted_at,
        left=bool(left),
        absent=absent,
        said_no=frozenset(said_no),
        opted_out=opted_out,
        tried_under=tried_under,
        maybe_since=maybe_since,
        stopped=frozenset(stopped or ()),
        **told,
    )


def _told(facts: Any) -> tuple[dict[str, Any], str | None]:
    """The facts that the texts of a notice may use, or the reason why they cannot be read; never raises."""
    nothing: dict[str, Any] = {"amount": None, "appointment_at": None}
    try:
        told = {name: _FACTS[name](value) for name, value in facts.items() if name in _FACTS and _is_there(value)}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return nothing, f"its facts cannot be read ({type(error).__name__})"
    return nothing | told, None


def _is_there(value: Any) -> bool:
    return value is not None and value != ""


_FACTS: dict[str, Callable[[Any], Any]] = {
    "amount": lambda amount: amount,
    "appointment_at": datetime.fromisoformat,
    "deadline_at": datetime.fromisoformat,
    "reason": Reason,
    "sms": bool,
    "by_post": bool,
    "one_time_code": str,
    "stories": read_stories,
    "digest": read_digest,
    "alarm": read_alarm,
    "trial": lambda trial: (str(trial["kind"]), str(trial["text"])),
}
"""How each fact that a text may use is parsed."""
