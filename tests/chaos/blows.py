"""Blows: what is done to a run, and the proof that it fell on work.

Before a blow the workers are frozen (SIGSTOP), so that what they hold can be counted and cannot change meanwhile. If
they hold nothing, or nothing of it has reached Zalo, they go on, and a moment later it is tried again.
"""

from __future__ import annotations

import contextlib
import os
import platform
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import redis

from sandbox.servers.server import Server
from tests.chaos.dossiers import user_of
from tests.chaos.run import Run
from tests.chaos.world import until

_TRIES_SECONDS = 20.0

_LEASED = """
SELECT coalesce(array_agg(n.id), '{}') FROM notices n WHERE n.state = 'sending' AND (
    SELECT h.by FROM history h WHERE h.notice_id = n.id AND h.after = 'sending' ORDER BY h.id DESC LIMIT 1
) = ANY(:names)
"""


@dataclass(frozen=True, slots=True)
class Struck:
    """What workers held when the blow fell."""

    workers: tuple[str, ...]
    leased: frozenset[int]  # notices
    on_wire: int  # requests that were with Zalo and not answered


def kill_one_at_work(run: Run) -> Struck:
    """Kill -9 a whole worker, main process and children, while its requests are on the wire; another one starts."""

    def deed(struck: Struck) -> None:
        for name in struck.workers:
            run.kill(name)

    struck = strike(run, deed, one=True)
    for name in struck.workers:
        run.start(name)
    return struck


def kill_all_at_work(run: Run) -> Struck:
    """Kill -9 every worker and beat in one moment, as a power cut does, and start them again."""
    names = [*run.workers, "beat"]

    def deed(_: Struck) -> None:
        for name in names:
            run.kill(name)

    struck = strike(run, deed)
    for name in names:
        run.start(name)
    return struck


def flush_at_work(run: Run) -> Struck:
    """Empty Redis (queues, limiter, marks, schedule) while all workers have requests on the wire."""

    def deed(_: Struck) -> None:
        with redis.Redis.from_url(run.servers.redis_url()) as client:
            client.flushall()

    return strike(run, deed)


def kill_server_at_work(run: Run, server: Server, number: signal.Signals) -> Struck:
    """End a server by a signal while requests are on the wire, and start it again on its port."""
    pid = server.pid
    assert pid is not None

    def deed(_: Struck) -> None:
        os.kill(pid, number)

    struck = strike(run, deed)
    until(lambda: server.pid != pid, f"{server.title} to end")
    server.start()
    run.load.engine.dispose()  # the dossiers' software connects again, too
    return struck


def strike(run: Run, deed: Callable[[Struck], None], *, one: bool = False) -> Struck:
    """Do the deed at a moment at which the workers, or only `one` of them, have requests on the wire."""
    end = time.monotonic() + _TRIES_SECONDS
    while time.monotonic() < end:
        with frozen(run):
            for workers in [[name] for name in run.workers] if one else [run.workers]:
                held = look(run, workers)
                if held.leased and held.on_wire:
                    deed(held)
                    run.struck += len(held.leased)
                    return held
        time.sleep(run.dice.uniform(0.01, 0.1))
    raise AssertionError(f"no work to strike at within {_TRIES_SECONDS:g} s")


@contextlib.contextmanager
def frozen(run: Run) -> Iterator[None]:
    """Nothing moves in any worker; afterwards those go on that are still alive."""
    groups = [run.running[name].pid for name in run.workers]
    for group in groups:
        os.killpg(group, signal.SIGSTOP)
    try:
        yield
    finally:
        for group in groups:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGCONT)


def look(run: Run, workers: Collection[str]) -> Struck:
    """What frozen workers hold."""
    in_flight = run.zalo.stats()["in_flight"]
    names = [f"worker {platform.node()}/{pid}" for name in workers for pid in members(run.running[name].pid)]
    return Struck(
        workers=tuple(workers),
        leased=frozenset(run.scalar(_LEASED, names=names)),
        on_wire=in_flight,
    )


def members(group: int) -> list[int]:
    """The processes of a group."""
    rows = [row.split() for row in _ps("pid=,pgid=")]
    return [int(pid) for pid, of in rows if int(of) == group]


def stands_still(pid: int) -> bool:
    """Whether a process is stopped (SIGSTOP)."""
    return dict(row.split()[:2] for row in _ps("pid=,stat=")).get(str(pid), "").startswith("T")


def memory(group: int) -> int:
    """The memory (RSS, KiB) of a worker's children together: they do the work, their parent only listens."""
    rows = [row.split() for row in _ps("pid=,pgid=,rss=")]
    return sum(int(rss) for pid, of, rss in rows if int(of) == group and int(pid) != group)


def unfollow(run: Run, numbers: list[int]) -> None:
    """These people leave the OA; Zalo knows it, we do not."""
    run.zalo.people([{"user_id": user_of(number), "follows": False} for number in numbers])


def _ps(columns: str) -> list[str]:
    return subprocess.run(["ps", "-A", "-o", columns], capture_output=True, text=True, check=True).stdout.splitlines()
