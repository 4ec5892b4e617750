"""Measures the cost of a notice and of look-ups in PostgreSQL, by finished notices, in four layouts of the ledger.

`BENCH_ROWS=0,1M,5M,20M` sets the numbers of finished notices, `BENCH_LAYOUTS=one table,months and a past` the layouts;
the default is 0, 1M and 5M in all layouts. A ledger takes about 1.3 GB per million notices. It is dropped when its size
has been measured.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import process_time

from sqlalchemy import Engine, text

from benchmarks.ledgers import LAYOUTS, PEOPLE, UP_TO, drop, ledger, open_for_bench, sealer
from benchmarks.measure import cpu_seconds, median, timed
from benchmarks.report import Report, ms
from benchmarks.world import OA, World, tell, world
from domain.lane import Lane
from domain.lifecycle import State
from domain.notice import Attempt, Letter, Notice
from domain.outcome import Sent
from domain.retry import Decision
from ledger.notices import claims, notices
from ledger.notices.eligibility import Bounds
from ledger.notices.notices import NewNotice
from ledger.people import follows
from ledger.people.people import People
from ledger.reports import reports
from ledger.zalo import receipts
from ledger.zalo.receipts import RECEIVED, Receipt
from sandbox.dossiers.__main__ import size

NOTICES, ROUNDS = 4000, 5  # live notices per round
PAGE, BATCH, CHUNK = 200, 200, 200  # notices per transaction: recorded, claimed, completed
LOOKS = 21
BOUNDS = Bounds(timedelta(hours=72))
WORDS = "Hệ thống giải quyết TTHC tỉnh Hà Tĩnh đã tiếp nhận hồ sơ {}. Ngày hẹn trả: sau 9 giờ 9 phút, ngày 26/02/2024"


@dataclass
class Bench:
    """One ledger and its measurements: CPU of PostgreSQL and elapsed time, in seconds per notice or look-up."""

    layout: str
    name: str
    count: int
    engine: Engine
    pid: int
    cpu: dict[str, list[float]] = field(default_factory=dict)
    wall: dict[str, list[float]] = field(default_factory=dict)

    def measure(self, what: str, number: int, deed: Callable[[], object]) -> None:
        before = cpu_seconds([self.pid])[self.pid]
        seconds, _ = timed(deed)
        self.cpu.setdefault(what, []).append((cpu_seconds([self.pid])[self.pid] - before) / number)
        self.wall.setdefault(what, []).append(seconds / number)

    def round(self, number: int) -> None:
        """Record a backlog, claim it in batches, and complete it in chunks, in random order."""
        now, made = datetime.now(UTC), process_time()
        new = [_new(f"N-{number}-{made}-{i}", 1 + i % PEOPLE, now) for i in range(NOTICES)]
        held: list[Notice] = []
        self.measure("record", NOTICES, lambda: self._record_all(new))
        self.measure("claim", NOTICES, lambda: held.extend(self._claim_all()))
        random.shuffle(held)
        self.measure("settle", NOTICES, lambda: self._settle_all(held))

    def look(self) -> None:
        """Look up a random dossier, apply a receipt for a notice of today, and erase a random person."""
        if not self.count:
            return
        people = People.of(self.engine, sealer())
        for _ in range(LOOKS):
            dossier = random.randrange(self.count // 3)  # noqa: S311 (spreads load, guards nothing)
            code = f"H27.{dossier % 90}-{dossier}"
            self.measure("dossier", 1, lambda code=code: self._dossier(code))  # type: ignore[misc]  # mypy infers no default
            user = str(1000000000000000000 + random.randrange(1, PEOPLE) * 7919)  # noqa: S311 (as above)
            self.measure("forget", 1, lambda user=user: self._forget(people, user))  # type: ignore[misc]  # as above
            self.measure("receipt", 1, self._receipt)

    def _record_all(self, new: Sequence[NewNotice]) -> None:
        for i in range(0, NOTICES, PAGE):
            with self.engine.begin() as tx:
                notices.record(tx, OA, new[i : i + PAGE])

    def _claim_all(self) -> Iterator[Notice]:
        for number in range(NOTICES // BATCH):
            yield from self._claim(number)

    def _settle_all(self, held: Sequence[Notice]) -> None:
        for i in range(0, NOTICES, CHUNK):
            self._settle(held[i : i + CHUNK])

    def _claim(self, number: int) -> list[Notice]:
        with self.engine.begin() as tx:
            found = claims.lock_due(tx, OA, Lane.SERVICE, f"epoch.{number}", BATCH, bounds=BOUNDS)
            claims.lease_out(tx, [Letter(n, WORDS.format(n.code)) for n in found], seconds=60, by="worker host/1234")
        return found

    def _settle(self, chunk: Sequence[Notice]) -> None:
        at = datetime.now(UTC)
        done = [
            (
                Attempt(notice, "zalo_cs", at, Sent(f"m{notice.id}"), 52),
                Decision(State.SENT, counts=True, message_id=f"m{notice.id}"),
            )
            for notice in chunk
        ]
        with self.engine.begin() as tx:
            if len(claims.complete(tx, done, by="worker host/1234")) != len(chunk):
                raise SystemExit("a notice was not settled")

    def _dossier(self, code: str) -> None:
        with self.engine.connect() as connection:
            if not reports.dossier(connection, OA, code):
                raise SystemExit(f"{self.layout}: no dossier {code}")

    def _forget(self, people: People, user: str) -> None:
        with self.engine.connect() as connection:  # never committed
            follows.withdraw(connection, OA, people, user)

    def _receipt(self) -> None:
        with self.engine.connect() as connection:
            newest = connection.execute(text("SELECT max(id) FROM notices")).scalar_one()
            receipts.keep(connection, OA, [Receipt(RECEIVED, f"m{newest}", datetime.now(UTC))])
            if receipts.apply(connection, OA) != 1:
                raise SystemExit("a receipt found no notice")


def _new(code: str, person: int, now: datetime) -> NewNotice:
    facts = {"appointment_at": now.isoformat()}
    return NewNotice(f"{code}/accepted/1", code, "accepted", "H27.1", facts, person, None, now, now)


def main() -> None:
    report = Report("ledger", "What a notice costs the ledger, by finished notices and layout")
    sizes = {name: size(name) for name in (os.environ.get("BENCH_ROWS") or "0,1M,5M").split(",")}
    benches: list[Bench] = []
    with world() as made:
        pid = made.servers.postgres.pid
        if pid is None:
            raise SystemExit("PostgreSQL does not run")
        for name, count in sizes.items():
            benches += _measure(made, pid, name, count)
    _tell(report, benches)
    report.write()


def _measure(made: World, pid: int, name: str, count: int) -> list[Bench]:
    """Measure the layouts at one size, in alternating rounds."""
    chosen = (os.environ.get("BENCH_LAYOUTS") or ",".join(LAYOUTS)).split(",")
    layouts = [layout for layout in chosen if count <= UP_TO.get(layout, count)]
    benches = [Bench(layout, name, count, open_for_bench(ledger(made, layout, count)), pid) for layout in layouts]
    tell(f"{name} finished notices: {ROUNDS} rounds, {LOOKS} looks")
    for bench in benches:
        bench.round(-1)  # warms the caches
        bench.cpu.clear()
        bench.wall.clear()
    for number in range(ROUNDS):
        for bench in benches:
            bench.round(number)
    for bench in benches:
        bench.look()
        bench.engine.dispose()
        drop(made, bench.layout, count)
    return benches


def _tell(report: Report, benches: Sequence[Bench]) -> None:
    report.text(
        f"CPU of PostgreSQL, all its processes, a notice, in microseconds; medians of {ROUNDS} rounds of {NOTICES:,}: "
        f"recorded {PAGE} at once, claimed {BATCH} at once, settled {CHUNK} at once by the statements of the product. "
        "Layouts: *one table*: as it was, all for ever in `notices`, with foreign keys to it; *months*: attempts "
        "and history by month, without foreign keys; *months and a past*: in addition what is finished for 90 days in "
        "`notices_past` by month (the product); *notices by month*: `notices` itself divided, whose statements look "
        "for an id in every month."
    )
    steps = ("record", "claim", "settle")
    rows = []
    for bench in benches:
        cpu = {step: median(bench.cpu[step]) * 1e6 for step in steps}
        rate = 1 / sum(median(bench.wall[step]) for step in steps)
        cells = [f"{cpu[step]:,.0f}" for step in steps]
        rows.append((f"{bench.name}, {bench.layout}", *cells, f"{sum(cpu.values()):,.0f}", f"{rate:,.0f}/s"))
    report.table(("finished, layout", *steps, "in all, µs", "one connection"), rows)
    report.text(f"Looking up, medians of {LOOKS}: a dossier of the two years, one receipt, erasing one person's texts.")
    looks = ("dossier", "receipt", "forget")
    report.table(
        ("finished, layout", *looks),
        [(f"{b.name}, {b.layout}", *(ms(median(b.wall[look])) for look in looks)) for b in benches if b.count],
    )


if __name__ == "__main__":
    main()
