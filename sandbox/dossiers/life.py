"""Simulates a province from one seed: people file, desks accept and charge, specialists finish, jobs run at night.

Each dossier's life is a generator (`stories`) that acts and then yields the time until its next act. The agenda below
holds all of them and always continues the earliest one. The clock is simulated: a test runs a week as fast as the
database can write, and `run(pause=…)` keeps pace with real time.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from sandbox.dossiers.habits import Habits
from sandbox.dossiers.jobs import close_many, import_old, touch
from sandbox.dossiers.living import LivingDossiers
from sandbox.dossiers.stories import Province, Story
from sandbox.dossiers.truth import Truth

Jobs: TypeAlias = Iterator[datetime]  # each yields the time at which it continues

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_CLOSING, _NIGHT, _IMPORT = timedelta(hours=16, minutes=45), timedelta(hours=1), timedelta(hours=19)
_TENTH = timedelta(seconds=0.1)
_SATURDAY = 5


@dataclass(order=True)
class _Entry:
    """A generator that continues at `at`; `number` keeps the order of entries with the same time."""

    at: datetime
    number: int
    code: str | None = field(compare=False)  # of a dossier; None for a job
    going: Iterator[timedelta | datetime] = field(compare=False)


class Life:
    """The life of the dossier database from `start` on (local, naive); `truth` observes every step."""

    def __init__(
        self, dossiers: LivingDossiers, *, start: datetime, seed: int = 1, habits: Habits | None = None
    ) -> None:
        self.truth = Truth(dossiers.engine)
        self.now = start
        self.steps = 0
        self._engine = dossiers.engine
        self._habits = habits or Habits()
        self._chance = random.Random(seed)  # noqa: S311 (a play, no secret)
        self._province = Province(dossiers, self._habits, self._chance, now=lambda: self.now, begin=self._begin)
        self._codes: set[str] = set()
        self._numbers = itertools.count()
        self._agenda: list[_Entry] = []
        for job in (self._filings(), self._closings(), self._nights(), self._imports()):
            self._enter(next(job), None, job)

    def run(self, until: datetime, pause: Callable[[datetime], None] = lambda _: None) -> None:
        """Make all steps before `until`; `pause` is called with the time of each step before it."""
        while self._agenda[0].at < until:
            pause(self._agenda[0].at)
            self._go_on(heapq.heappop(self._agenda))
        self.now = until

    def close(self) -> None:
        """End the simulation; open transactions are rolled back."""
        for entry in self._agenda:
            if isinstance(entry.going, Generator):
                entry.going.close()
        self._agenda.clear()

    def _go_on(self, entry: _Entry) -> None:
        self.now = entry.at
        self.steps += 1
        coming = next(entry.going, None)
        if entry.code:
            self.truth.look([entry.code])
        if isinstance(coming, timedelta):
            coming = self.now + coming / self._habits.haste
        if coming is not None:
            self._enter(coming, entry.code, entry.going)

    def _enter(self, at: datetime, code: str | None, going: Iterator[timedelta | datetime]) -> None:
        heapq.heappush(self._agenda, _Entry(at, next(self._numbers), code, going))

    def _begin(self, code: str, story: Story) -> None:
        self._enter(self.now, code, story(self._province, code))

    def _filings(self) -> Jobs:
        """File dossiers hour by hour: the hour's average number, at random times within it."""
        hour = self.now.replace(minute=0, second=0, microsecond=0)
        while True:
            average = self._habits.filings(hour)
            count = int(average) + (self._chance.random() < average % 1)
            for offset in sorted(self._chance.random() for _ in range(count)):
                if hour + offset * _HOUR >= self.now:
                    yield hour + offset * _HOUR
                    self._begin(self._code(), Province.life)
            hour += _HOUR
            yield hour

    def _closings(self) -> Jobs:
        """At the end of each day, close all finished dossiers in one bulk operation."""
        for evening in self._daily(_CLOSING):
            yield evening
            codes, self._province.to_close = self._province.to_close, []
            close_many(self._engine, codes, self.now)
            self.truth.look(codes)
            for code in codes:
                self._begin(code, Province.collected)

    def _nights(self) -> Jobs:
        for night in self._daily(_NIGHT):
            yield night
            touch(self._engine, self.now, rows=self._habits.night_touches)

    def _imports(self) -> Jobs:
        for evening in self._daily(_IMPORT):
            if evening.weekday() == _SATURDAY:
                yield evening
                codes = [self._code("H27.99") for _ in range(self._habits.imported)]
                import_old(self._engine, codes, self.now)
                self.truth.adopt(codes)

    def _daily(self, clock: timedelta) -> Jobs:
        midnight = self.now.replace(hour=0, minute=0, second=0, microsecond=0)
        days = (midnight + clock + number * _DAY for number in itertools.count())
        return itertools.dropwhile(lambda at: at < self.now, days)

    def _code(self, unit: str | None = None) -> str:
        """A new code from unit, day, and the tenth of a second of filing, so that a later run does not repeat it."""
        unit = unit or f"H27.{10 + self._chance.randrange(64)}"
        midnight = self.now.replace(hour=0, minute=0, second=0, microsecond=0)
        numbers = itertools.count((self.now - midnight) // _TENTH)
        codes = (f"{unit}-{self.now:%y%m%d}-{number:06}" for number in numbers)
        code = next(code for code in codes if code not in self._codes)
        self._codes.add(code)
        return code
