"""Applies Zalo's events page by page, in order of arrival, one process at a time.

Every consequence carries the time of its event and is idempotent, so an event that comes late, twice, or after a crash
in the middle of its page does no harm. Statements have a time-out. A page that fails or takes too long is retried event
by event, each in its own transaction, and the next page is half as large (`pages`). An event that cannot be read or
applied delays no other, not even a later event of the same user: it stays sealed (`unread`), and is judged by its own
time once a process can read it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from config.settings import Settings
from coordination.bell import ring
from domain.event import event_key
from domain.kinds import PHONE_REQUEST, WELCOME
from domain.phone_claims import Demand, Judgement
from ground.ground import Ground
from ledger.base.bounds import bound, is_away, type_of
from ledger.base.sealing import Sealer
from ledger.notices import notices, sweep_queries
from ledger.notices.notices import NewNotice
from ledger.people import follows
from ledger.people.follows import Follower
from ledger.people.people import Link, People
from ledger.people.phonebook import Phonebook
from ledger.source import cursors
from ledger.zalo import inbox, pages, receipts, unread
from ledger.zalo.inbox import Unapplied
from ledger.zalo.receipts import Receipt
from ledger.zalo.unread import EventReader
from producers.hooks.ability import event_reader
from producers.hooks.chat import converse
from producers.hooks.event_words import EventWord
from producers.hooks.prove import take_proofs
from producers.hooks.read import ZaloEvent
from producers.hooks.record import unseal_all

log = logging.getLogger("hcc.hooks")

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_SECONDS = 5.0  # time-out of a statement; after it, the events are applied one by one
_ALONE_SECONDS = 15.0  # time-out for a single event: longer, since a slow ledger is not the event's fault
_BY = "zalo"
_OF_RECEIPTS = {EventWord.RECEIVED: receipts.RECEIVED, EventWord.SEEN: receipts.SEEN, EventWord.ECHO: receipts.ECHO}
_FOLLOWING = frozenset({EventWord.FOLLOWED, EventWord.UNFOLLOWED})
_INTERACTIONS = frozenset({EventWord.FOLLOWED, EventWord.SUBMITTED, EventWord.INTERACTED, EventWord.WROTE})
_PROVEN = frozenset({EventWord.FOLLOWED, EventWord.UNFOLLOWED, EventWord.SUBMITTED, EventWord.WITHDREW})


@dataclass(frozen=True, slots=True)
class Applier:
    """Applies the events of one OA."""

    oa: str
    ledger: Engine
    people: People
    sealer: Sealer = field(repr=False)
    grace_days: float
    ring: Callable[[], None]
    reader: EventReader | None = None  # None: this process, with the keys of `sealer`
    demand: Demand = Demand.CODE
    sends_codes: bool = False

    def run(self, seconds: float) -> int:
        """Apply waiting events for at most `seconds`; returns how many were applied or set aside with a fault."""
        end = time.monotonic() + seconds
        done = self._try_again(end)
        while time.monotonic() < end:
            most = self._begin_page()
            number = self._page(most, end) if most else 0
            self._look_at_receipts()
            done += number
            if number < most or not most:
                break
        return done

    def _begin_page(self) -> int:
        """Record and return the size limit of the next page; 0 if no events wait or another process has the turn."""
        with self.ledger.begin() as tx:
            if not inbox.take_turn(tx, self.oa):
                return 0
            some = inbox.unapplied(tx, self.oa, limit=1) or self._untried(tx, limit=1)
            return pages.begin(tx, self.oa) if some else 0

    def _page(self, most: int, end: float) -> int:
        """Apply up to `most` events in one transaction; if that fails, each alone, and then halve the page size."""
        if most > 1:
            try:
                return self._together(most)
            except Exception as fault:
                if is_away(fault):
                    raise
                log.warning("a page of events is applied one by one oa=%s why=%s", self.oa, type_of(fault))
        with self.ledger.begin() as tx:
            came = inbox.unapplied(tx, self.oa, limit=most) or self._untried(tx, limit=most)
        done = self._each_alone(came, end)
        with self.ledger.begin() as tx:
            pages.keep(tx, self.oa, max(2, most // 2))
        return done

    def _together(self, most: int) -> int:
        with self.ledger.begin() as tx:
            if not inbox.take_turn(tx, self.oa):
                return 0
            bound(tx, _SECONDS)
            came = [*self._untried(tx, limit=most), *inbox.unapplied(tx, self.oa, limit=most)]
            events, faults = unseal_all(came, self.sealer)
            to_send = self.consequences(tx, events)
            self._close(tx, events, faults)
            pages.keep(tx, self.oa, 2 * most)
        if to_send:
            self.ring()
        return len(came)

    def _try_again(self, end: float) -> int:
        """Retry the events that failed before, each alone; only readable ones are worth a try."""
        with self.ledger.begin() as tx:
            if not inbox.take_turn(tx, self.oa):
                return 0
            failed = unread.offered(tx, self.oa, self._reader, limit=pages.MOST, tried=True)
        return self._each_alone(failed, end) if failed else 0

    def _untried(self, tx: Connection, *, limit: int) -> list[Unapplied]:
        return unread.offered(tx, self.oa, self._reader, limit=limit, tried=False)

    def _each_alone(self, came: Sequence[Unapplied], end: float) -> int:
        """Apply each event in its own transaction, counting the try beforehand; returns how many were handled."""
        events, faults = unseal_all(came, self.sealer)
        with self.ledger.begin() as tx:
            self._close(tx, [], faults)
        done = len(faults)
        for event in events:
            if time.monotonic() >= end:
                break
            done += self._alone(event)
        return done

    def _alone(self, event: ZaloEvent) -> bool:
        with self.ledger.begin() as tx:
            last = unread.begin(tx, event.number, self._reader) if inbox.take_turn(tx, self.oa) else None
        if last is None:
            return False
        try:
            with self.ledger.begin() as tx:
                bound(tx, _ALONE_SECONDS)
                to_send = self.consequences(tx, [event])
                self._close(tx, [event], {})
        except Exception as fault:
            if is_away(fault):
                raise
            with self.ledger.begin() as tx:
                unread.failed(tx, event.number, type_of(fault))
            self._say({event.number: type_of(fault)}, {event.number} if last else set())
        else:
            if to_send:
                self.ring()
        return True

    def _look_at_receipts(self) -> None:
        """Apply receipts separately from the events, so that a fault in one does not delay the other."""
        try:
            with self.ledger.begin() as tx:
                if inbox.take_turn(tx, self.oa):
                    bound(tx, _SECONDS)
                    receipts.apply(tx, self.oa)
        except OperationalError as fault:
            if is_away(fault):
                raise
            log.error("receipts are looked at later oa=%s why=%s", self.oa, type_of(fault))  # noqa: TRY400 (the sentence says all)

    def _close(self, tx: Connection, events: Sequence[ZaloEvent], faults: Mapping[int, str]) -> None:
        """Mark `events` as applied; those in `faults` stay sealed."""
        done = [event.number for event in events]
        inbox.applied(tx, done)
        unread.applied(tx, done)
        self._say(faults, unread.keep(tx, faults, self._reader))

    def _say(self, faults: Mapping[int, str], aside: set[int]) -> None:
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
        """Apply all consequences of these events; returns whether there is something to send."""
        gone = follows.withdrawn(tx, self.oa, self.people, {e.user_id for e in events if e.user_id is not None})
        told = [event for event in events if event.at > gone.get(event.user_id or "", _LONG_AGO)]
        to_send = [self._of_stretch(tx, stretch) for stretch in _stretches(told)]
        return any(to_send)

    def _of_stretch(self, tx: Connection, events: Sequence[ZaloEvent]) -> bool:
        """Apply events of which only the last may be a withdrawal, so each kind of fact can be applied as a batch."""
        follows.prove(tx, self.oa, self.people, [(_user(e), e.word, e.at) for e in events if e.word in _PROVEN])
        receipts.keep(tx, self.oa, [receipt for event in events for receipt in _receipts(event)])
        follows.interacted(tx, self.oa, _newest(events))
        reachable, asked = self._link(tx, [e for e in events if e.word is EventWord.SUBMITTED])
        came = [one for one in follows.set_follows(tx, self.oa, _follows(events)) if one.follows]
        greeted = self._greet(tx, came)
        reachable += [one.person_id for one in came if one.person_id is not None]
        met = [one.id for one in came]
        written = [e for e in events if e.word is EventWord.WROTE]
        proven = take_proofs(tx, self.oa, self.phonebook, written)
        reachable += proven.reachable
        reopened = sweep_queries.reopen(tx, reachable, followers=met, days=self.grace_days, by=_BY)
        answered = converse(tx, self.oa, self.people, [e for e in written if e.number not in proven.answered])
        if events[-1].word is EventWord.WITHDREW:
            follows.withdraw(tx, self.oa, self.people, _user(events[-1]), events[-1].at)
        return bool(greeted or reopened or answered or asked or proven.recorded)

    @property
    def phonebook(self) -> Phonebook:
        """The phonebook, which judges claims of phones."""
        return Phonebook(self.people, self.demand, sends_codes=self.sends_codes)

    def _link(self, tx: Connection, submitted: Sequence[ZaloEvent]) -> tuple[list[int], set[str]]:
        """Link the phones that were shared; returns the people who can be reached now, and the keys of new notices."""
        links = [Link(_user(event), event.phone, event.at) for event in submitted if event.phone is not None]
        if not links:
            return [], set()
        judged = self.phonebook.submit(tx, self.oa, links, source=submitted[0].name)
        follows.answered(tx, self.oa, [link.user_id for link in links], PHONE_REQUEST)
        if refused := sum(ruling.judgement is Judgement.REFUSE for ruling in judged.rulings):
            log.error("claims of phones refused oa=%s number=%d of=%d", self.oa, refused, len(links))
        return judged.reachable, judged.recorded

    def _greet(self, tx: Connection, new: Sequence[Follower]) -> set[str]:
        """Record one welcome in a follower's life, however often they follow; ask for the phone if it was not shared.

        The keys are checked with `untold`, because only the key remains of an old notice that was archived.
        """
        now = datetime.now(UTC)
        asked = [_greeting(follower, PHONE_REQUEST, now) for follower in new if follower.person_id is None]
        greetings = [_greeting(follower, WELCOME, now) for follower in new] + asked
        untold = cursors.untold(tx, self.oa, [greeting.event_key for greeting in greetings])
        return notices.record(tx, self.oa, [greeting for greeting in greetings if greeting.event_key in untold])


def build_applier(settings: Settings, ground: Ground) -> Applier:
    """Build the applier of one OA. Needs the ledger."""
    oa = settings.zalo_oa_id
    return Applier(
        oa, ground.ledger, ground.people, ground.sealer, settings.follow_grace_days, lambda: ring(oa),
        demand=Demand(settings.phone_proof), sends_codes=bool(settings.code_channels),
    )  # fmt: skip


def _greeting(follower: Follower, kind: str, now: datetime) -> NewNotice:
    """A notice to a follower. Its code orders a follower's notices like a dossier's; lower case keeps it distinct from
    the code of any dossier.
    """
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
    """The events, split after each withdrawal: the events after it are a new beginning."""
    cuts = [place + 1 for place, event in enumerate(events) if event.word is EventWord.WITHDREW]
    return [events[a:b] for a, b in pairwise(sorted({0, *cuts, len(events)}))]


def _follows(events: Sequence[ZaloEvent]) -> dict[str, tuple[datetime, int, bool]]:
    """The newest follow or unfollow of each user; of two with the same time the later arrival counts."""
    told = sorted((event for event in events if event.word in _FOLLOWING), key=lambda one: (one.at, one.number))
    return {_user(one): (one.at, one.number, one.word is EventWord.FOLLOWED) for one in told}


def _newest(events: Sequence[ZaloEvent]) -> dict[str, datetime]:
    """The time of each user's last interaction in these events."""
    told = sorted((event.at, _user(event)) for event in events if event.word in _INTERACTIONS)
    return {user: at for at, user in told}


def _receipts(event: ZaloEvent) -> list[Receipt]:
    word = _OF_RECEIPTS.get(event.word)
    if word is None:
        return []
    return [Receipt(word, message, event.at, event.mark, event.user_id, event.text) for message in event.message_ids]


def _user(event: ZaloEvent) -> str:
    """The user of an event whose word always has one."""
    if event.user_id is None:
        raise ValueError(f"an event {event.word} has no user")
    return event.user_id
