"""The lives of dossiers, top-down: each `yield` gives the time until the next step."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from sandbox.dossiers.habits import Habits
from sandbox.dossiers.living import LivingDossiers
from sandbox.dossiers.writer import Writer

Waits: TypeAlias = Iterator[timedelta]
Deed: TypeAlias = Callable[[Writer, datetime], object]
Story: TypeAlias = "Callable[[Province, str], Waits]"

_BAD_PHONES = (None, "không có", "02393855555", "097836291", "01629999999", "0978362918 / 0912345678")


@dataclass
class Province:
    """The actors of a province. `now` is the clock; `begin` starts another story of a dossier concurrently."""

    dossiers: LivingDossiers
    habits: Habits
    chance: random.Random
    now: Callable[[], datetime]
    begin: Callable[[str, Story], None]
    to_close: list[str] = field(default_factory=list)  # finished, waiting for the bulk close in the evening

    def life(self, code: str) -> Waits:
        """From the filing until the citizen has the result, or until it is clear that there will be none."""
        habits = self.habits
        channel = 2 if self._is(habits.online) else 1
        yield from self._by_someone(lambda who, at: who.file(code, phone=self._phone(), at=at, channel=channel))
        if self._is(habits.fee_first):
            yield self._minutes(2, 20)
            yield from self.fee(code)
        certified = self._is(habits.certified)
        yield self._minutes(2, 15) if certified else self._minutes(10, 300)
        if self._is(habits.refused):
            yield from self._move(code, 3)
            return
        yield from self._accepted(code)
        if self._is(habits.fee):
            self.begin(code, Province.fee)
        if self._is(habits.deleted):
            yield self._minutes(5, 500)
            self.dossiers.delete(code, at=self.now())
            return
        yield self._minutes(5, 30) if certified else self._days(1, 8)
        if not certified:
            yield from self._detours(code)
        yield from self._ended(code)

    def fee(self, code: str) -> Waits:
        """A payment request, due now or later; paid, cancelled or left; sometimes zero, exempt, or repeated."""
        yield self._minutes(1, 30)
        amount = 0 if self._is(0.03) else 1_000 * self.chance.randrange(5, 5_000)
        way = "Đối tượng miễn phí" if self._is(0.05) else self.chance.choice(("Thu trước", "Thu sau"))
        state = "Chưa thanh toán" if way == "Thu sau" else "Chờ thanh toán"
        request = self.dossiers.request_fee(code, amount, at=self.now(), state=state, way=way)
        if state == "Chưa thanh toán":
            yield self._days(0, 3)
            yield from self._by_someone(lambda who, at: who.change_fee(request, "Chờ thanh toán", at=at))
        yield self._minutes(1, 2_000)
        end = self.chance.choices((None, "Đã thanh toán", "Hủy thanh toán", "Đã hoàn phí"), (10, 80, 8, 2))[0]
        if end:
            yield from self._by_someone(lambda who, at: who.change_fee(request, end, at=at))
        if end == "Hủy thanh toán" and self._is(0.5):
            yield from self.fee(code)

    def collected(self, code: str) -> Waits:
        """The citizen collects the result; sometimes the hand-over was a mistake and is reversed."""
        yield self._minutes(10, 3_000)
        yield from self._by_someone(lambda who, at: who.hand_over(code, at))
        if self._is(self.habits.reversed):
            yield self._minutes(5, 60)
            yield from self._move(code, 9)

    def _accepted(self, code: str) -> Waits:
        due = self.now() + timedelta(days=7) if self._is(0.95) else None
        if self._is(self.habits.skips_2):
            yield from self._by_someone(lambda who, at: who.accept(code, at=at, appointment=due, status=4))
            return
        yield from self._by_someone(lambda who, at: who.accept(code, at=at, appointment=due))
        yield timedelta(seconds=self.chance.uniform(1, 5))
        yield from self._move(code, 4)

    def _detours(self, code: str) -> Waits:
        for status, chance in ((5, self.habits.supplement), (6, self.habits.obligation), (8, self.habits.stopped)):
            if self._is(chance):
                yield from self._move(code, status)
                yield self._days(1, 10)
                yield from self._move(code, 4)
                yield self._minutes(60, 2_000)

    def _ended(self, code: str) -> Waits:
        habits = self.habits
        if self._is(habits.withdrawn):
            yield from self._move(code, 7)
            yield self._minutes(60, 600)
            yield from self._finish(code, "Trả lại/Xin rút")
        elif self._is(habits.given_back):
            yield from self._finish(code, self.chance.choice(("Trả lại/Xin rút", "Xin lỗi", "Bổ sung")))
        elif self._is(habits.bulk_closed):
            self.to_close.append(code)
        else:
            if self._is(habits.unconfirmed):
                yield from self._finish(code, "Kết quả", result_state=1)
                yield self._minutes(5, 300)
                yield from self._by_someone(lambda who, at: who.confirm(code, at=at))
            else:
                yield from self._finish(code, "Kết quả")
            if self._is(habits.reversed):
                yield self._minutes(5, 300)
                yield from self._move(code, 4)
                yield self._minutes(5, 300)
                yield from self._finish(code, "Kết quả")
            yield from self.collected(code)

    def _move(self, code: str, status: int) -> Waits:
        return self._by_someone(lambda who, at: who.move(code, status, at=at))

    def _finish(self, code: str, kind: str, result_state: int = 2) -> Waits:
        return self._by_someone(lambda who, at: who.finish(code, at=at, kind=kind, result_state=result_state))

    def _by_someone(self, deed: Deed) -> Waits:
        """Do a step: most programs leave all traces at once, some skip traces, some commit seconds after the write."""
        habits = self.habits
        draw = self.chance.random()
        if draw < habits.late:
            with self.dossiers.slow() as slow:
                deed(slow, self.now())
                yield timedelta(seconds=self.chance.uniform(0.5, 20)) * habits.haste
            return
        draw -= habits.late
        if draw < habits.without_any_trace:
            deed(self.dossiers.leaving(history=False, change_time=False), self.now())
        elif draw < habits.without_any_trace + habits.without_history:
            deed(self.dossiers.leaving(history=False), self.now())
        else:
            deed(self.dossiers, self.now())

    def _phone(self) -> str | None:
        if self._is(self.habits.typing_error):
            return self.chance.choice(_BAD_PHONES)
        return f"0978{self.chance.randrange(1_000_000):06}"

    def _is(self, probability: float) -> bool:
        return self.chance.random() < probability

    def _minutes(self, low: float, high: float) -> timedelta:
        return timedelta(minutes=self.chance.uniform(low, high))

    def _days(self, low: float, high: float) -> timedelta:
        return timedelta(days=self.chance.uniform(low, high))
