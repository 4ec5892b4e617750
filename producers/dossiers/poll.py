"""Polls the dossier database: a round turns its new rows into notices.

1. Read a page of every feed. No ledger transaction is open while the source is queried.
2. Apply the rules, which turn rows into events and retractions; an unreadable row is set aside and reported.
3. Repeat for the feeds whose page was full, until none is or the time is up. A flood is committed in parts.
4. Commit one ledger transaction: every cursor by compare-and-set, people, notices, retractions. If a cursor has
   moved, another poll was faster: our transaction is rolled back, which does no harm.
5. Ring the bell. A lost bell does no harm.
6. Start the feeds without a cursor (`start`): at the very first start, existing events become baseline.

The reconcile is slower and runs next to the rounds, in slices of its own (`reconcile`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial

from sqlalchemy import Engine

from config.settings import Settings
from coordination.bell import ring as ring_worker
from domain.volume_guard import OFF, VolumeGuard
from ground.ground import Ground
from ledger.base.setbacks import PRODUCER
from ledger.people.people import People
from ledger.source import cursors
from ledger.source.cursors import Cursor
from producers.dossiers.context import Outrun, PollContext, Round, utc_now
from producers.dossiers.feeds import feeds_of
from producers.dossiers.findings import RuleRunner
from producers.dossiers.follow import Follow
from producers.dossiers.guarding import Guarding, StartFrom
from producers.dossiers.identity import SameSource
from producers.dossiers.learned import Learning
from producers.dossiers.mapping import Mapping, load_mapping
from producers.dossiers.reconcile import Reconcile
from producers.dossiers.remind import Reminding
from producers.dossiers.reread import Reread
from producers.dossiers.source import Source, SourceError, SourceUnreachableError
from producers.dossiers.start import Start

_log = logging.getLogger("hcc.producers")
_CATCH_UP_SECONDS = 1.0  # feeds that take longer are in a flood, which a round is reading


class Poller:
    """Polls one dossier database for one OA. Rounds may overlap, within this process and with other processes."""

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
        guard: VolumeGuard = OFF,
        recheck_seconds: float = 600.0,
        grace_days: float = 14.0,
    ) -> None:
        guarding = Guarding(oa, guard, start_from, clock)
        feeds = feeds_of(mapping)
        self._parts = PollContext(oa, ledger, people, source, mapping, feeds, RuleRunner(), clock, guarding, grace_days)
        self._reread = Reread(self._parts, self._tell_bell, recheck_seconds)
        self._follow = Follow(self._parts, self._tell_bell)
        self._start = Start(self._parts, start_from, self._tell_bell)
        self._learning = Learning(self._parts)
        self._reminding = Reminding(self._parts, self._tell_bell)
        self._reconcile = Reconcile(self._parts, self._tell_bell, self._catch_up)
        self._same = SameSource(oa, ledger, source)
        self._ring = ring

    def round(self, seconds: float | None = None) -> Round:
        """Run a whole round of all feeds, or as much of it as begins within `seconds`.

        Raises `SourceError` after the other feeds were read, `SourceUnreachableError` and `StrangeSource` at once.
        """
        return self._tell("round", partial(self._go_round, time_is_up=_alarm(seconds)))

    def reconcile(self, seconds: float | None = None, *, whole: bool = False) -> Round:
        """Run a slice of the reconcile's pass, as much as begins within `seconds`; nothing while it rests.

        `whole` runs a new pass from beginning to end. Does nothing before the first start is over. Raises
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
        """Cut overdue connections to the source: a round that hangs then ends with `SourceUnreachableError`."""
        if cut := self._parts.source.break_off():
            _log.error("the dossier database stands still, broken off oa=%s connections=%d", self._parts.oa, cut)

    def remind(self) -> int:
        """Record the reminders due now; returns how many are new. Raises `SourceError`."""
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
        finally:  # also if a feed failed or is in a flood; if the source is away, the waiting notices get that reason
            self._reread.recheck(tally, time_is_up=time_is_up)

    def _read_feeds(self, held: dict[str, Cursor], tally: Round, *, time_is_up: Callable[[], bool]) -> None:
        begun = [feed for feed in self._parts.feeds if feed.name in held]
        lacking = [feed for feed in self._parts.feeds if feed.name not in held]
        self._follow.run(begun, held, tally, time_is_up=time_is_up)
        if lacking and not tally.more:
            # Only after the feeds already followed: the rows that those have not read yet are not baseline.
            self._start.run(lacking, tally, time_is_up=time_is_up)
            held = self._cursors()
            started = [feed for feed in lacking if feed.name in held]
            self._follow.run(started, held, tally, time_is_up=time_is_up)

    def _catch_up(self, tally: Round, *, whole: bool) -> bool:
        """Read all feeds to their ends for the reconcile; False, with nothing committed, if a flood prevents it.

        Raises `Outrun`, `SourceUnreachableError`.
        """
        patience = _alarm(None if whole else _CATCH_UP_SECONDS)
        try:
            self._follow.run(self._parts.feeds, self._cursors(), tally, time_is_up=patience, or_nothing=True)
        except SourceUnreachableError:
            raise
        except SourceError:  # an unreadable feed reports nothing, so the reconcile must; the round reports why
            return True
        return not tally.more

    def _cursors(self) -> dict[str, Cursor]:
        with self._parts.ledger.begin() as tx:
            return cursors.read(tx, self._parts.oa)

    def _tell_bell(self, changed: int) -> None:
        """Ring the bell if anything changed; a retraction counts too, since it may release a later notice."""
        if not changed:
            return
        try:
            self._ring()
        except Exception as error:  # noqa: BLE001 (whatever the broker's client raises: the sweep finds the notices)
            _log.warning("bell not rung error=%s", type(error).__name__)


def _alarm(seconds: float | None) -> Callable[[], bool]:
    """A function that returns whether `seconds` have passed; for None they never do."""
    until = None if seconds is None else time.monotonic() + seconds
    return lambda: until is not None and time.monotonic() >= until


def build_poller(settings: Settings, ground: Ground | None = None) -> Poller:
    """Build the poller of one OA, on ground of its own if none is given.

    Needs the ledger; raises `MappingError`, `SourceError` (no driver).
    """
    mapping = load_mapping(settings.source)
    source = Source(settings.dossier_url, mapping)
    ground = ground or Ground(settings, PRODUCER)
    return Poller(
        oa=settings.zalo_oa_id,
        ledger=ground.ledger,
        people=ground.people,
        source=source,
        mapping=mapping,
        start_from=_start_from(settings, mapping),
        guard=VolumeGuard(settings.old_event_days, settings.guard_notices),
        ring=partial(ring_worker, settings.zalo_oa_id),
        recheck_seconds=settings.recheck_seconds,
        grace_days=settings.follow_grace_days,
    )


def _start_from(settings: Settings, mapping: Mapping) -> StartFrom:
    moment = settings.started_from(mapping.zone)
    if moment is not None:
        return moment
    return "beginning" if settings.start_from == "beginning" else "now"
