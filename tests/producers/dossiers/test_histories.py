"""Random histories: whatever writers skip and pollers suffer, exactly the events that the rules say, once (R1–R15).

A history is a list of steps. Writers change dossiers on connections of their own: some leave no history row or do not
touch the change time, some hold their transaction open while younger ids commit, some roll back. Pollers crash between
reading and committing, or after the commit and before the bell, or are overtaken by another one; and dossiers change
while they read. What has to be told is read off the dossier database by `sandbox.dossiers.truth`, which knows nothing
of how the product finds it. hypothesis shrinks a failing history to its shortest form.

`HCC_HISTORIES=2000 HCC_HISTORY_DAYS=30 pytest tests/producers/dossiers/test_histories.py` tries more of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, event, text

from domain.volume_guard import VolumeGuard
from producers.dossiers.context import Round
from producers.dossiers.poll import Poller
from sandbox.dossiers.habits import Habits
from sandbox.dossiers.life import Life
from sandbox.dossiers.living import SlowWriter
from sandbox.dossiers.truth import Truth
from sandbox.dossiers.writer import Leaves, Writer
from tests.producers.dossiers.conftest import PHONE, World

HISTORIES = int(os.environ.get("HCC_HISTORIES", "20"))
DAYS = int(os.environ.get("HCC_HISTORY_DAYS", "4"))
MONDAY = datetime(2026, 1, 5, 7)  # noqa: DTZ001 (local and naive, as the dossier database keeps it)
PATIENT_OVERLAP = 30  # seconds for which change times are read again (config/sources/reference.toml)
CODES = ("H27.37-240219-1001", "H27.37-240219-1002", "H27.37-240219-1003")
CHANNELS = (2, 2, 1)  # the third was filed at the counter: nobody is told


@dataclass
class Dossier:
    """A dossier as the writers know it: its fee requests, and the transaction that is open on it."""

    code: str
    fees: list[int] = field(default_factory=list)
    open: SlowWriter | None = None
    steps_left: int = 0
    rolls_back: bool = False
    since: datetime | None = None
    deeds: list[Deed] = field(default_factory=list)
    status: int = 1  # as the last deed left it


Act: TypeAlias = Callable[[Writer, Dossier, datetime], object]


def moved(status: int) -> Act:
    """A step to this status."""
    return lambda who, dossier, at: who.move(dossier.code, status, at=at)


def accepted(status: int) -> Act:
    """Acceptance, at 2 or at 4 where 2 is passed over."""
    return lambda who, dossier, at: who.accept(dossier.code, at=at, appointment=None, status=status)


def finished(kind: str, result_state: int = 2) -> Act:
    """Status 9."""
    return lambda who, dossier, at: who.finish(dossier.code, at=at, kind=kind, result_state=result_state)


def asked(state: str, amount: int = 5000, way: str = "Thu trước") -> Act:
    """A new payment request."""
    return lambda who, dossier, at: dossier.fees.append(
        who.request_fee(dossier.code, amount, at=at, state=state, way=way)
    )


def fee(state: str) -> Act:
    """The newest payment request changes."""
    return lambda who, dossier, at: dossier.fees and who.change_fee(dossier.fees[-1], state, at=at)


ACTS: dict[str, Act] = {
    "accepted": accepted(2),
    "accepted at 4": accepted(4),
    "in progress": moved(4),
    "supplement": moved(5),
    "refused": moved(3),
    "withdrawn": moved(7),
    "finished": finished("Kết quả"),
    "given back": finished("Trả lại/Xin rút"),
    "unconfirmed": finished("Kết quả", result_state=1),
    "confirmed": lambda who, dossier, at: who.confirm(dossier.code, at=at),
    "confirmation taken back": lambda who, dossier, at: who.confirm(dossier.code, at=at, result_state=1),
    "handed over": lambda who, dossier, at: who.hand_over(dossier.code, at),
    "fee asked": asked("Chờ thanh toán"),
    "fee noted": asked("Chưa thanh toán"),
    "fee of zero": asked("Chờ thanh toán", amount=0),
    "fee exempt": asked("Chờ thanh toán", way="Đối tượng miễn phí"),
    "fee due": fee("Chờ thanh toán"),
    "fee paid": fee("Đã thanh toán"),
    "fee cancelled": fee("Hủy thanh toán"),
    "deleted": lambda who, dossier, at: who.delete(dossier.code, at=at),
    "restored": lambda who, dossier, at: who.delete(dossier.code, at=at, deleted=False),
}
STATUS = {"refused": 3, "withdrawn": 7} | dict.fromkeys(
    ("accepted", "accepted at 4", "in progress", "supplement", "finished", "given back", "unconfirmed", "handed over"),
    4,
)
TRACED_BY_CHANGE_TIME = {"fee due", "fee paid", "fee cancelled"}
TRACED_BY_ID = {"fee asked"}
UNTRACED = {"deleted", "restored"}
STAMPED = UNTRACED  # by hand, in the system's own screens: these always touch the change time
OVER = (3, 7)  # refused, withdrawn: no program hands over the result of one of these


@dataclass(frozen=True)
class Deed:
    """A writer does something; its transaction ends so many steps `late`."""

    dossier: int
    act: str
    leaves: Leaves
    late: int
    rolls_back: bool

    @property
    def traced(self) -> bool:
        """Whether it leaves what the next poll follows; what is not traced is found by and by."""
        if self.act in TRACED_BY_ID:
            return True
        return self.leaves.change_time if self.act in TRACED_BY_CHANGE_TIME else self.leaves.history


@dataclass(frozen=True)
class Poll:
    """A round of the feeds or a pass of the reconcile, and what befalls it after it has read so many pages."""

    mishap: str
    pages: int
    reconcile: bool = False


@dataclass(frozen=True)
class Pass:
    """Time passes."""

    seconds: int


Step: TypeAlias = Deed | Poll | Pass

DEEDS = st.builds(
    Deed,
    dossier=st.integers(0, len(CODES) - 1),
    act=st.sampled_from([*["accepted", "finished", "fee asked"] * 3, *sorted(ACTS)]),
    leaves=st.sampled_from(
        [*[Leaves()] * 3, Leaves(history=False), Leaves(change_time=False), Leaves(history=False, change_time=False)]
    ),
    late=st.sampled_from([0, 0, 2, 5]),
    rolls_back=st.sampled_from([*[False] * 7, True]),
)
POLLS = st.builds(
    Poll,
    mishap=st.sampled_from(["none", "none", "crash before commit", "crash after commit", "overtaken", "meanwhile"]),
    pages=st.integers(1, 4),
    reconcile=st.sampled_from([False, False, True]),
)
CLEAN = Poll("none", 1)
LATE, OTHER = Deed(0, "accepted", Leaves(), 2, rolls_back=False), Deed(1, "accepted", Leaves(), 0, rolls_back=False)
STEPS = st.one_of(DEEDS, DEEDS, POLLS, st.builds(Pass, seconds=st.integers(1, 40)))


class Crash(BaseException):
    """A process dies; no `except Exception` saves it."""


class Play:
    """Plays one history, and knows at each moment what has to have been told."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.truth = Truth(world.dossiers.engine)
        self.dossiers = [Dossier(code) for code in CODES]
        self.traced: set[str] = set()  # what the next clean poll has to find
        self.silenced: set[str] = set()  # fees that were paid or cancelled in time
        self._doomed = False
        self._pollers: list[Poller] = []
        for dossier, channel in zip(self.dossiers, CHANNELS, strict=True):
            world.dossiers.file(dossier.code, phone=PHONE, at=self.local(), channel=channel)

    def local(self) -> datetime:
        """The source's clock."""
        return self.world.now.astimezone(self.world.mapping.zone).replace(tzinfo=None)

    def begin(self) -> None:
        """The first start: what is committed by now is nobody's news."""
        self.truth.adopt(CODES)
        self.truth.look(CODES)
        self.traced.clear()
        self.poll(Poll("none", 0))

    def do(self, step: Step) -> None:
        """One step; then transactions whose time has come end."""
        self.world.now += timedelta(seconds=1)
        match step:
            case Deed():
                self.write(step)
            case Poll():
                self.poll(step)
            case Pass():
                self.world.now += timedelta(seconds=step.seconds)
        for dossier in self.dossiers:
            dossier.steps_left -= 1
            if dossier.open and dossier.steps_left <= 0:
                self.end(dossier)

    def write(self, deed: Deed) -> None:
        """On the transaction that is open on this dossier, on one that stays open, or at once."""
        dossier = self.dossiers[deed.dossier]
        if deed.act == "handed over" and dossier.status in OVER:
            return
        if dossier.open is None and deed.late:
            dossier.open, dossier.steps_left, dossier.since = self.world.dossiers.slow(), deed.late + 1, self.local()
        dossier.deeds.append(deed)
        dossier.rolls_back = deed.rolls_back
        hands = (dossier.open or self.world.dossiers).leaving(
            history=deed.leaves.history, change_time=deed.leaves.change_time or deed.act in STAMPED
        )
        fees = list(dossier.fees)
        ACTS[deed.act](hands, dossier, self.local())
        dossier.status = STATUS.get(deed.act, dossier.status)
        if dossier.open is None:
            self.committed(dossier, late=False)
        elif deed.rolls_back:
            dossier.fees = fees
            self.end(dossier)

    def end(self, dossier: Dossier) -> None:
        """The open transaction commits or rolls back."""
        slow, dossier.open = dossier.open, None
        assert slow is not None
        assert dossier.since is not None
        if dossier.rolls_back:
            slow.rollback()
            dossier.deeds.clear()
            return
        slow.commit()
        self.committed(dossier, late=self.local() - dossier.since > timedelta(seconds=PATIENT_OVERLAP - 1))

    def committed(self, dossier: Dossier, *, late: bool) -> None:
        """Note what holds now, and whether the next poll has to see it."""
        before = self.truth.now.get(dossier.code, frozenset())
        new = self.truth.look([dossier.code])
        deeds, dossier.deeds = dossier.deeds, []
        holding = set().union(*self.truth.now.values())
        self.traced &= holding
        self.silenced -= holding
        followed = len(deeds) == 1 and deeds[0].traced and deeds[0].act not in UNTRACED
        if followed and not (late and deeds[0].act in TRACED_BY_CHANGE_TIME):
            self.traced |= new - self.truth.past
            if deeds[0].act in TRACED_BY_CHANGE_TIME:
                self.silenced |= before - self.truth.now[dossier.code]

    def poll(self, poll: Poll) -> None:
        """A round of one of two pollers; a crashed one is replaced by a new process."""
        while len(self._pollers) < 2:
            self._pollers.append(self.poller())
        poller, other = self._pollers
        pages = 0

        def read_one_more() -> None:
            nonlocal pages
            pages += 1
            if pages != poll.pages:
                return
            if poll.mishap == "overtaken":
                self._go(other, poll)
            if poll.mishap == "meanwhile":
                self.write(Deed(0, "finished", Leaves(), 0, rolls_back=False))
            self._doomed = poll.mishap == "crash before commit"

        self._after_page = read_one_more
        self._dies_ringing = poll.mishap == "crash after commit"
        try:
            tally = self._go(poller, poll)
        except Crash:
            self._pollers.remove(poller)
            return
        finally:
            self._after_page, self._doomed, self._dies_ringing = lambda: None, False, False
        if not tally.outrun and poll.mishap != "meanwhile":
            seen = self.truth.must if poll.reconcile else self.traced
            assert seen <= self.told(), "a poll went by what it has to see"
            assert not self.silenced & self.told("state IN ('due', 'waiting')"), "a paid fee is still to be told"

    def _go(self, poller: Poller, poll: Poll) -> Round:
        return poller.reconcile(whole=True) if poll.reconcile else poller.round()

    def poller(self) -> Poller:
        """A poller whose reading and ringing we can watch."""
        poller = self.world.poller(ring=self.ring)
        source = self.world.sources[-1]
        ask = source.ask

        def watched(connection: Connection, name: str, parameters: Any) -> Any:
            rows = ask(connection, name, parameters)
            if poller is self._pollers[0]:
                self._after_page()
            return rows

        source.ask = watched  # type: ignore[method-assign]
        return poller

    def ring(self) -> None:
        """The bell, rung after a commit."""
        if self._dies_ringing:
            raise Crash

    def commit(self, _: object) -> None:
        """The ledger is about to commit."""
        if self._doomed:
            raise Crash

    def settle(self) -> None:
        """Every transaction ends, and the background comes round to every dossier."""
        for dossier in self.dossiers:
            if dossier.open:
                self.end(dossier)
        for reconcile in (False, True, False):
            self.world.now += timedelta(minutes=2)
            self.poll(Poll("none", 0, reconcile))

    def told(self, which: str = "true") -> set[str]:
        """The keys of notices."""
        return {row.event_key for row in self.world.rows(f"SELECT event_key FROM notices WHERE {which}")}


@pytest.fixture
def stage(world: World) -> Iterator[Callable[[], Play]]:
    """Makes an empty world for each history; databases are emptied rather than made anew."""
    plays: list[Play] = []

    def make() -> Play:
        for source in world.sources:
            source.close()
        for engine in (world.dossiers.engine, world.ledger):
            with engine.begin() as tx:
                names = tx.scalars(
                    text(
                        "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
                    )
                )
                tx.exec_driver_sql(f"TRUNCATE {', '.join(names)} RESTART IDENTITY")
        plays[:] = [Play(world)]
        return plays[0]

    def commit(connection: object) -> None:
        if plays:
            plays[0].commit(connection)

    event.listen(world.ledger, "commit", commit)
    yield make
    for dossier in plays[0].dossiers if plays else ():
        if dossier.open:
            dossier.open.rollback()


@example(before=[], steps=[LATE, OTHER, CLEAN, Pass(1), CLEAN])  # an id that commits when younger ones were read
@example(before=[LATE], steps=[OTHER, CLEAN, Pass(1), CLEAN])  # the same over the first start
@example(before=[], steps=[OTHER, Poll("crash before commit", 1), CLEAN])
@example(before=[], steps=[OTHER, Poll("crash after commit", 1), CLEAN])
@given(before=st.lists(DEEDS, max_size=5), steps=st.lists(STEPS, min_size=5, max_size=30))
@settings(max_examples=HISTORIES, suppress_health_check=list(HealthCheck))
def test_every_history_gives_the_events_that_the_rules_say_once(
    stage: Callable[[], Play], before: list[Deed], steps: list[Step]
) -> None:
    """Nothing that has to be told is missing, nothing else is told, nothing twice (R10, R12, R14, R39, R40)."""
    play = stage()
    try:
        for deed in before:
            play.do(deed)
        play.begin()
        for step in steps:
            play.do(step)
    finally:
        open_ones = [dossier for dossier in play.dossiers if dossier.open]
        for dossier in open_ones:
            play.end(dossier)
    play.settle()
    assert play.told() >= play.truth.must
    assert play.told() <= play.truth.may
    births = play.world.rows(
        "SELECT count(*) AS n, count(DISTINCT notice_id) AS notices FROM history WHERE before IS NULL"
    )
    assert births[0].n == births[0].notices == len(play.told())


def test_days_of_a_province_are_told_as_they_were(world: World) -> None:
    """The simulator lives with all its bad habits, a poll comes by twice an hour, and nothing is missed."""
    told, truth = _days(world, Habits(per_day=15, imported=0))
    assert told >= truth.must
    assert told <= truth.may
    assert len(told) > 10 * DAYS


def test_dossiers_of_years_ago_that_are_imported_are_told_to_nobody(world: World) -> None:
    """They are as old as their own times say (R15), although they were changed just now and nobody saw them before."""
    world.guard = VolumeGuard()
    told, _ = _days(world, Habits(per_day=1, imported=5), start=MONDAY + timedelta(days=3))  # imported on Saturday
    assert not [key for key in told if key.startswith("H27.99")]
    kept_back = world.kept_back()
    assert kept_back, "they are recorded, for somebody to look at"
    assert all(key.startswith("H27.99") for key in kept_back), "nothing else is kept back"


def _days(world: World, habits: Habits, *, start: datetime = MONDAY) -> tuple[set[str], Truth]:
    """What was told of these days, and what had to be."""
    life = Life(world.dossiers, start=start, seed=1, habits=habits)
    next_poll = start

    def poll(at: datetime) -> None:
        nonlocal next_poll
        world.now = at.replace(tzinfo=world.mapping.zone).astimezone(UTC)
        if at >= next_poll:
            poller.round()
            poller.reconcile()
            next_poll = at + timedelta(minutes=30)

    world.now = start.replace(tzinfo=world.mapping.zone).astimezone(UTC)
    poller = world.started()
    life.run(start + timedelta(days=DAYS), poll)
    life.close()
    world.now += timedelta(minutes=2)
    poller.round()
    poller.reconcile(whole=True)
    return set(world.told()), life.truth
