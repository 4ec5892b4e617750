"""What the rules make of a change: an event worth telling, a reason to keep silent, or something odd."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from worker.domain.dossier import Reason

EVERY = "*"  # at the end of a withdrawal's key: whatever follows


@dataclass(slots=True)  # not frozen: that triples the cost of making one, and a first start makes millions
class Event:
    """Something that happened to a dossier, worth telling one person once.

    `at` is when it happened (UTC) and orders the notices of a dossier; `phone` is raw, as the source has it.
    `told` is False for what is only remembered: its kind is switched off, and switching it on is no reason to tell
    the past.

    `own_at` is when it happened as the source's own columns for it say, None where there is none; `begun_at` is the
    newest such time of what it belongs to. Neither is ever the time at which a row was changed (the guard's question).

    Some events depend on what else is known of the dossier, told or remembered, each by key: `after` must be known;
    what `twin` told already is the same thing and told once, unless `paired` says that the twin had its pair.
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
    source_code: str | None = None  # the code as the source spells it, since the source is asked by it
    held: WordHold | None = None  # recorded, and kept back: what a word of the source means is not known
    row: int = 0  # of the source's table, whose ids increase: orders events of one kind and moment
    own_at: datetime | None = None
    begun_at: datetime | None = None

    @property
    def key(self) -> str:
        """`{code}/{kind}/{occurrence}`: unique per OA, so that an event is told once (R10)."""
        return event_key(self.code, self.kind, self.occurrence)


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """An event that is no longer true: a notice of it that has not left yet is suppressed.

    A key that ends with `EVERY` means all events whose keys begin like it.
    """

    code: str
    key: str
    why: str


@dataclass(frozen=True, slots=True)
class WordHold:
    """What has not left of these events is kept back until it is known what `field` of the source says.

    `key` names the events as in a `Withdrawal`; `kinds` narrows it where it is not empty. `mark` tells the word from
    others without showing it; `why` is for operators, and shows it only where it cannot be about a person.
    """

    code: str
    key: str
    field: str
    mark: str
    why: str
    kinds: frozenset[str] = frozenset()

    def covers(self, event: Event) -> bool:
        """Whether an event is kept back by it."""
        begins = self.key.removesuffix(EVERY)
        named = event.key == self.key or (begins != self.key and event.key.startswith(begins))
        return event.code == self.code and named and (not self.kinds or event.kind in self.kinds)


@dataclass(frozen=True, slots=True)
class Oddity:
    """A field of a dossier, or of one of its rows, that cannot be read or told; somebody should look at the source.

    `row` names a row of its own ('payments/7'), '' the dossier itself. `why` is ours, and shows nothing of a person.
    """

    code: str
    field: str
    why: str
    row: str = ""
    mark: str | None = None  # of a word that is not known


def event_key(code: str, kind: str, occurrence: str) -> str:
    """The one spelling of an event's key."""
    return f"{code}/{kind}/{occurrence}"
