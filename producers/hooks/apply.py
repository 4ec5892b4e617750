"""What follows from Zalo's events: page by page, in the order in which they came, one process at a time.

Every consequence carries the time of its event and is idempotent, so that an event that comes late, twice, or after
a crash in the middle of its page changes nothing that it should not. A page that fails is tried event by event. What
cannot be read or applied holds nothing up, not even later events of its own user: it stays sealed (`unread`), and is
judged by its own time when somebody can read it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import ProgrammingError

from config.settings import Settings
from producers.hooks.ability import event_reader
from producers.hooks.chat import converse
from producers.hooks.read import ZaloEvent
from producers.hooks.record import unseal_all
from producers.hooks.words import Word
from worker.domain.event import event_key
from worker.domain.kinds import PHONE_REQUEST, WELCOME
from worker.ledger import cursors, follows, inbox, notices, receipts, unread, upkeep
from worker.ledger.away import AWAY
from worker.ledger.engine import open_ledger
from worker.ledger.follows import Follower
from worker.ledger.notices import NewNotice
from worker.ledger.people import Link, People
from worker.ledger.receipts import Receipt
from worker.ledger.sealing import Sealer
from worker.ledger.unread import EventReader
from worker.queue.bell import ring

log = logging.getLogger("hcc.hooks")

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_PAGE = 500  # events a transaction
_BY = "zalo"
_OF_RECEIPTS = {Word.RECEIVED: receipts.RECEIVED, Word.SEEN: receipts.SEEN, Word.ECHO: receipts.ECHO}
_FOLLOWING = frozenset({Word.FOLLOWED, Word.UNFOLLOWED})
_INTERACTIONS = frozenset({Word.FOLLOWED, Word.SUBMITTED, Word.INTERACTED, Word.WROTE})
_PROVEN = frozenset({Word.FOLLOWED, Word.UNFOLLOWED, Word.SUBMITTED, Word.WITHDREW})


@dataclass(frozen=True, slots=True)
class Applier:
    """Draws the consequences of the events of one OA."""

    oa: str
    ledger: Engine
    people: People
    sealer: Sealer = field(repr=False)
    grace_days: float
    ring: Callable[[], None]
    reader: EventReader | None = None  # None: this process, with the keys of `sealer`

    def run(self, seconds: float) -> int:
        """Apply what waits, for at most so long; returns how many events were applied."""
        end = time.monotonic() + seconds
        done = 0
        while time.monotonic() < end:
            try:
                page, to_send = self._page()
            except (*AWAY, ProgrammingError):
                raise  # the ledger is away or not migrated: no fault of an event
            except Exception as fault:  # noqa: BLE001 (incident 13: one poisonous event must not stop the others)
                log.warning("a page of events is applied one by one why=%s", type(fault).__name__)
                page, to_send = self._one_by_one()
            if to_send:
                self.ring()
            done += page
            if page < _PAGE:
                break
        return done

    def _page(self) -> tuple[int, bool]:
        """One page in one transaction: how many events, and whether there is something to send."""
        with self.ledger.begin() as tx:
            if not inbox.take_turn(tx, self.oa):
                return 0, False
            events, faults = self._came(tx)
            to_send = self.consequences(tx, events)
            self._close(tx, events, faults)
            receipts.apply(tx, self.oa)
            inbox.purge(tx)
        return len(events) + len(faults), to_send

    def _one_by_one(self) -> tuple[int, bool]:
        with self.ledger.begin() as tx:
            if not inbox.take_turn(tx, self.oa):
                return 0, False
            events, faults = self._came(tx)
            to_send = [self._alone(tx, event, faults) for event in events]
            self._close(tx, [event for event in events if event.number not in faults], faults)
        return len(events) + len(faults), any(to_send)

    def _came(self, tx: Connection) -> tuple[list[ZaloEvent], dict[int, str]]:
        """The next events, also those that could not be read and may be now; what cannot be read, with its fault."""
        again = unread.offered(tx, self.oa, self._reader, limit=_PAGE)
        return unseal_all([*again, *inbox.unapplied(tx, self.oa, limit=_PAGE)], self.sealer)

    def _alone(self, tx: Connection, event: ZaloEvent, faults: dict[int, str]) -> bool:
        try:
            with tx.begin_nested():
                return self.consequences(tx, [event])
        except (*AWAY, ProgrammingError):
            raise
        except Exception as error:  # noqa: BLE001 (set aside with its reason; the type only, a text may hold anything)
            faults[event.number] = type(error).__name__
            return False

    def _close(self, tx: Connection, events: Sequence[ZaloEvent], faults: Mapping[int, str]) -> None:
        """These events are done with; the others stay sealed."""
        done = [event.number for event in events]
        inbox.applied(tx, done)
        unread.applied(tx, done)
        aside = unread.keep(tx, faults, self._reader)
        for fault in sorted(set(faults.values())):
            ids = [number for number, why in faults.items() if why == fault]
            log.error(
                "events not read or not applied oa=%s number=%d first=%d set_aside=%d why=%s",
                self.oa, len(ids), min(ids), len(aside.intersection(ids)), fault,
            )  # fmt: skip

    @property
    def _reader(self) -> EventReader:
        return self.reader or event_reader(self.sealer)

    def consequences(self, tx: Connection, events: Sequence[ZaloEvent]) -> bool:
        """All that follows from these events; returns whether there is something to send."""
        gone = follows.withdrawn(tx, self.oa, self.people, {e.user_id for e in events if e.user_id is not None})
        told = [event for event in events if event.at > gone.get(event.user_id or "", _LONG_AGO)]
        to_send = [self._of_stretch(tx, stretch) for stretch in _stretches(told)]
        return any(to_send)

    def _of_stretch(self, tx: Connection, events: Sequence[ZaloEvent]) -> bool:
        """Of events of which only the last may be a withdrawal: what kinds of facts there are matters no more."""
        follows.prove(tx, self.oa, self.people, [(_user(e), e.word, e.at) for e in events if e.word in _PROVEN])
        receipts.keep(tx, self.oa, [receipt for event in events for receipt in _receipts(event)])
        follows.interacted(tx, self.oa, _newest(events))
        reachable = self._link(tx, [e for e in events if e.word is Word.SUBMITTED])
        came = [one for one in follows.set_follows(tx, self.oa, _follows(events)) if one.follows]
        greeted = self._greet(tx, came)
        reachable += [one.person_id for one in came if one.person_id is not None]
        met = [one.id for one in came]
        reopened = upkeep.reopen(tx, reachable, followers=met, days=self.grace_days, by=_BY)
        answered = converse(tx, self.oa, self.people, [e for e in events if e.word is Word.WROTE])
        if events[-1].word is Word.WITHDREW:
            follows.withdraw(tx, self.oa, self.people, _user(events[-1]), events[-1].at)
        return bool(greeted or reopened or answered)

    def _link(self, tx: Connection, submitted: Sequence[ZaloEvent]) -> list[int]:
        """Learn phones; returns the people who can be reached now."""
        links = [Link(_user(event), event.phone, event.at) for event in submitted if event.phone is not None]
        if not links:
            return []
        people = self.people.link(tx, self.oa, links, source=submitted[0].name)
        follows.answered(tx, self.oa, [link.user_id for link in links], PHONE_REQUEST)
        return people

    def _greet(self, tx: Connection, new: Sequence[Follower]) -> set[str]:
        """One welcome in a follower's life, however often they follow; who did not share a phone is asked for it.

        A notice of long ago is put away, and only its key is known.
        """
        now = datetime.now(UTC)
        asked = [_greeting(follower, PHONE_REQUEST, now) for follower in new if follower.person_id is None]
        greetings = [_greeting(follower, WELCOME, now) for follower in new] + asked
        untold = cursors.untold(tx, self.oa, [greeting.event_key for greeting in greetings])
        return notices.record(tx, self.oa, [greeting for greeting in greetings if greeting.event_key in untold])


def build_applier(settings: Settings, ledger: Engine | None = None, people: People | None = None) -> Applier:
    """An applier of one OA, on a ledger of its own where none is given. Needs the ledger."""
    oa = settings.zalo_oa_id
    ledger = ledger or open_ledger(settings.database_url, name="hcc hooks")
    sealer = Sealer(settings.secret_keys)
    people = people or People.of(ledger, sealer)
    return Applier(oa, ledger, people, sealer, settings.follow_grace_days, lambda: ring(oa))


def _greeting(follower: Follower, kind: str, now: datetime) -> NewNotice:
    """Notices to a follower go in order, as those of a dossier do; lower case keeps them apart from any dossier."""
    code = f"follower-{follower.id}"
    return NewNotice(
        event_key=event_key(code, kind, "1"),
        code=code,
        kind=kind,
        unit=None,
        facts={},
        person_id=None,
        no_person_because=None,
        event_at=now,
        fresh_at=now,
        follower_id=follower.id,
    )


def _stretches(events: Sequence[ZaloEvent]) -> list[Sequence[ZaloEvent]]:
    """The events, cut after each withdrawal: what comes after one is a new beginning."""
    cuts = [place + 1 for place, event in enumerate(events) if event.word is Word.WITHDREW]
    return [events[a:b] for a, b in pairwise(sorted({0, *cuts, len(events)}))]


def _follows(events: Sequence[ZaloEvent]) -> dict[str, tuple[datetime, int, bool]]:
    """The newest word on each user; of two at one moment the one that came later counts."""
    told = sorted((event for event in events if event.word in _FOLLOWING), key=lambda one: (one.at, one.number))
    return {_user(one): (one.at, one.number, one.word is Word.FOLLOWED) for one in told}


def _newest(events: Sequence[ZaloEvent]) -> dict[str, datetime]:
    """Each user's last interaction among these."""
    told = sorted((event.at, _user(event)) for event in events if event.word in _INTERACTIONS)
    return {user: at for at, user in told}


def _receipts(event: ZaloEvent) -> list[Receipt]:
    word = _OF_RECEIPTS.get(event.word)
    if word is None:
        return []
    return [Receipt(word, message, event.at, event.mark, event.user_id, event.text) for message in event.message_ids]


def _user(event: ZaloEvent) -> str:
    """The user of an event of a word that always has one."""
    if event.user_id is None:
        raise ValueError(f"an event {event.word} has no user")
    return event.user_id
