"""Putting right what a crash or a lost bell left behind: every sweep is idempotent and touches nothing alive."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Collection, Iterable, Iterator, Sequence

from sqlalchemy.exc import DBAPIError

from config.seldom import Seldom
from worker.bootstrap import Services
from worker.deployment import Deployment
from worker.domain.kinds.hours import asleep
from worker.domain.tries import tag_of
from worker.ledger import inbox, notices, oddities, past, phonebook, switches, upkeep, work
from worker.ledger.away import is_of_one_statement, why_away
from worker.ledger.switches import EVERY_OA
from worker.ledger.upkeep import Leased
from worker.ledger.work import Ages
from worker.queue.clocks import SetBack
from worker.queue.connection import QueueDown
from worker.queue.schedule import Retry
from worker.shared import Shared

log = logging.getLogger("hcc.sweeps")

_PAGE = 1000  # notices a statement
_STOPPED_PAGE = 10_000
_COMPARED = 2000  # entries of a schedule that a sweep compares with the ledger
_MINDED = Seldom(60.0)  # an idle sweep asks Redis no more than it must
_HOUSE_SECONDS = 10.0  # for housekeeping at a time: what is left is for the next one


def to_deliver(deployment: Deployment) -> list[str]:
    """The OAs of which some notice may be sent now."""
    shared = deployment.shared
    with shared.ledger.connect() as connection:
        now, sure = asleep(shared.clock.now()), shared.settings.sure_seconds
        return work.to_deliver(connection, _ages(deployment), now, sure=sure)


def sweep_all(deployment: Deployment, seconds: float) -> None:
    """Sweep every OA that needs it, as many as begin within `seconds`.

    Raises `QueueDown`, or what the database driver says, where Redis or the ledger is away for all.
    """
    shared = deployment.shared
    look_at_the_ledger(deployment)
    with shared.ledger.connect() as connection:
        amiss = work.to_sweep(connection, _ages(deployment))
    if EVERY_OA in amiss:
        give_back_time(shared)
        amiss.remove(EVERY_OA)
    for oa in in_time(amiss, seconds):
        try:
            put_right(deployment.of(oa), oa)
        except QueueDown as away:  # only where a lease has ended is Redis needed: the others go on
            log.error("sweep put off oa=%s why=%s", oa, away)  # noqa: TRY400 (the sentence says all)
        except DBAPIError as fault:
            if not is_of_one_statement(fault):
                raise
            log.error("sweep put off oa=%s why=%s", oa, why_away(fault))  # noqa: TRY400 (as above)
    shared.holds.all()  # forgets those that are over
    for oa in shared.schedule.missing(deployment.oas):
        rebuild_schedule(deployment.of(oa), oa)
    if _MINDED.may("schedule"):
        mind_schedule(shared, deployment.oas)


def give_back_time(shared: Shared) -> None:
    """What switches held that are over, by their time or by a command that was cut short, goes on at the age it had.

    What those hold that are off goes out of the way of the claims.
    """
    with shared.ledger.begin() as tx:
        ended = switches.over(tx)
    with shared.ledger.begin() as tx:
        switches.put_back(tx, page=_STOPPED_PAGE)
    for switch in ended:
        number = sum(page for page, _ in switches.give_all_back(shared.ledger, switch))
        log.warning("a switch is over, what it held goes on switch=%d notices=%d", switch, number)


def look_at_the_ledger(deployment: Deployment) -> None:
    """Whether it or its clock went back since the last sweep.

    Where it did, what only it knew is gone: it is noted, and said, with its window.
    """
    shared = deployment.shared
    try:
        seen = shared.ledger_watch.look(by="sweep")
        set_back = shared.clock_board.note_ledger(seen.at) if seen else None
    except QueueDown as away:
        log.warning("the ledger was not compared with what the last sweep saw why=%s", away)
        return
    if set_back:
        bring_back(deployment, set_back)


def bring_back(deployment: Deployment, set_back: SetBack) -> None:
    """What was written while the ledger's clock was ahead.

    And again for a moment, since processes carry on what they read before.
    """
    if set_back.first:
        log.error(
            "the ledger's clock was set back by %.0f s: what it had put off is brought back",
            set_back.by.total_seconds(),
        )
    for services in deployment:
        with services.ledger.begin() as tx:
            lease = services.settings.lease_seconds
            number = upkeep.bring_back(tx, services.oa, by=set_back.by, lease_seconds=lease)
        log.warning("brought back oa=%s rows=%d", services.oa, number)


def in_time(oas: Iterable[str], seconds: float) -> Iterator[str]:
    """The OAs while there is time; in any order, so that it is not always the same ones that have to wait."""
    end = time.monotonic() + seconds
    drawn = list(oas)
    random.shuffle(drawn)
    for oa in drawn:
        if time.monotonic() < end:
            yield oa


def _ages(deployment: Deployment) -> dict[str, Ages]:
    known = {services.oa: services.settings for services in deployment}
    return {oa: Ages(settings.max_age_hours, settings.follow_grace_days) for oa, settings in known.items()}


def put_right(services: Services, oa: str) -> None:
    """What the ledger shows to be amiss; what is let go last waits for nothing that has just ended."""
    rescue(services, oa)
    end_what_is_too_old(services, oa)
    with services.ledger.begin() as tx:
        _tell(oa, promoted=notices.promote(tx, oa, None, by="sweep", limit=_PAGE))


def end_what_is_too_old(services: Services, oa: str) -> None:
    """Notices past their age limit, by a moment that a second clock has proven; where none does, another time."""
    with services.ledger.connect() as connection:
        now = services.shared.second_clock.now(connection)
    if now is None:
        return
    hours, days = services.settings.max_age_hours, services.settings.follow_grace_days
    with services.ledger.begin() as tx:
        expired = upkeep.expire(tx, oa, now=now, hours=hours, by="sweep", limit=_PAGE)
        given_up = upkeep.close_unreachable(tx, oa, now=now, days=days, by="sweep", limit=_PAGE)
        doubtful = upkeep.close_doubts(tx, oa, now=now, hours=hours, by="sweep", limit=_PAGE)
    _tell(oa, expired=expired, grace_over=given_up, nobody_could_tell=doubtful)


def _tell(oa: str, **found: set[int]) -> None:
    for what, ids in found.items():
        if ids:
            log.info("sweep oa=%s %s=%d", oa, what, len(ids))


def rebuild_schedule(services: Services, oa: str) -> None:
    """The list of retries in Redis, made anew from the ledger where a flush took it."""
    with services.ledger.connect() as connection:
        services.schedule.replace(oa, (Retry(**row) for row in upkeep.retries(connection, oa)))


def mind_schedule(shared: Shared, oas: Sequence[str]) -> None:
    """Take out of the schedules what is past, and what ended before its time; of a long one a part at random."""
    for oa, size in shared.schedule.sizes(oas).items():
        past = len(shared.schedule.due(oa, _COMPARED))
        rest = max(0, size - past)
        ids = shared.schedule.ids(oa, random.randint(0, max(0, rest - _COMPARED)), _COMPARED)  # noqa: S311 (a sample)
        if ids:
            with shared.ledger.connect() as connection:
                shared.schedule.remove(oa, upkeep.over(connection, ids))


def rescue(services: Services, oa: str) -> None:
    """Split the notices of each expired lease: no mark, so certainly not sent, or perhaps sent."""
    with services.ledger.begin() as tx:
        for lease, held in upkeep.expired_leases(tx, oa, limit=_PAGE).items():
            left = services.marks.left(lease, lease.split(".", 1)[0])
            certainly_not = [] if left is None else _unmarked(services, lease, held, left)
            perhaps = [one for one in held if one not in certainly_not]
            upkeep.rescue(tx, certainly_not=certainly_not, perhaps=perhaps, by="sweep")
            log.warning("lease expired lease=%s again=%d uncertain=%d", lease, len(certainly_not), len(perhaps))


def _unmarked(services: Services, lease: str, held: Sequence[Leased], left: Collection[int]) -> list[Leased]:
    """Those of which neither the marks of the lease nor the witness says that they may have left."""
    names = [services.people.event_hash(services.oa, one.key) for one in held]
    witnesses = services.marks.witnesses(names)
    return [
        one
        for one, witness in zip(held, witnesses, strict=True)
        if one.id not in left and (witness is None or witness.tag != tag_of(lease))
    ]


def forget_old_events(shared: Shared) -> None:
    """Of the inbox, in transactions of their own: no event that came now waits for one that came a month ago."""
    end = time.monotonic() + _HOUSE_SECONDS
    forgotten, page = 0, inbox.PURGED_AT_ONCE
    while page == inbox.PURGED_AT_ONCE and time.monotonic() < end:
        with shared.ledger.begin() as tx:
            page = inbox.purge(tx)
        forgotten += page
    if forgotten:
        log.info("housekeeping events_forgotten=%d", forgotten)


def keep_house(shared: Shared) -> None:
    """Old events of Zalo; months that come, months that are too old, finished notices that need not be at hand."""
    forget_old_events(shared)
    with shared.ledger.connect() as connection:
        now = shared.second_clock.now(connection)
    if now is None:
        return
    with shared.ledger.begin() as tx:
        oddities.forget(tx)
        phonebook.forget_phones(tx)
    try:
        kept = past.keep_house(
            shared.ledger, now=now, keep_months=shared.settings.keep_months, by="housekeeping", seconds=_HOUSE_SECONDS
        )
    except past.Leap as leap:
        log.error("housekeeping put off, run `hcc purge` if the time is right why=%s", leap)  # noqa: TRY400 (the sentence says all)
        return
    for part in kept.dropped:
        log.warning("month dropped part=%s rows=%d", part.name, part.rows)
    if kept.put_away or kept.given_up:
        log.info("housekeeping put_away=%d given_up=%d more=%s", kept.put_away, kept.given_up, kept.more)
