"""Sweeps: repair the state after a crash or a lost bell; every sweep is idempotent and leaves live work alone."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Collection, Iterable, Iterator, Sequence

from sqlalchemy.exc import DBAPIError

from config.seldom import Seldom
from coordination.clocks import ClockSetBack
from coordination.connection import QueueDown
from coordination.schedule import Retry
from domain.kinds.reminder_hours import asleep
from domain.tries import tag_of
from ledger.archive import archive
from ledger.base.away import is_of_one_statement, why_away
from ledger.base.sealing import SealError
from ledger.notices import due_accounts, notices, sweep_queries, switches
from ledger.notices.due_accounts import AgeLimits
from ledger.notices.sweep_queries import Leased
from ledger.notices.switches import EVERY_OA
from ledger.people import phonebook
from ledger.reports import exports
from ledger.reports.seals import SEALED_AT_ONCE, AuditSeals
from ledger.source import oddities
from ledger.zalo import inbox
from worker.services.bootstrap import Services
from worker.services.deployment import Deployment
from worker.services.shared import Shared
from worker.upkeep.old_exports import EXPORTS, remove_old_files
from worker.upkeep.template_files import look_at_files

log = logging.getLogger("hcc.sweeps")

_PAGE = 1000  # notices per statement
_STOPPED_PAGE = 10_000
_COMPARED = 2000  # entries of a schedule that a sweep compares with the ledger
_MINDED = Seldom(60.0)  # keeps an idle sweep from querying Redis more than necessary
_FILES = Seldom(20.0)  # how often the files of the templates are looked at
_HOUSE_SECONDS = 10.0  # limit of one housekeeping run: the next one does the rest


def to_deliver(deployment: Deployment) -> list[str]:
    """The OAs that have a notice to send now."""
    shared = deployment.shared
    with shared.ledger.connect() as connection:
        now, sure = asleep(shared.clock.now()), shared.settings.sure_seconds
        return due_accounts.to_deliver(connection, _ages(deployment), now, sure=sure)


def sweep_all(deployment: Deployment, seconds: float) -> None:
    """Sweep the OAs that need it; begin none after `seconds`.

    Raises `QueueDown`, or the database driver's error, if Redis or the ledger is away for all.
    """
    shared = deployment.shared
    look_at_the_ledger(deployment)
    with shared.ledger.connect() as connection:
        amiss = due_accounts.to_sweep(connection, _ages(deployment))
    if EVERY_OA in amiss:
        give_back_time(shared)
        amiss.remove(EVERY_OA)
    for oa in in_time(amiss, seconds):
        try:
            put_right(deployment.of(oa))
        except QueueDown as away:  # only expired leases need Redis: other OAs continue
            log.error("sweep put off oa=%s why=%s", oa, away)  # noqa: TRY400 (the message is complete)
        except DBAPIError as fault:
            if not is_of_one_statement(fault):
                raise
            log.error("sweep put off oa=%s why=%s", oa, why_away(fault))  # noqa: TRY400 (as above)
    shared.holds.all()  # deletes expired holds
    for oa in shared.schedule.missing(deployment.oas):
        rebuild_schedule(deployment.of(oa))
    if _MINDED.may("schedule"):
        prune_schedules(shared, deployment.oas)
    if _MINDED.may("seals"):
        seal_audit(shared)
    if _FILES.may("templates"):
        look_at_files(deployment)


def seal_audit(shared: Shared) -> None:
    """Seal the new rows of the audit, page by page."""
    try:
        seals = AuditSeals.of(shared.ledger, shared.sealer)
    except SealError as fault:
        log.error("the audit is not sealed why=%s", fault)  # noqa: TRY400 (the message is complete)
        return
    page = SEALED_AT_ONCE
    while page == SEALED_AT_ONCE:
        with shared.ledger.begin() as tx:
            page = seals.seal_new(tx)


def give_back_time(shared: Shared) -> None:
    """Release the notices of switches that are over, by time or by an interrupted command; their age does not grow.

    Also move notices of switches still in force out of the way of the claims.
    """
    with shared.ledger.begin() as tx:
        ended = switches.over(tx)
    with shared.ledger.begin() as tx:
        switches.put_back(tx, page=_STOPPED_PAGE)
    for switch in ended:
        number = sum(page for page, _ in switches.give_all_back(shared.ledger, switch))
        log.warning("a switch is over, what it held goes on switch=%d notices=%d", switch, number)


def look_at_the_ledger(deployment: Deployment) -> None:
    """Check whether the ledger or its clock went back since the last sweep.

    If the ledger did, data that only it held is lost: the setback is recorded and logged with its time window.
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


def bring_back(deployment: Deployment, set_back: ClockSetBack) -> None:
    """Correct times that were written while the ledger's clock was ahead.

    This is repeated for a short time, since processes still use clock readings from before.
    """
    if set_back.first:
        log.error(
            "the ledger's clock was set back by %.0f s: what it had put off is brought back",
            set_back.by.total_seconds(),
        )
    for services in deployment:
        with services.ledger.begin() as tx:
            lease = services.settings.lease_seconds
            number = sweep_queries.bring_back(tx, services.oa, by=set_back.by, lease_seconds=lease)
        log.warning("brought back oa=%s rows=%d", services.oa, number)


def in_time(oas: Iterable[str], seconds: float) -> Iterator[str]:
    """Yield the OAs while there is time, in random order, so that not always the same ones wait."""
    end = time.monotonic() + seconds
    drawn = list(oas)
    random.shuffle(drawn)
    for oa in drawn:
        if time.monotonic() < end:
            yield oa


def _ages(deployment: Deployment) -> dict[str, AgeLimits]:
    known = {services.oa: services.settings for services in deployment}
    return {oa: AgeLimits(settings.max_age_hours, settings.follow_grace_days) for oa, settings in known.items()}


def put_right(services: Services) -> None:
    """Repair one OA. Promotion comes last, so that notices that have just ended no longer block any."""
    rescue(services)
    expire_old(services)
    with services.ledger.begin() as tx:
        _tell(services.oa, promoted=notices.promote(tx, services.oa, None, by="sweep", limit=_PAGE))


def expire_old(services: Services) -> None:
    """End the notices past their age limit, by a time that a second clock confirms.

    Without a confirmed time, leave it to a later sweep.
    """
    with services.ledger.connect() as connection:
        now = services.shared.second_clock.now(connection)
    if now is None:
        return
    hours, days = services.settings.max_age_hours, services.settings.follow_grace_days
    with services.ledger.begin() as tx:
        expired = sweep_queries.expire(tx, services.oa, now=now, hours=hours, by="sweep", limit=_PAGE)
        given_up = sweep_queries.close_unreachable(tx, services.oa, now=now, days=days, by="sweep", limit=_PAGE)
        doubtful = sweep_queries.close_doubts(tx, services.oa, now=now, hours=hours, by="sweep", limit=_PAGE)
    _tell(services.oa, expired=expired, grace_over=given_up, nobody_could_tell=doubtful)


def _tell(oa: str, **found: set[int]) -> None:
    for what, ids in found.items():
        if ids:
            log.info("sweep oa=%s %s=%d", oa, what, len(ids))


def rebuild_schedule(services: Services) -> None:
    """Rebuild the schedule of retries in Redis from the ledger, e.g. after a flush."""
    with services.ledger.connect() as connection:
        services.schedule.replace(services.oa, (Retry(**row) for row in sweep_queries.retries(connection, services.oa)))


def prune_schedules(shared: Shared, oas: Sequence[str]) -> None:
    """Remove past entries, and notices that ended early, from the schedules; of a long schedule a random part."""
    for oa, size in shared.schedule.sizes(oas).items():
        over = len(shared.schedule.due(oa, _COMPARED))
        rest = max(0, size - over)
        ids = shared.schedule.ids(oa, random.randint(0, max(0, rest - _COMPARED)), _COMPARED)  # noqa: S311 (a sample)
        if ids:
            with shared.ledger.connect() as connection:
                shared.schedule.remove(oa, sweep_queries.over(connection, ids))


def rescue(services: Services) -> None:
    """Split the notices of each expired lease: those without a mark were certainly not sent, the others perhaps."""
    with services.ledger.begin() as tx:
        for lease, held in sweep_queries.expired_leases(tx, services.oa, limit=_PAGE).items():
            left = services.marks.left(lease, lease.split(".", 1)[0])
            certainly_not = [] if left is None else _unmarked(services, lease, held, left)
            perhaps = [one for one in held if one not in certainly_not]
            sweep_queries.rescue(tx, certainly_not=certainly_not, perhaps=perhaps, by="sweep")
            log.warning("lease expired lease=%s again=%d uncertain=%d", lease, len(certainly_not), len(perhaps))


def _unmarked(services: Services, lease: str, held: Sequence[Leased], left: Collection[int]) -> list[Leased]:
    """The notices that neither a mark of the lease nor a witness shows as perhaps sent."""
    names = [services.people.event_hash(services.oa, one.key) for one in held]
    witnesses = services.marks.witnesses(names)
    return [
        one
        for one, witness in zip(held, witnesses, strict=True)
        if one.id not in left and (witness is None or witness.tag != tag_of(lease))
    ]


def forget_old_events(shared: Shared) -> None:
    """Purge old events from the inbox, in separate transactions: no new event waits for the purge of month-old ones."""
    end = time.monotonic() + _HOUSE_SECONDS
    forgotten, page = 0, inbox.PURGED_AT_ONCE
    while page == inbox.PURGED_AT_ONCE and time.monotonic() < end:
        with shared.ledger.begin() as tx:
            page = inbox.purge(tx)
        forgotten += page
    if forgotten:
        log.info("housekeeping events_forgotten=%d", forgotten)


def keep_house(shared: Shared) -> None:
    """Purge old Zalo events, create coming months, drop months that are too old, and archive finished notices."""
    forget_old_events(shared)
    with shared.ledger.connect() as connection:
        now = shared.second_clock.now(connection)
    if now is None:
        return
    with shared.ledger.begin() as tx:
        oddities.forget(tx)
        phonebook.forget_phones(tx)
        exports.forget(tx)
    remove_old_files(EXPORTS)
    try:
        kept = archive.keep_house(
            shared.ledger, now=now, keep_months=shared.settings.keep_months, by="housekeeping", seconds=_HOUSE_SECONDS
        )
    except archive.Leap as leap:
        log.error("housekeeping put off, run `hcc purge` if the time is right why=%s", leap)  # noqa: TRY400 (the message is complete)
        return
    for part in kept.dropped:
        log.warning("month dropped part=%s rows=%d", part.name, part.rows)
    if kept.put_away or kept.given_up:
        log.info("housekeeping put_away=%d given_up=%d more=%s", kept.put_away, kept.given_up, kept.more)
