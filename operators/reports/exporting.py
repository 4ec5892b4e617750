"""Makes one export in a process of its own: what it costs, no page and no event of Zalo pays.

The file gets its name once it is whole. A process that is killed leaves a part, which upkeep removes.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Engine

from config.logs import set_up_logs
from config.oas import Oa, load_oas
from config.process import lower_priority
from ledger.base.clock import now
from ledger.base.engine import open_ledger
from ledger.reports import exports
from ledger.reports.exports import ReportExport
from operators.reports.catalogue import CATALOGUE, VIETNAMESE, MadeReport
from operators.reports.days import period_of
from operators.reports.forms import TOO_LONG, FileForm, write_report
from operators.reports.table import Cell, ReportTable
from worker.services.deployment import Deployment

log = logging.getLogger("hcc.reports")

TOO_LONG_FAULT, FAILED_FAULT = "too_long", "failed"
_COMMAND = "from operators.reports.exporting import main; main()"
_STATEMENT_SECONDS = 1800.0
_NICENESS = 10  # everybody else goes first
_NOTED_SECONDS = 1.0


def path_of(folder: Path, export: ReportExport) -> Path:
    """Where the file is: a number and an ending, nothing of a person."""
    return folder / f"{export.id}.{export.form}"


def begin_export(number: int, folder: Path) -> None:
    """Start the process that makes it, and do not wait."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    process = subprocess.Popen(  # noqa: S603 (constant words, numbers and our own folder)
        [sys.executable, "-c", _COMMAND, str(number), str(folder), str(_NICENESS)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # a console that is restarted does not end it
    )
    threading.Thread(target=process.wait, name=f"export {number}", daemon=True).start()


def export(made: Deployment, ledger: Engine, number: int, folder: Path) -> bool:
    """Make the export; returns whether its file is there. Faults are noted in its row."""
    with ledger.connect() as connection:
        wanted = exports.found(connection, number)
    if wanted is None:
        return False
    part = path_of(folder, wanted).with_suffix(".part")
    try:
        rows = _write(made, ledger, wanted, part)
    except Exception as fault:  # noqa: BLE001 (noted and logged by its type: a text may contain anything)
        part.unlink(missing_ok=True)
        is_long = isinstance(fault, TOO_LONG)
        log.error("export failed export=%d why=%s", number, type(fault).__name__)  # noqa: TRY400 (as above)
        with ledger.begin() as tx:
            exports.note_fault(tx, number, TOO_LONG_FAULT if is_long else FAILED_FAULT)
        return False
    size = part.stat().st_size
    part.replace(path_of(folder, wanted))
    with ledger.begin() as tx:
        exports.note_done(tx, number, rows, size)
    return True


def _write(made: Deployment, ledger: Engine, wanted: ReportExport, part: Path) -> int:
    one, known = made.named(wanted.oa), CATALOGUE[wanted.report]
    period = period_of(wanted.first, wanted.last, wanted.unit, folded=wanted.folded)
    if one is None or period is None:
        raise ValueError("the OA is gone, or the days are the wrong way round")
    with ledger.connect() as connection, part.open("xb") as file:
        part.chmod(0o600)
        table = known.make(connection, one, period, VIETNAMESE)
        told = replace(table, rows=_noting(ledger, wanted.id, table))
        report = MadeReport(told, wanted.oa, period, now(connection))
        return write_report(FileForm(wanted.form), report, connection, file)


def _noting(ledger: Engine, number: int, table: ReportTable) -> Iterator[tuple[Cell, ...]]:
    """The rows; how many have passed is noted once a second."""
    noted = time.monotonic()
    for place, row in enumerate(table.rows):
        yield row
        if time.monotonic() - noted > _NOTED_SECONDS:
            noted = time.monotonic()
            with ledger.begin() as tx:
                exports.note_progress(tx, number, place + 1)


def main() -> None:
    """`python -c … NUMBER FOLDER NICENESS`: the settings are those of the console, which started it."""
    number, folder = int(sys.argv[1]), Path(sys.argv[2])
    lower_priority(int(sys.argv[3]))
    oas = load_oas("database_url", "secret_keys", "zalo_oa_id")  # what the console needs
    first = next(iter(oas.values())).settings
    set_up_logs(first.log_level)
    url = first.console_database_url
    ledger = open_ledger(url, name="hcc export", statement_seconds=_STATEMENT_SECONDS, kept=2, more=0)
    made = Deployment(_by_url(oas, url), "hcc export", ledger)
    is_there = export(made, ledger, number, folder)
    made.close()
    sys.exit(0 if is_there else 1)


def _by_url(oas: Mapping[str, Oa], url: str) -> dict[str, Oa]:
    return {oa: replace(one, settings=one.settings.model_copy(update={"database_url": url})) for oa, one in oas.items()}
