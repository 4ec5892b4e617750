"""What the guard keeps back, what is switched off, and sources that are not read, for Prometheus."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Gauge
from sqlalchemy import Connection

from worker.domain.guard import MANY, OLD
from worker.ledger import guard, sources, switches
from worker.ledger.switches import EVERY_OA


def measure_kept(registry: CollectorRegistry, connection: Connection, oas: Sequence[str]) -> None:
    """Gauges by OA. How many are in quarantine `hcc_notices` says."""
    labels = ["oa", "cause"]
    kept = Gauge("hcc_guard_kept_back", "Kept back by the guard in the last 24 hours", labels, registry=registry)
    off = Gauge("hcc_switches_off", "What operators stopped at this moment", ["oa", "sort"], registry=registry)
    strange = Gauge("hcc_source_strange", "1 while the source is another database", ["oa"], registry=registry)
    stopped = switches.listed(connection)
    for oa in oas:
        lately = guard.lately(connection, oa)
        for cause in (OLD, MANY):
            kept.labels(oa, cause).set(lately.get(cause, 0))
        for sort in switches.SORTS:
            off.labels(oa, sort).set(sum(one.sort == sort and one.oa in (EVERY_OA, oa) for one in stopped))
        strange.labels(oa).set(sources.read(connection, oa).strange is not None)
