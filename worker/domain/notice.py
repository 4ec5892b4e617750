"""A notice in a worker's hands: the values that cross from the ledger to the channels and back."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

from worker.domain.alarm import AlarmFacts
from worker.domain.dossier import Reason
from worker.domain.outcome import Outcome
from worker.domain.story import Digest, Story

OPTED_OUT = "opted out"

# Why no Zalo user can be told of a notice: stored as its reason, and shown as it is.
NOT_A_FOLLOWER = "no Zalo user of this OA is linked to the phone"
UNFOLLOWED = "the person unfollowed the OA"
ANOTHER_NUMBER = "the user who had this phone has another phone now"
UNPROVEN = "the phone was shared, but the user has not proven it yet"


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
    person_id: int | None  # the ledger's number of the person
    user_id: str | None = field(repr=False)  # of this OA; a decimal string above 2^53, never a number, never logged
    fault: str | None = None  # why its facts cannot be read: it is set aside alone, not with its batch
    phone_sealed: bytes | None = field(default=None, repr=False)  # opened by the channel that sends to it, by no other
    interacted_at: datetime | None = None  # the person's last interaction with the OA that we know of
    left: bool = False  # the person followed the OA and does not any more (R28)
    absent: str | None = None  # why there is no user to tell, where more is known than that none is linked
    sms: bool = False  # the dossier asks for notices by SMS (R33)
    said_no: frozenset[str] = frozenset()  # the channels that answered that they cannot reach the person
    deadline_at: datetime | None = None
    reason: Reason | None = None
    opted_out: bool = False  # the person wants no notices now
    tried_under: str | None = None  # tags of the last tries that the ledger knows of (domain.tries)
    maybe_since: datetime | None = None  # it may have been sent since then (UTC), by a ledger that was restored
    stopped: frozenset[str] = frozenset()  # channels that an operator switched off
    stories: tuple[Story, ...] = ()
    digest: Digest | None = None
    alarm: AlarmFacts | None = None
    one_time_code: str | None = field(default=None, repr=False)  # sealed; opened by the channel that sends it


@dataclass(frozen=True, slots=True)
class Letter:
    """A notice with its words; `fault` says why there are none. `charged_on`: the day whose budget holds its cost."""

    notice: Notice
    text: str | None
    fault: str | None = None
    dong: int = 0  # what sending it costs, by our price list
    charged_on: date | None = None  # in Vietnam


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of one notice on one channel: when it began (UTC), how it ended, how long it took (ms).

    `connect_ms` and `first_byte_ms` say where that time went, as far as the wire measured it. `unmarked`: the try was
    kept back, since its mark could not be set for certain. `charged_on`: as the letter's, which may be yesterday.
    """

    notice: Notice
    channel: str
    at: datetime
    outcome: Outcome
    ms: int
    dong: int = 0
    connect_ms: int | None = None
    first_byte_ms: int | None = None
    unmarked: bool = False
    charged_on: date | None = None
