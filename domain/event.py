"""Define what the rules find in a change: an event to tell, a reason to keep silent (a retraction), or an oddity."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from domain.dossier import Reason

EVERY = "*"  # at the end of a retraction's key: any suffix


@dataclass(slots=True)  # not frozen: that triples the cost of construction, and a first start constructs millions
class Event:
    """Something that happened to a dossier, worth telling one person once.

    `at` is when it happened (UTC) and orders the notices of a dossier; `phone` is raw, as in the source. `told` is
    False for an event that is only remembered: its kind is switched off, and switching it on must not tell the past.

    `own_at` is the time in the source's own column for it, None if there is none; `begun_at` is the newest such time of
    the object that it belongs to. Neither is ever the time at which a row was changed (the guard depends on this).

    Some events depend on other events of the dossier, told or remembered, each named by its key. `after` must be known.
    `twin` is the same event and only one of the two is told, unless `paired` is known: then the twin had its pair.
    """

    code: str
    kind: str
    occurrence: str
    at: datetime
    phone: str | None = field(repr=False)
    unit: str | None = None
    sms: bool = False
    amount: int | None = None
    appointment_at: datetime | None = None
    deadline_at: datetime | None = None
    reason: Reason | None = None
    told: bool = True
    after: str | None = None
    twin: str | None = None
    paired: str | None = None
    source_code: str | None = None  # the code as spelt in the source, for queries to the source
    held: WordHold | None = None  # recorded, but held back: the meaning of a word in the source is unknown
    row: int = 0  # id in the source's table, where ids increase: orders events of one kind and moment
    own_at: datetime | None = None
    begun_at: datetime | None = None
    by_post: bool = False  # the result goes by post (R34); only `result_ready` says so

    @property
    def key(self) -> str:
        """`{code}/{kind}/{occurrence}`: unique per OA, so that an event is told once (R10)."""
        return event_key(self.code, self.kind, self.occurrence)


@dataclass(frozen=True, slots=True)
class Retraction:
    """An event that is no longer true: a notice of it that has not left yet is suppressed.

    A key that ends with `EVERY` means all events whose keys have that prefix.
    """

    code: str
    key: str
    why: str


@dataclass(frozen=True, slots=True)
class WordHold:
    """Notices of these events that have not left are held back until the word in the source's `field` is known.

    `key` names the events as in a `Retraction`; `kinds`, if not empty, narrows it. `mark` distinguishes the word from
    others without showing it; `why` is for operators and shows the word only if it cannot be about a person.
    """

    code: str
    key: str
    field: str
    mark: str
    why: str
    kinds: frozenset[str] = frozenset()

    def covers(self, event: Event) -> bool:
        """Whether the event is held back by it."""
        begins = self.key.removesuffix(EVERY)
        named = event.key == self.key or (begins != self.key and event.key.startswith(begins))
        return event.code == self.code and named and (not self.kinds or event.kind in self.kinds)


@dataclass(frozen=True, slots=True)
class Oddity:
    """A field of a dossier, or of one of its rows, that cannot be read or told; somebody should look at the source.

    `row` names a row of its own ('payments/7'); '' is the dossier itself. `why` is our text, without personal data.
    """

    code: str
    field: str
    why: str
    row: str = ""
    mark: str | None = None  # of an unknown word


def event_key(code: str, kind: str, occurrence: str) -> str:
    """The one spelling of an event's key."""
    return f"{code}/{kind}/{occurrence}"
