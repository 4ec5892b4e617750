"""Gauges of what is kept back or stopped: by the guard, by switches, because the source is strange."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from domain.volume_guard import MANY, OLD
from ledger.notices import guard_counts, switches
from ledger.notices.switches import EVERY_OA
from ledger.reports import tally_rounds
from ledger.source import sources
from operators.metrics.board import MetricBoard


def measure_kept(board: MetricBoard, connection: Connection, oas: Sequence[str]) -> None:
    """Gauges by OA. The number in quarantine is in `hcc_notices`."""
    seconds = tally_rounds.age_seconds(connection)
    board.set("hcc_tally_age_seconds", float("inf") if seconds is None else seconds)
    stopped = switches.listed(connection)
    for oa in oas:
        lately = guard_counts.lately(connection, oa)
        for cause in (OLD, MANY):
            board.set("hcc_guard_kept_back", lately.get(cause, 0), oa=oa, cause=cause)
        for sort in switches.SORTS:
            number = sum(one.sort == sort and one.oa in (EVERY_OA, oa) for one in stopped)
            board.set("hcc_switches_off", number, oa=oa, sort=sort)
        board.set("hcc_source_strange", sources.read(connection, oa).strange is not None, oa=oa)
