"""One round over the dossier database: what is new there becomes notices here.

1. Read a page of every feed. No transaction of the ledger is open meanwhile.
2. The rules turn rows into events and withdrawals; a row that cannot be read is set aside and told.
3. One ledger transaction: every cursor by compare-and-set, people, notices, withdrawals. If a cursor is not
   where it was, another poll was faster: nothing of ours stays, and that is all right.
4. Ring the bell. A lost bell does no harm.
5. Again for the feeds whose page was full, until none is or the time is up.
6. Feeds without a cursor begin (`start`): at the very first start, what exists is baseline.

The reconcile is slower and goes beside the rounds, in slices of its own (`reconcile`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial

from sqlalchemy import Engine

from config.settings import Settings
from producers.dossiers.feeds import feeds_of
from producers.dossiers.findings import Sieve
from producers.dossiers.follow import Follow
from producers.dossiers.guarding import Guarding, StartFrom
from producers.dossiers.identity import SameSource
from producers.dossiers.learned import Learning
from producers.dossiers.mapping import Mapping, load_mapping
from producers.dossiers.parts import Outrun, Parts, Round, utc_now
from producers.dossiers.reconcile import Reconcile
from producers.dossiers.remind import Reminding
from producers.dossiers.reread import Reread
from producers.dossiers.source import Source, SourceError, SourceUnreachableError
from producers.dossiers.start import Start
from worker.domain.guard import OFF, Guard
from worker.ledger import cursors
from worker.ledger.cursors import Cursor
from worker.ledger.engine import open_ledger
from worker.ledger.people import People
from worker.ledger.sealing import Sealer
from worker.ledger.setbacks import PRODUCER
from worker.queue.bell import ring as ring_worker

_log = logging.getLogger("hcc.producers")
_CATCH_UP_SECONDS = 1.0  # feeds that take longer are in a flood, and a round is at it


class Poller:
    """Polls one dossier database for one OA. Rounds may overlap, in this process and in others."""

    def __init__(
        self,
        *,
        oa: str,
        ledger: Engine,
        people: People,
        source: Source,
        mapping: Mapping,
        start_from: StartFrom,
        ring: Callable[[], None],
        clock: Callable[[], datetime] = utc_now,
        guard: Guard = OFF,
        recheck_seconds: float = 600.0,
        grace_days: float = 14.0,
    ) -> None:
        guarding = Guarding(oa, guard, start_from, clock)
        feeds = feeds_of(mapping)
        self._parts = Parts(oa, ledger, people, source, mapping, feeds, Sieve(), clock, guarding, grace_days)
        self._reread = Reread(self._parts, self._tell_bell, recheck_seconds)
        self._follow = Follow(self._parts, self._tell_bell)
        self._start = Start(self._parts, start_from, self._tell_bell)
        self._learning = Learning(self._parts)
        self._reminding = Reminding(self._parts, self._tell_bell)
        self._reconcile = Reconcile(self._parts, self._tell_bell, self._catch_up)
        self._same = SameSource(oa, ledger, source)
        self._ring = ring

    def round(self, seconds: float | None = None) -> Round:
        """One whole round of all feeds, or as much of it as begins within `seconds`.

        Raises `SourceError` after the other feeds had their turn, `SourceUnreachableError` and `StrangeSource` at once.
        """
        return self._tell("round", partial(self._go_round, time_is_up=_alarm(seconds)))

    def reconcile(self, seconds: float | None = None, *, whole: bool = False) -> Round:
        """A slice of the reconcile's pass, as much as begins within `seconds`; nothing while it rests.

        `whole` makes a new pass from beginning to end. Nothing is done before the first start is over. Raises
        `SourceError`.
        """
        return self._tell("reconcile", partial(self._go_reconcile, whole=whole, time_is_up=_alarm(seconds)))

    def _tell(self, what: str, go: Callable[[Round], None]) -> Round:
        tally = Round()
        try:
            go(tally)
        except Outrun:
            tally.outrun = True
        finally:
            if tally.notable:
                _log.info("%s oa=%s %s", what, self._parts.oa, tally.told())
        return tally

    def break_off(self) -> None:
        """End what waits in vain for the source: a round that hangs then ends with `SourceUnreachableError`."""
        if cut := self._parts.source.break_off():
            _log.error("the dossier database stands still, broken off oa=%s connections=%d", self._parts.oa, cut)

    def remind(self) -> int:
        """Record the reminders that are due now; returns how many are new. Raises `SourceError`."""
        self._same.check()
        return self._reminding.run()

    def _go_reconcile(self, tally: Round, *, whole: bool, time_is_up: Callable[[], bool]) -> None:
        self._same.check()
        held = self._cursors()
        if self._parts.mapping.reconcile and all(feed.name in held for feed in self._parts.feeds):
            self._reconcile.run(tally, whole=whole, time_is_up=time_is_up)
            if not tally.more:
                self._reread.walk(tally, whole=whole, time_is_up=time_is_up)

    def _go_round(self, tally: Round, *, time_is_up: Callable[[], bool]) -> None:
        self._same.check()
        self._tell_bell(self._learning.run())
        held = self._cursors()
        try:
            self._read_feeds(held, tally, time_is_up=time_is_up)
        finally:  # also where a feed is at fault or in a flood; and where the source is away, what waits for it says so
            self._reread.recheck(tally, time_is_up=time_is_up)

    def _read_feeds(self, held: dict[str, Cursor], tally: Round, *, time_is_up: Callable[[], bool]) -> None:
        begun = [feed for feed in self._parts.feeds if feed.name in held]
        lacking = [feed for feed in self._parts.feeds if feed.name not in held]
        self._follow.run(begun, held, tally, time_is_up=time_is_up)
        if lacking and not tally.more:
            # Only behind the feeds that we follow already: what these still had to tell is no baseline.
            self._start.run(lacking, tally, time_is_up=time_is_up)
            held = self._cursors()
            started = [feed for feed in lacking if feed.name in held]
            self._follow.run(started, held, tally, time_is_up=time_is_up)

    def _catch_up(self, tally: Round, *, whole: bool) -> bool:
        """For the reconcile: read all feeds to their ends; False, and nothing kept, where a flood is in the way.

        Raises `Outrun`, `SourceUnreachableError`.
        """
        patience = _alarm(None if whole else _CATCH_UP_SECONDS)
        try:
            self._follow.run(self._parts.feeds, self._cursors(), tally, time_is_up=patience, or_nothing=True)
        except SourceUnreachableError:
            raise
        except SourceError:  # a feed that cannot be read tells nothing, so the reconcile has to; the round says why
            return True
        return not tally.more

    def _cursors(self) -> dict[str, Cursor]:
        with self._parts.ledger.begin() as tx:
            return cursors.read(tx, self._parts.oa)

    def _tell_bell(self, changed: int) -> None:
        """A withdrawal may let a later notice go, so it rings as well."""
        if not changed:
            return
        try:
            self._ring()
        except Exception as error:  # noqa: BLE001 (whatever the broker's client raises: the sweep finds the notices)
            _log.warning("bell not rung error=%s", type(error).__name__)


def _alarm(seconds: float | None) -> Callable[[], bool]:
    """Tells when `seconds` are over; never for None."""
    until = None if seconds is None else time.monotonic() + seconds
    return lambda: until is not None and time.monotonic() >= until


def build_poller(settings: Settings, ledger: Engine | None = None, people: People | None = None) -> Poller:
    """A poller of one OA, on a ledger of its own where none is given.

    Needs the ledger; raises `MappingError`, `SourceError` (no driver).
    """
    mapping = load_mapping(settings.source)
    source = Source(settings.dossier_url, mapping)
    ledger = ledger or open_ledger(settings.database_url, name=PRODUCER)
    return Poller(
        oa=settings.zalo_oa_id,
        ledger=ledger,
        people=people or People.of(ledger, Sealer(settings.secret_keys)),
        source=source,
        mapping=mapping,
        start_from=_start_from(settings, mapping),
        guard=Guard(settings.old_event_days, settings.guard_notices),
        ring=partial(ring_worker, settings.zalo_oa_id),
        recheck_seconds=settings.recheck_seconds,
        grace_days=settings.follow_grace_days,
    )


def _start_from(settings: Settings, mapping: Mapping) -> StartFrom:
    moment = settings.started_from(mapping.zone)
    if moment is not None:
        return moment
    return "beginning" if settings.start_from == "beginning" else "now"
