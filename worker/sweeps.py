"""Putting right what a crash or a lost bell left behind: every sweep is idempotent and touches nothing alive."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Iterable, Iterator

from sqlalchemy.exc import DBAPIError

from worker.bootstrap import Services
from worker.deployment import Deployment
from worker.domain.kinds.hours import asleep
from worker.ledger import notices, past, upkeep, work
from worker.ledger.work import Ages
from worker.queue.connection import QueueDown
from worker.queue.schedule import Retry
from worker.shared import Shared

log = logging.getLogger("hcc.sweeps")

_PAGE = 1000  # notices a statement
_HOUSE_SECONDS = 10.0  # for housekeeping at a time: what is left is for the next one


def to_deliver(deployment: Deployment) -> list[str]:
    """The OAs of which some notice may be sent now."""
    shared = deployment.shared
    with shared.ledger.connect() as connection:
        return work.to_deliver(connection, _ages(deployment), asleep(shared.clock.now()))


def sweep_all(deployment: Deployment, seconds: float) -> None:
    """Sweep every OA that needs it, as many as begin within `seconds`.

    Raises `QueueDown`, or what the database driver says, where Redis or the ledger is away for all.
    """
    shared = deployment.shared
    shared.ledger_watch.look(by="sweep")
    with shared.ledger.connect() as connection:
        amiss = work.to_sweep(connection, _ages(deployment))
    for oa in in_time(amiss, seconds):
        try:
            put_right(deployment.of(oa), oa)
        except QueueDown as away:  # only where a lease has ended is Redis needed: the others go on
            log.error("sweep put off oa=%s why=%s", oa, away)  # noqa: TRY400 (the sentence says all)
        except DBAPIError as fault:
            if not _is_of_one_statement(fault):
                raise
            log.error("sweep put off oa=%s why=%s", oa, type(fault.orig).__name__)  # noqa: TRY400 (as above)
    shared.holds.all()  # forgets those that are over
    for oa in shared.schedule.missing(deployment.oas):
        rebuild_schedule(deployment.of(oa), oa)


def in_time(oas: Iterable[str], seconds: float) -> Iterator[str]:
    """The OAs while there is time; in any order, so that it is not always the same ones that have to wait."""
    end = time.monotonic() + seconds
    drawn = list(oas)
    random.shuffle(drawn)
    for oa in drawn:
        if time.monotonic() < end:
            yield oa


def _is_of_one_statement(fault: DBAPIError) -> bool:
    """Whether the ledger is there, and only this statement failed: it took too long, or waited too long for a lock."""
    code = getattr(fault.orig, "pgcode", None)
    return code is not None and not code.startswith(("57P", "08", "53"))


def _ages(deployment: Deployment) -> dict[str, Ages]:
    known = {services.oa: services.settings for services in deployment}
    return {oa: Ages(settings.max_age_hours, settings.follow_grace_days) for oa, settings in known.items()}


def sweep(services: Services, oa: str) -> None:
    """Expired leases, waiting notices that nothing holds back, notices that are too old, and the copies in Redis."""
    put_right(services, oa)
    services.holds.all()  # forgets those that are over
    if services.schedule.missing([oa]):
        rebuild_schedule(services, oa)


def put_right(services: Services, oa: str) -> None:
    """What the ledger shows to be amiss."""
    rescue(services, oa)
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
    with services.ledger.connect() as connection:
        services.schedule.replace(oa, (Retry(**row) for row in upkeep.retries(connection, oa)))


def rescue(services: Services, oa: str) -> None:
    """Split the notices of each expired lease: no mark, so certainly not sent, or perhaps sent."""
    with services.ledger.begin() as tx:
        for lease, held in upkeep.expired_leases(tx, oa, limit=_PAGE).items():
            left = services.marks.left(lease, lease.split(".", 1)[0])
            certainly_not = [] if left is None else [one for one in held if one.id not in left]
            perhaps = [one for one in held if one not in certainly_not]
            upkeep.rescue(tx, certainly_not=certainly_not, perhaps=perhaps, by="sweep")
            log.warning("lease expired lease=%s again=%d uncertain=%d", lease, len(certainly_not), len(perhaps))


def keep_house(shared: Shared) -> None:
    """Months that come, months that are too old, and finished notices that need not be at hand any more."""
    kept = past.keep_house(
        shared.ledger, keep_months=shared.settings.keep_months, by="housekeeping", seconds=_HOUSE_SECONDS
    )
    for part in kept.dropped:
        log.warning("month dropped part=%s rows=%d", part.name, part.rows)
    if kept.put_away or kept.given_up:
        log.info("housekeeping put_away=%d given_up=%d more=%s", kept.put_away, kept.given_up, kept.more)
