"""Sightings: in which state we last saw a dossier that may still tell something.

Most changes of a row are none to us, and a nightly job touches all of them. So a dossier as it stands is compared
with the last sighting before any rule is asked. A sighting saves work and remembers whom to look after; what is
told is decided by the event keys alone, so that a lost or an outdated sighting does no harm.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from enum import Enum
from hashlib import blake2b
from typing import Any

from producers.dossiers.rows import Door
from worker.domain.dossier import Change, Status
from worker.ledger.sightings import ASIDE, UNKNOWN, Sighting

_OVER = frozenset({Status.REFUSED, Status.WITHDRAWN, Status.RETURNED})
_NOT_STATE = frozenset(
    {"phone", "authorised_phone", "owner_phone", "id", "at", "change_status", "changed_at", "stable_key"}
)


class Look(Enum):
    """What the rows of a query mean for the sightings."""

    NONE = "not a dossier's state"
    NOTE = "there is such a dossier; its state is not judged here, since the row tells an older one"
    COMPARE = "the dossier as it stands: nothing to do unless it changed"


def digests(rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """64 bits of each row's state. No phone in it: another number is no event, and nothing of it is kept."""
    if not rows:
        return []
    columns = sorted(set(rows[0]) - _NOT_STATE)
    return [_digest("\x1f".join([str(row[column]) for column in columns])) for row in rows]


def changed(rows: Sequence[Mapping[str, Any]], known: Mapping[str, int]) -> list[Mapping[str, Any]]:
    """The rows whose dossier is not in the state in which it was last seen."""
    return [row for row, now in zip(rows, digests(rows), strict=True) if known.get(str(row["code"]), UNKNOWN) != now]


def not_aside(rows: Sequence[Mapping[str, Any]], known: Mapping[str, int]) -> list[Mapping[str, Any]]:
    """The rows whose dossier is not left to the reconcile: a feed reads them again for a while, and need not judge."""
    return [row for row in rows if known.get(str(row["code"])) != ASIDE]


def sighted(look: Look, rows: Sequence[Mapping[str, Any]], changes: Mapping[int, Change | None]) -> list[Sighting]:
    """The sightings of a page; `changes` has what was read of the rows, by place. What could not be read is not seen.

    A dossier that is over, or that nobody is told about, is not looked after any more (digest None).
    """
    if look is Look.NONE:
        return []
    told = {place: change for place, change in changes.items() if rows[place]["code"] is not None}
    open_ = [place for place, change in told.items() if change and change.dossier.status not in _OVER]
    states = digests([rows[place] for place in open_]) if look is Look.COMPARE else [UNKNOWN] * len(open_)
    states = [UNKNOWN if _is_held(told[place]) else state for place, state in zip(open_, states, strict=True)]
    still = {str(rows[place]["code"]): state for place, state in zip(open_, states, strict=True)}
    if look is Look.NOTE:
        return [Sighting(code, state) for code, state in still.items()]
    over: dict[str, int | None] = dict.fromkeys((str(rows[place]["code"]) for place in told), None)
    return [Sighting(code, state) for code, state in (over | still).items()]


def doubtful(rows: Sequence[Mapping[str, Any]], changes: Mapping[int, Change | None]) -> set[str]:
    """The dossiers, as the source spells them, of which something is kept back: the next look judges them anew."""
    return {str(rows[place]["code"]) for place, change in changes.items() if _is_held(change)}


def _is_held(change: Change | None) -> bool:
    return change is not None and bool(change.holds)


def gone(asked: Collection[str], rows: Sequence[Mapping[str, Any]]) -> list[Sighting]:
    """The dossiers that we asked for and that are not there any more."""
    return [Sighting(code, None) for code in set(asked) - {str(row["code"]) for row in rows}]


def seen_standing(door: Door, row: Mapping[str, Any], now: datetime) -> Change | None:
    """A dossier as it stands, dated by when its row was changed; by its own times where that is not known.

    The time of finishing may be back-dated by its officer, so the row's own change time is better. Raises `RowError`.
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
