"""Values for a claimed notice that pass from the ledger to the channels and back."""

from __future__ import annotations

from dataclasses import field
from datetime import date, datetime

from domain.alarm import AlarmFacts
from domain.dossier import Reason
from domain.outcome import Outcome
from domain.story import Digest, Story
from domain.value_object import value_object

OPTED_OUT = "opted out"

# Why no Zalo user can be told of a notice: stored as its reason, and shown unchanged.
NOT_A_FOLLOWER = "no Zalo user of this OA is linked to the phone"
UNFOLLOWED = "the person unfollowed the OA"
ANOTHER_NUMBER = "the user who had this phone has another phone now"
UNPROVEN = "the phone was shared, but the user has not proven it yet"


@value_object
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
    fault: str | None = None  # why its facts cannot be read: only this notice is set aside, not its batch
    phone_sealed: bytes | None = field(default=None, repr=False)  # opened only by the channel that sends to it
    interacted_at: datetime | None = None  # the person's last interaction with the OA that we know of
    left: bool = False  # the person followed the OA, but does not any more (R28)
    absent: str | None = None  # why there is no user to tell, if more is known than that none is linked
    sms: bool = False  # the dossier asks for notices by SMS (R33)
    said_no: frozenset[str] = frozenset()  # the channels that answered that they cannot reach the person
    deadline_at: datetime | None = None
    reason: Reason | None = None
    opted_out: bool = False  # the person wants no notices now
    tried_under: str | None = None  # tags of the last tries that the ledger knows of (domain.tries)
    maybe_since: datetime | None = None  # it may have been sent since then (UTC), before the ledger was restored
    stopped: frozenset[str] = frozenset()  # channels that an operator switched off
    stories: tuple[Story, ...] = ()
    digest: Digest | None = None
    alarm: AlarmFacts | None = None
    trial: tuple[str, str] | None = None  # the kind of a template that is tried, and its sample's text
    one_time_code: str | None = field(default=None, repr=False)  # sealed; opened by the channel that sends it
    by_post: bool = False  # the result goes by post (R34)


@value_object
class Letter:
    """A notice with its text; `fault`: why there is none. `charged_on`: the day whose budget contains its cost.

    `version` is that of the template by which the text was made.
    """

    notice: Notice
    text: str | None
    fault: str | None = None
    dong: int = 0  # the cost of sending it, by our price list
    charged_on: date | None = None  # in Vietnam
    version: int | None = None


@value_object
class Attempt:
    """One try of one notice on one channel: when it began (UTC), how it ended, how long it took (ms).

    `connect_ms` and `first_byte_ms` are parts of that time, as far as the wire measured them. `unmarked`: the try was
    not sent, since its mark could not be set for certain. `charged_on`: that of the letter, which may be yesterday.
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
