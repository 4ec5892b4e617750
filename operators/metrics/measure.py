"""Fills the board: what the ledger knows, then what Redis knows. A server that is away costs its own part only."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from config.seldom import Seldom
from coordination.connection import QueueDown
from coordination.processes import ROLES, ProcessBoard
from coordination.refusals import Refusals
from domain.alarm import AlarmCause
from domain.delays import quantile
from ledger.base.away import why_away
from ledger.reports import gauges
from ledger.source import cursors, oddities
from ledger.zalo import credentials
from operators.able import unable
from operators.clocks import clocks_ahead
from operators.metrics.board import MetricBoard
from operators.metrics.costs import measure_costs
from operators.metrics.kept import measure_kept
from operators.stuck import oldest_due
from operators.template_files import bad_templates
from producers.probe import probe_times
from worker.delivery.feedback import HELD, breaker_key, concerns
from worker.services.bootstrap import Services

log = logging.getLogger("hcc.web")

_SAID = Seldom(60.0)
_SERVERS = (AlarmCause.LEDGER, AlarmCause.REDIS, AlarmCause.BROKER)
_QUANTILES = (0.5, 0.95, 0.99)


def measure(every: Sequence[Services]) -> bytes:
    """The gauges of these OAs, which share one ledger and one Redis, in Prometheus' format."""
    board = MetricBoard()
    down = {cause for cause, _, _ in unable(every[0].shared, revisions=False)}
    for server in _SERVERS:
        board.set("hcc_server_up", server not in down, server=server)
    try:
        _measure_ledger(board, every)
    except (DBAPIError, PoolTimeout) as fault:
        if number := _SAID.may("ledger"):
            log.warning("metrics of the ledger are not whole why=%s number=%d", why_away(fault), number)
    with suppress(QueueDown):
        _measure_redis(board, every)
    return board.text()


def _measure_ledger(board: MetricBoard, every: Sequence[Services]) -> None:
    with every[0].ledger.connect() as connection:
        measure_kept(board, connection, [services.oa for services in every])
        board.set("hcc_bad_templates", len(bad_templates(every[0], connection)))
        for services in every:
            _measure_notices(board, connection, services.oa)
            _measure_lately(board, connection, services.oa)
            _measure_source(board, connection, services.oa)
            _measure_grant(board, connection, services.oa)
            _measure_probe(board, connection, services.oa)
            measure_costs(board, connection, services)
    for services in every:
        for lane, seconds in oldest_due(services).items():
            board.set("hcc_oldest_due_seconds", seconds, oa=services.oa, lane=lane.name.lower())
    _measure_clocks(board, every[0])


def _measure_notices(board: MetricBoard, connection: Connection, oa: str) -> None:
    for state, number in gauges.counts(connection, oa).items():
        board.set("hcc_notices", number, oa=oa, state=state)
    for cause, number in gauges.dead_causes(connection, oa).items():
        board.set("hcc_dead", number, oa=oa, cause=cause)
    board.set("hcc_uncertain_left", gauges.uncertain_left(connection, oa), oa=oa)


def _measure_lately(board: MetricBoard, connection: Connection, oa: str) -> None:
    """No delay is shown while nothing was sent: it is not 0."""
    found = gauges.lately(connection, oa)
    for (channel, outcome, code), number in found.outcomes.items():
        told = "" if code is None else str(code)
        board.set("hcc_outcomes_5m", number, oa=oa, channel=channel, outcome=outcome, code=told)
    for share in _QUANTILES:
        if (seconds := quantile(found.delays, share)) is not None:
            board.set("hcc_delay_5m_seconds", seconds, oa=oa, quantile=str(share))


def _measure_source(board: MetricBoard, connection: Connection, oa: str) -> None:
    """How the producers keep up with the dossier database, and what they cannot read there."""
    for pace in cursors.paces(connection, oa):
        board.set("hcc_source_poll_age_seconds", pace.seconds, oa=oa, feed=pace.feed)
        board.set("hcc_source_missing_ids", pace.missing, oa=oa, feed=pace.feed)
    odd: Counter[str] = Counter()
    for one in oddities.tallied(connection, oa):
        odd[one.field] += one.number
    for column, number in odd.items():
        board.set("hcc_source_oddities", number, oa=oa, column=column)


def _measure_grant(board: MetricBoard, connection: Connection, oa: str) -> None:
    """Absent before the first consent."""
    life = credentials.life(connection, oa)
    if life is not None:
        board.set("hcc_grant_seconds_left", life.grant_seconds, oa=oa)
        board.set("hcc_token_seconds_left", life.token_seconds, oa=oa)


def _measure_probe(board: MetricBoard, connection: Connection, oa: str) -> None:
    """Absent for an OA without a probe (docs/probe.md)."""
    if (times := probe_times(connection, oa)) is None:
        return
    board.set("hcc_probe_age_seconds", times.age, oa=oa)
    for step, seconds in (("sent", times.sent), ("delivered", times.delivered)):
        if seconds is not None:
            board.set("hcc_probe_delay_seconds", seconds, oa=oa, step=step)


def _measure_clocks(board: MetricBoard, services: Services) -> None:
    """Of the workers' hosts the one that is furthest off; `hcc doctor` names it. Zalo is not asked at each scrape."""
    furthest: dict[str, float] = {}
    for clock, ahead in clocks_ahead(services).items():
        name = clock.partition(" ")[0]
        furthest[name] = max(furthest.get(name, 0.0), ahead.total_seconds(), key=abs)
    for name, seconds in furthest.items():
        board.set("hcc_clock_offset_seconds", seconds, clock=name)


def _measure_redis(board: MetricBoard, every: Sequence[Services]) -> None:
    redis = every[0].shared.redis
    running = Counter(process.role for process in ProcessBoard(redis).running())
    for role in ROLES:
        board.set("hcc_processes", running[role], role=role)
    for why, number in Refusals(redis).all().items():
        board.set("hcc_refused_total", number, why=why)
    for services in every:
        _measure_channels(board, services)


def _measure_channels(board: MetricBoard, services: Services) -> None:
    """Breakers, holds and the limit of an OA. A hold on its app counts for each of the app's OAs."""
    oa = services.oa
    for channel in services.channels.values():
        is_open = services.breaker.state(breaker_key(oa, channel)).until is not None
        board.set("hcc_channel_down", is_open, oa=oa, channel=channel.name)
    holds = [hold.key for hold in services.holds.all() if concerns(services, hold.key)]
    held = Counter(key.partition(":")[0] for key in holds)
    for scope in HELD:
        board.set("hcc_held", held[scope], oa=oa, scope=scope)
    board.set("hcc_limit_used_ratio", max(map(services.limiter.used, services.limits(oa))), oa=oa)
