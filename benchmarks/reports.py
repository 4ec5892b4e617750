"""Measures reports: roll-ups of a year, each page over them, and a year as one sheet beside Zalo's events.

    python -m benchmarks.reports
    python -m benchmarks.reports --notices 100000 --rows 20000 --rounds 10

Real PostgreSQL and Valkey, and `hcc console` and `hcc web` as the Procfile starts them. The filled ledger is kept for
the next run.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from python_calamine import CalamineWorkbook
from sqlalchemy import Engine, text

from benchmarks import hooks
from benchmarks.console import EVENT_SECONDS, ConsoleBench, console_environment, pages_alone, started
from benchmarks.filling import admit
from benchmarks.measure import percentile
from benchmarks.report import Report, ms
from benchmarks.sheet import UNITS
from benchmarks.world import BENCH, OA, World, tell, world
from domain.units import ListedUnit
from ledger.archive import partitions
from ledger.base import units
from ledger.reports import tally_rounds
from operators.console.reports import REPORTS
from worker.services.bootstrap import Services

SHEET_MB = 100.0
"""The memory that a sheet of a year may take, whatever its rows."""

_DAYS = 365
_PAGE = 20_000
_WITHOUT_PLOT = frozenset({"costs", "followers", "bad-phones"})  # nothing of them to draw; a list longer than a page
_SMALL = 1000

_FILL = """
WITH made AS (
    INSERT INTO notices (oa, event_key, code, kind, rank, unit, facts, person_id, state, reason, phone_fault,
                         phone_seen, channel, event_at, fresh_at, recorded_at, due_at)
    SELECT :oa, code || '/' || kind || '/1', code, kind, 1, unit, '{}', :person + n % :people,
           CASE WHEN n % 10 < 7 THEN 'seen' WHEN n % 10 < 9 THEN 'unreachable' ELSE 'suppressed' END,
           CASE WHEN n % 10 BETWEEN 7 AND 8 THEN 'no Zalo user of this OA is linked to the phone' END,
           CASE WHEN n % 200 = 8 THEN 'landline' END, CASE WHEN n % 200 = 8 THEN '02*****55' END,
           CASE WHEN n % 10 < 7 THEN 'zalo_cs' END, at, at, at, at
    FROM (SELECT n, unit, unit || '-240401-' || lpad((n / 3)::text, 7, '0') AS code,
                 (CAST('{accepted,fee_requested,result_ready}' AS text[]))[1 + n % 3] AS kind,
                 now() - interval '1 second' - (CAST(:most AS bigint) - n) * interval '365 days' / :most AS at
          FROM (SELECT n, 'H27.' || 1 + n / 3 % CAST(:units AS int) AS unit
                FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS n) AS numbers) AS rows
    RETURNING id, recorded_at, state
)
INSERT INTO attempts (notice_id, at, channel, outcome, code, ms)
SELECT id, recorded_at + id % 9 * interval '1 second', 'zalo_cs', 'sent', 0, 50 FROM made WHERE state = 'seen'
"""


def main() -> None:
    """Run it and write the page."""
    report, options = Report("reports", "Reports over a year"), _options()
    with world() as made, ExitStack() as stack:
        given = _filled(report, made, options.notices)
        bench = started(stack, made, given)
        report.text(f"{options.notices:,} notices of {_DAYS} days and {UNITS} units; all processes share the cores.")
        pages_alone(report, replace(bench, console=replace(bench.console, pages=_pages())), options.rounds)
        _sheet(report, bench, options.rows)
    report.write()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--notices", type=int, default=5_000_000)
    parser.add_argument("--rows", type=int, default=500_000, help="of the sheet")
    parser.add_argument("--rounds", type=int, default=50, help="how often each page is asked")
    return parser.parse_args()


def _pages() -> dict[str, list[str]]:
    """Each report of the usual 30 days and of a year, and its plot."""
    since = (datetime.now(UTC) - timedelta(days=_DAYS - 1)).date()
    return {
        f"{name}, {what}": [f"/reports/{name}{address}"]
        for name in REPORTS
        for what, address in (("30 days", ""), ("a year", f"?since={since}"), ("plot", ".svg"))
        if name != "scans" and not (name in _WITHOUT_PLOT and what == "plot")
    }


def _filled(report: Report, made: World, number: int) -> dict[str, str]:
    """A ledger of a year with its roll-ups; returns the environment of the processes."""
    name = f"reports_{number}"
    url = made.ledger(name, fresh=False)
    given = console_environment(made, name)
    services = Services(made.settings(url, given["HCC_DOSSIER_URL"]))
    people = sorted(admit(services).values())
    _fill(services.ledger, number, {"person": people[0], "people": len(people)})
    _roll_up(report, services.ledger)
    services.close()
    made.checkpoint()
    return given


def _fill(ledger: Engine, number: int, people: Mapping[str, int]) -> None:
    """Insert what is missing, in transactions within the patience of the ledger's engine."""
    with ledger.begin() as tx:
        now = datetime.now(UTC)
        months = {partitions.month_of(now - timedelta(days=days)) for days in range(_DAYS + 1)}
        partitions.make(tx, "attempts", sorted(months))
        listed = [ListedUnit(f"H27.{one + 1}", f"Phường {one + 1}", None, None, None, None) for one in range(UNITS)]
        units.change(tx, OA, listed, whole=True)
        there = int(tx.execute(text("SELECT count(*) FROM notices")).scalar_one())
    for first in range(there + 1, number + 1, _PAGE):
        values = {"oa": OA, "units": UNITS, "most": number, **people}
        with ledger.begin() as tx:
            tx.execute(text("SET LOCAL synchronous_commit = off"))
            tx.execute(text(_FILL), {**values, "first": first, "last": min(first + _PAGE - 1, number)})
        if first % 500_000 < _PAGE:
            tell(f"{first:,} notices")
    with ledger.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM ANALYZE notices, attempts"))


def _roll_up(report: Report, ledger: Engine) -> None:
    tell("the roll-ups of a year")
    with ledger.begin() as tx:
        first, end, _ = tally_rounds.mark_days(tx, _DAYS + 1)
    took, began = [], time.monotonic()
    for _day in tally_rounds.rebuild(ledger, first, end):
        took.append(time.monotonic() - began)
        began = time.monotonic()
    report.text(
        f"**Roll-ups**: {len(took)} days were counted again from the facts, each p50 {ms(percentile(took, 0.5))}, "
        f"slowest {ms(max(took))}."
    )


def _sheet(report: Report, bench: ConsoleBench, rows: int) -> None:
    """A year as one sheet, made by a process of its own, while Zalo's events come in; then read by another program."""
    tell(f"a sheet of {rows:,} rows")
    path = BENCH / "year.xlsx"
    small = float(_begin(_SMALL, path).communicate()[0])
    events = hooks.events(1500)
    asyncio.run(hooks.send(bench.hooks, [(b"{}", {})] * 500, 250))  # warm-up
    quiet = asyncio.run(hooks.send(bench.hooks, events[:500], 100))
    began = time.monotonic()
    child = _begin(rows, path)
    loud = asyncio.run(hooks.send(bench.hooks, events[500:], 100))
    large = float(child.communicate()[0])
    seconds = time.monotonic() - began
    read = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).height - 1
    size = path.stat().st_size
    path.unlink()
    report.text(
        f"**A year as one sheet**: {rows:,} rows of 13 cells as XLSX in {seconds:.0f} s, {size / 1e6:.0f} MB, by a "
        f"process with low priority. Its memory is {large:.0f} MB, of {_SMALL:,} rows {small:.0f} MB. "
        f"calamine reads {read:,} rows."
    )
    table = [("nothing is written", quiet), ("while the sheet is written", loud)]
    report.table(
        ("the answers to events, 100 a second", "p50", "p99"),
        [(what, ms(percentile(took, 0.5)), ms(percentile(took, 0.99))) for what, took in table],
    )
    p99 = percentile(loud, 0.99)
    report.promises([
        ("MB, memory of the sheet's process", large, f"< {SHEET_MB:.0f}", large < SHEET_MB),
        ("rows read back", float(read), f"{rows:,}", read == rows),
        ("ms, p99 of the answers to events", p99 * 1000, f"< {EVENT_SECONDS * 1000:.0f}", p99 < EVENT_SECONDS),
    ])  # fmt: skip


def _begin(rows: int, path: Path) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "benchmarks.sheet", "xlsx", str(rows), str(path)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True)  # noqa: S603 (our own)


if __name__ == "__main__":
    main()
