"""Putting right what a crash or a lost bell left behind: every sweep is idempotent and touches nothing alive."""

from __future__ import annotations

import logging

from worker.bootstrap import Services
from worker.ledger import notices, past, upkeep
from worker.queue.schedule import Retry

log = logging.getLogger("hcc.sweeps")

_PAGE = 1000  # notices a statement
_HOUSE_SECONDS = 10.0  # for housekeeping at a time: what is left is for the next one


def sweep(services: Services, oa: str) -> None:
    """Expired leases, waiting notices that nothing holds back, and notices that are too old."""
    rescue(services, oa)
    services.holds.all()  # forgets those that are over
    rebuild_schedule(services, oa)
    with services.ledger.begin() as tx:
        promoted = notices.promote(tx, oa, None, by="sweep", limit=_PAGE)
    with services.ledger.begin() as tx:
        expired = upkeep.expire(tx, oa, hours=services.settings.max_age_hours, by="sweep", limit=_PAGE)
        given_up = upkeep.close_unreachable(tx, oa, days=services.settings.follow_grace_days, by="sweep", limit=_PAGE)
    for what, ids in (("promoted", promoted), ("expired", expired), ("grace over", given_up)):
        if ids:
            log.info("sweep oa=%s %s=%d", oa, what, len(ids))


def rebuild_schedule(services: Services, oa: str) -> None:
    """The list of retries in Redis, made anew from the ledger where a flush took it."""
    if services.schedule.missing(oa):
        with services.ledger.connect() as connection:
            services.schedule.replace(oa, (Retry(**row) for row in upkeep.retries(connection, oa)))


def rescue(services: Services, oa: str) -> None:
    """Split the notices of each expired lease: no mark, so certainly not sent, or perhaps sent."""
    with services.ledger.begin() as tx:
        for lease, held in upkeep.expired_leases(tx, oa, limit=_PAGE).items():
            left = services.marks.left(lease, lease.split(".", 1)[0])
            certainly_not = [] if left is None else [notice for notice in held if notice not in left]
            perhaps = [notice for notice in held if notice not in certainly_not]
            upkeep.rescue(tx, lease, certainly_not=certainly_not, perhaps=perhaps, by="sweep")
            log.warning("lease expired lease=%s again=%d uncertain=%d", lease, len(certainly_not), len(perhaps))


def keep_house(services: Services) -> None:
    """Months that come, months that are too old, and finished notices that need not be at hand any more."""
    kept = past.keep_house(
        services.ledger, keep_months=services.settings.keep_months, by="housekeeping", seconds=_HOUSE_SECONDS
    )
    for part in kept.dropped:
        log.warning("month dropped part=%s rows=%d", part.name, part.rows)
    if kept.put_away or kept.given_up:
        log.info("housekeeping put_away=%d given_up=%d more=%s", kept.put_away, kept.given_up, kept.more)
