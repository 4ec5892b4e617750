"""A notice in a worker's hands: the values that cross from the ledger to the channels and back."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from worker.domain.dossier import Reason
from worker.domain.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Notice:
    """A claimed notice: `lease` proves that it is ours, `attempts` counts the tries so far."""

    id: int
    oa: str
    lease: str
    code: str
    kind: str
    key: str
    attempts: int
    fresh_at: datetime  # its age counts from here (UTC)
    amount: int | None
    appointment_at: datetime | None
    no_person_because: str | None  # why nobody can be told: no phone, a landline …
    user_id: str | None = field(repr=False)  # of this OA; a decimal string above 2^53, never a number, never logged
    deadline_at: datetime | None = None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """A notice with its words; `fault` says why there are none."""

    notice: Notice
    text: str | None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of one notice on one channel: when it began (UTC), how it ended, how long it took (ms)."""

    notice: Notice
    channel: str
    at: datetime
    outcome: Outcome
    ms: int
