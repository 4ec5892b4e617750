"""Runs one round of one contestant: workers send a backlog to the stand-in while the system's counters are read.

Rates and CPU times are measured in the middle of a round, from a tenth to nine tenths of the backlog. This excludes the
cost of start and end, whose share depends on the length of the round. The check that nothing was lost or sent twice
covers the whole round.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from redis import Redis
from sqlalchemy import create_engine, text

from benchmarks.contestants import Rival
from benchmarks.measure import cpu_seconds, memory_of
from benchmarks.product import LOGS, product, product_environment, running
from benchmarks.rivals import ledger as rival_ledger
from benchmarks.rivals.command import enqueue
from benchmarks.rivals.plan import PATH, code_of
from benchmarks.standin.client import StandIn
from benchmarks.world import OA, World

_LOOK_SECONDS = 0.05
_STUCK_SECONDS = 60.0  # a round is stuck if nothing was accepted for this long
_FROM, _UNTIL = 0.1, 0.9  # of the backlog
_ENOUGH = 0.5  # of the middle
_RIVAL_DB = 2  # the number of the Valkey database


@dataclass(frozen=True, slots=True)
class Work:
    """A running contestant: process ids by name, and a query for the numbers of sent notices and attempts."""

    workers: Mapping[str, int]
    others: Mapping[str, int]
    settled: Callable[[], tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one round. CPU in seconds per notice, by process; nan if the round was too short.

    Memory of each child in bytes.
    """

    number: int
    rate: float  # notices per second
    cpu: Mapping[str, float]
    workers_cpu: float  # of the workers and the contestant's other processes
    memory: tuple[int, ...]
    accepted: int
    duplicates: int
    settled: tuple[int, int]
    most: int  # maximum number of concurrent sends

    @property
    def whole(self) -> bool:
        """Whether each notice was accepted once and its attempt recorded."""
        return self.accepted == self.number and not self.duplicates and set(self.settled) == {self.number}


@dataclass(frozen=True, slots=True)
class Standing:
    """The medians of a contestant's rounds. CPU in seconds per notice."""

    rate: float
    workers_cpu: float
    postgres_cpu: float
    valkey_cpu: float
    most: int
    duplicates: int
    whole: bool

    @classmethod
    def of(cls, rounds: Sequence[Figures]) -> Standing:
        return cls(
            rate=statistics.median(one.rate for one in rounds),
            workers_cpu=statistics.median(one.workers_cpu for one in rounds),
            postgres_cpu=statistics.median(one.cpu["PostgreSQL"] for one in rounds),
            valkey_cpu=statistics.median(one.cpu["Valkey"] for one in rounds),
            most=max(one.most for one in rounds),
            duplicates=sum(one.duplicates for one in rounds),
            whole=all(one.whole for one in rounds),
        )


Contestant = Callable[[World, StandIn, int], AbstractContextManager[Work]]


def play(
    contestant: Contestant,
    made: World,
    zalo: StandIn,
    number: int,
    *,
    until: float = _UNTIL,
    then: Callable[[], None] = lambda: None,
) -> Figures:
    """Let the contestant send a backlog of `number` notices to the stand-in. Raises `SystemExit` if it gets stuck.

    The measured middle ends at `until`, a share of the backlog. `then` is called after it and is not measured.
    """
    zalo.reset()
    with contestant(made, zalo, number) as work:
        pids = {**work.workers, **work.others, "PostgreSQL": made.postgres_pid, "Valkey": made.valkey_pid}
        pids["Zalo"] = zalo.pid
        first = _sample(zalo, pids, number * _FROM)
        last = _sample(zalo, pids, number * until)
        memory = tuple(size for pid in work.workers.values() for size in memory_of(pid))
        then()
        _sample(zalo, pids, number)
        settled = _settled(work, number)
        count = zalo.count()
    done = last.accepted - first.accepted
    seen = done >= number * (until - _FROM) * _ENOUGH  # otherwise the round ended between two samples
    cpu = {name: (last.cpu[name] - first.cpu[name]) / done if seen else math.nan for name in pids}
    return Figures(
        number=number,
        rate=done / (last.at - first.at) if seen else count.accepted / count.seconds,
        cpu=cpu,
        workers_cpu=sum(cpu[name] for name in (*work.workers, *work.others)),
        memory=memory,
        accepted=count.accepted,
        duplicates=count.duplicates,
        settled=settled,
        most=count.most,
    )


@dataclass(frozen=True, slots=True)
class _Sample:
    at: float  # monotonic
    accepted: int
    cpu: Mapping[str, float]


def _sample(zalo: StandIn, pids: Mapping[str, int], until: float) -> _Sample:
    """Wait until `until` messages were accepted, then take a sample."""
    accepted, moved = -1, time.monotonic()
    while True:
        now = zalo.count().accepted
        if now != accepted:
            accepted, moved = now, time.monotonic()
        if accepted >= until:
            spent = cpu_seconds(pids.values())
            return _Sample(moved, accepted, {name: spent[pid] for name, pid in pids.items()})
        if time.monotonic() - moved > _STUCK_SECONDS:
            raise SystemExit(f"stuck at {accepted:,} of {until:,.0f}; see {LOGS}")
        time.sleep(_LOOK_SECONDS)


def _settled(work: Work, number: int) -> tuple[int, int]:
    """Wait until the contestant's ledger has recorded everything, at most 60 s; returns its counts."""
    until = time.monotonic() + _STUCK_SECONDS
    while (found := work.settled()) != (number, number) and time.monotonic() < until:
        time.sleep(0.1)
    return found


def of_rival(rival: Rival) -> Contestant:
    """A rival with a fresh ledger; its messages are queued before its workers start."""

    @contextmanager
    def at_work(made: World, zalo: StandIn, number: int) -> Iterator[Work]:
        given = rival_environment(made, zalo, rival)
        rival_ledger.create(given["RIVAL_DATABASE"])
        rival_ledger.insert(given["RIVAL_DATABASE"], range(number))
        enqueue(rival.module, given, number)
        made.checkpoint()
        with running(rival.commands(), given) as pids:
            yield Work(pids, {}, lambda: rival_ledger.done(given["RIVAL_DATABASE"]))

    return at_work


def rival_environment(made: World, zalo: StandIn, rival: Rival) -> dict[str, str]:
    """The environment variables of a rival; its database is new and empty, and so is its queue."""
    made.servers.drop_database("rival")
    made.servers.create_database("rival")
    redis = made.servers.redis_url(_RIVAL_DB)
    with Redis.from_url(redis) as queue:
        queue.flushdb()
    return {
        "RIVAL_DATABASE": made.servers.database_url("rival").replace("+psycopg2", ""),
        "RIVAL_REDIS": redis,
        "RIVAL_ZALO": zalo.url,
        "RIVAL_ROOM": str(rival.room),
    }


def of_ours(
    *, template: str | None = None, ledger: str = "ours", first: int = 0, tls: bool = False, workers: int = 1,
    children: int = 2, connections: int | None = None,
) -> Contestant:  # fmt: skip
    """Ours: the Procfile's worker and beat on a ledger in which the notices from number `first` on are due.

    With a template the ledger is a fresh copy of it. `connections` is how many calls all children together may have in
    flight; without it the product's default applies.
    """

    @contextmanager
    def at_work(made: World, zalo: StandIn, number: int) -> Iterator[Work]:
        if template is not None:
            made.servers.drop_database(ledger)
            made.servers.create_database(ledger, template)
        made.checkpoint()
        url = made.servers.database_url(ledger)
        given = product_environment(made, zalo, url, tls=tls)
        if connections is not None:
            given["HCC_ZALO_CONNECTIONS"] = str(connections // (workers * children))
        with product(given, workers=workers, children=children) as pids:
            others = {name: pid for name, pid in pids.items() if name == "beat"}
            yield Work({n: pid for n, pid in pids.items() if n not in others}, others, lambda: sent(url, first, number))

    return at_work


def of_raw(processes: int, connections: int) -> Contestant:
    """libcurl alone, with `connections` in total; sent messages are not recorded."""

    @contextmanager
    def at_work(made: World, zalo: StandIn, number: int) -> Iterator[Work]:
        each, share = connections // processes, number // processes
        command = f"python -m benchmarks.rivals.raw_curl {zalo.url}{PATH} {share} {each}"
        commands = {f"raw{place}": f"{command} {place * share}" for place in range(processes)}
        made.checkpoint()
        with running(commands, {}) as pids:
            yield Work(pids, {}, lambda: (number, number))

    return at_work


_SENT = """
WITH ours AS (SELECT id FROM notices WHERE oa = :oa AND code BETWEEN :first AND :last AND state = 'sent')
SELECT (SELECT count(*) FROM ours),
       (SELECT count(*) FROM attempts WHERE outcome = 'sent' AND notice_id IN (SELECT id FROM ours))"""


def sent(url: str, first: int, number: int) -> tuple[int, int]:
    """How many of these notices our ledger has as sent, and how many of their attempts have the outcome `sent`."""
    engine = create_engine(url)
    with engine.connect() as connection:
        values = {"oa": OA, "first": code_of(first), "last": code_of(first + number - 1)}
        notices, attempts = connection.execute(text(_SENT), values).one()
    engine.dispose()
    return notices, attempts
