"""How many connections a deployment may open at most; the formula of `docs/scaling.md`.

| process            | ledger                                             | Redis    | broker               |
|--------------------|----------------------------------------------------|----------|----------------------|
| worker, main       | —                                                  | 1        | what hears bells     |
| worker, each child | 2 engines: delivering; dossiers and Zalo's events  | one pool | one pool of ringers  |
| beat               | —                                                  | 1        | one pool of ringers  |
| web                | 2 engines: console, Zalo's events                  | one pool | ringers, and a knock |
| `hcc …`            | 1 engine                                           | one pool | one that rings       |

Engines and pools keep to their bounds. A worker's main process counts in Redis what it refuses to hear. What kombu
opens for one connection to Redis it does not say: two to ring and six to hear were seen, the latter is counted as
eight.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

LEDGER_KEPT, LEDGER_MORE = 2, 3  # connections of one engine: kept open, and more at most under load
REDIS_MOST = 8  # of one process
RINGERS_MOST = 2  # of one process

_ENGINE = LEDGER_KEPT + LEDGER_MORE
_COMMANDS_AT_ONCE = 2  # of operators, beside all that runs


@dataclass(frozen=True, slots=True)
class Counts:
    """Connections to each of the three."""

    ledger: int = 0
    redis: int = 0
    broker: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))

    def __mul__(self, times: int) -> Counts:
        return Counts(*(number * times for number in astuple(self)))


@dataclass(frozen=True, slots=True)
class Deployment:
    """What runs: one worker a host, with so many children each (`--concurrency`; Celery takes the number of cores)."""

    hosts: int
    children: int
    beats: int = 1
    webs: int = 1


@dataclass(frozen=True, slots=True)
class ProcessCounts:
    """What runs, or would: workers, their children all together, beats and webs."""

    workers: int
    children: int
    beats: int
    webs: int


def planned(deployment: Deployment) -> ProcessCounts:
    """The processes of a deployment."""
    hosts = deployment.hosts
    return ProcessCounts(hosts, hosts * deployment.children, deployment.beats, deployment.webs)


def most(deployment: Deployment | ProcessCounts, broker_url: str) -> Counts:
    """The most that it may open, with what operators run beside it."""
    run = planned(deployment) if isinstance(deployment, Deployment) else deployment
    hears, rings = (2, 1) if broker_url.startswith("amqp") else (8, 2)
    ringers = RINGERS_MOST * rings
    child = Counts(ledger=2 * _ENGINE, redis=REDIS_MOST, broker=ringers)
    beat = Counts(redis=1, broker=ringers)
    web = Counts(ledger=2 * _ENGINE, redis=REDIS_MOST, broker=ringers + rings)
    command = Counts(ledger=_ENGINE, redis=REDIS_MOST, broker=rings)
    beside = beat * run.beats + web * run.webs + command * _COMMANDS_AT_ONCE
    return Counts(redis=1, broker=hears) * run.workers + child * run.children + beside
