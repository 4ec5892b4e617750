"""Fingerprints: the state in which we last saw each dossier that may still lead to a notice.

Most changes of a row do not concern us, and a nightly job touches all rows. So a dossier's current state is compared
with its last fingerprint before any rule is applied. A fingerprint saves work and remembers which dossiers to watch.
The event keys alone decide what is told, so a lost or outdated fingerprint does no harm.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from enum import Enum
from hashlib import blake2b
from typing import Any

from domain.dossier import Change, Status
from ledger.source.fingerprints import ASIDE, UNKNOWN, Fingerprint
from producers.dossiers.rows import RowReader

_OVER = frozenset({Status.REFUSED, Status.WITHDRAWN, Status.RETURNED})
_NOT_STATE = frozenset(
    {"phone", "authorised_phone", "owner_phone", "id", "at", "change_status", "changed_at", "stable_key"}
)


class Tracking(Enum):
    """What the rows of a query mean for the fingerprints."""

    NONE = "not a dossier's state"
    NOTE = "there is such a dossier; its state is not judged here, since the row tells an older one"
    COMPARE = "the dossier as it stands: nothing to do unless it changed"


def digests(rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """64 bits of each row's state. The phone is left out: another number is no event, and nothing of it is stored."""
    if not rows:
        return []
    columns = sorted(set(rows[0]) - _NOT_STATE)
    return [_digest("\x1f".join([str(row[column]) for column in columns])) for row in rows]


def changed(rows: Sequence[Mapping[str, Any]], known: Mapping[str, int]) -> list[Mapping[str, Any]]:
    """The rows whose dossier differs from its last fingerprint."""
    return [row for row, now in zip(rows, digests(rows), strict=True) if known.get(str(row["code"]), UNKNOWN) != now]


def not_aside(rows: Sequence[Mapping[str, Any]], known: Mapping[str, int]) -> list[Mapping[str, Any]]:
    """The rows whose dossier is not left to the reconcile; a feed rereads the others for a while, unjudged."""
    return [row for row in rows if known.get(str(row["code"])) != ASIDE]


def fingerprints_of(
    look: Tracking, rows: Sequence[Mapping[str, Any]], changes: Mapping[int, Change | None]
) -> list[Fingerprint]:
    """The fingerprints of a page; `changes` holds the readable rows by place. An unreadable row gets no fingerprint.

    A dossier that is over, or that nobody is told about, is no longer watched (digest None).
    """
    if look is Tracking.NONE:
        return []
    told = {place: change for place, change in changes.items() if rows[place]["code"] is not None}
    open_ = [place for place, change in told.items() if change and change.dossier.status not in _OVER]
    states = digests([rows[place] for place in open_]) if look is Tracking.COMPARE else [UNKNOWN] * len(open_)
    states = [UNKNOWN if _is_held(told[place]) else state for place, state in zip(open_, states, strict=True)]
    still = {str(rows[place]["code"]): state for place, state in zip(open_, states, strict=True)}
    if look is Tracking.NOTE:
        return [Fingerprint(code, state) for code, state in still.items()]
    over: dict[str, int | None] = dict.fromkeys((str(rows[place]["code"]) for place in told), None)
    return [Fingerprint(code, state) for code, state in (over | still).items()]


def doubtful(rows: Sequence[Mapping[str, Any]], changes: Mapping[int, Change | None]) -> set[str]:
    """The dossiers, in the source's spelling, with facts held back: they are judged anew when next read."""
    return {str(rows[place]["code"]) for place, change in changes.items() if _is_held(change)}


def _is_held(change: Change | None) -> bool:
    return change is not None and bool(change.holds)


def gone(asked: Collection[str], rows: Sequence[Mapping[str, Any]]) -> list[Fingerprint]:
    """The dossiers that were queried and no longer exist."""
    return [Fingerprint(code, None) for code in set(asked) - {str(row["code"]) for row in rows}]


def seen_standing(door: RowReader, row: Mapping[str, Any], now: datetime) -> Change | None:
    """A dossier in its current state, dated by its row's change time, or by its own times if that is unknown.

    An officer may back-date the finishing time, so the row's change time is better. Raises `RowError`.
    """
    change = door.standing(row, now)
    if change is None:
        return None
    at = door.changed_at(row) or _own(change, now)
    return replace(change, at=min(max(at, change.dossier.accepted_at or at), now))


def _own(change: Change, now: datetime) -> datetime:
    dossier = change.dossier
    match dossier.status:
        case Status.ACCEPTED:
            return dossier.accepted_at or now
        case Status.FINISHED | Status.RETURNED:
            return dossier.finished_at or now
        case _:
            return now


def _digest(state: str) -> int:
    digest = blake2b(state.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
