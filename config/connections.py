"""Compute how many connections a deployment opens at most; the formula of `docs/scaling.md`.

| process            | ledger                                             | Redis    | broker                      |
|--------------------|----------------------------------------------------|----------|-----------------------------|
| worker, main       | —                                                  | 1        | the consumer of bells       |
| worker, each child | 2 engines: delivering; dossiers and Zalo's events  | one pool | one pool for ringing        |
| beat               | —                                                  | 1        | one pool for ringing        |
| web                | 2 engines: metrics, Zalo's events                  | one pool | a pool for ringing, a knock |
| console, each      | 1 engine of 4, and 1 per thread for the accounts   | one pool | one connection for ringing  |
| `hcc …`            | 1 engine                                           | one pool | one connection for ringing  |

Engines and pools respect their limits. A worker's main process counts in Redis the messages that it refuses. Kombu does
not document how many connections it opens for one connection to Redis: two for ringing and six for consuming were
observed; the latter is counted as eight.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

LEDGER_KEPT, LEDGER_MORE = 2, 3  # connections of one engine: kept open, and at most so many more under load
REDIS_MOST = 8  # per process
CONSOLE_AT_ONCE = (
    4  # requests that one process of a console answers at once, each on two connections to the ledger at most
)
RINGERS_MOST = 2  # per process

_ENGINE = LEDGER_KEPT + LEDGER_MORE
_COMMANDS_AT_ONCE = 2  # operators' commands, in addition to the running processes


@dataclass(frozen=True, slots=True)
class Counts:
    """The number of connections to each of the three servers."""

    ledger: int = 0
    redis: int = 0
    broker: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))

    def __mul__(self, times: int) -> Counts:
        return Counts(*(number * times for number in astuple(self)))


@dataclass(frozen=True, slots=True)
class ProcessPlan:
    """A deployment: one worker per host, each with `children` (`--concurrency`; Celery's default: number of cores)."""

    hosts: int
    children: int
    beats: int = 1
    webs: int = 1
    consoles: int = 1


@dataclass(frozen=True, slots=True)
class ProcessCounts:
    """The processes that run, or would run: workers, all their children together, beats, webs and consoles."""

    workers: int
    children: int
    beats: int
    webs: int
    consoles: int = 0


def planned(deployment: ProcessPlan) -> ProcessCounts:
    """The processes of a deployment."""
    hosts = deployment.hosts
    return ProcessCounts(hosts, hosts * deployment.children, deployment.beats, deployment.webs, deployment.consoles)


def most(deployment: ProcessPlan | ProcessCounts, broker_url: str) -> Counts:
    """The most connections that a deployment may open, including those of operators' commands."""
    run = planned(deployment) if isinstance(deployment, ProcessPlan) else deployment
    hears, rings = (2, 1) if broker_url.startswith("amqp") else (8, 2)
    ringers = RINGERS_MOST * rings
    child = Counts(ledger=2 * _ENGINE, redis=REDIS_MOST, broker=ringers)
    beat = Counts(redis=1, broker=ringers)
    web = Counts(ledger=2 * _ENGINE, redis=REDIS_MOST, broker=ringers + rings)
    console = Counts(ledger=2 * CONSOLE_AT_ONCE, redis=REDIS_MOST, broker=rings)
    command = Counts(ledger=_ENGINE, redis=REDIS_MOST, broker=rings)
    beside = beat * run.beats + web * run.webs + console * run.consoles + command * _COMMANDS_AT_ONCE
    return Counts(redis=1, broker=hears) * run.workers + child * run.children + beside
