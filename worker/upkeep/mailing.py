"""Starts the process that makes and mails the reports that are due.

It is a process of its own (`hcc report schedule run`): a large report costs no worker its time or its memory. The
command belongs to the operators' side, so it is started by its name and nothing of it is imported here.
"""

from __future__ import annotations

import logging
import subprocess
import sys

from sqlalchemy import Engine

from ledger.base.clock import now
from ledger.reports import schedules

log = logging.getLogger("hcc.reports")

_SECONDS = 1800.0  # a run that lasts longer is stopped; what it had not mailed is still due
_COMMAND = ("-c", "from operators.cli.main import main; main()", "report", "schedule", "run")


def mail_reports(ledger: Engine) -> None:
    """Mail what is due and wait for it. Raises the errors of `ledger.base.away.AWAY`."""
    with ledger.begin() as tx:
        if not schedules.plan(tx, now(tx)):
            return
    try:
        ended = subprocess.run(  # noqa: S603 (constant words)
            [sys.executable, *_COMMAND],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired:
        log.error("reports put off, their process was stopped seconds=%d", _SECONDS)  # noqa: TRY400 (the sentence suffices)
        return
    if ended.returncode:
        log.error("reports put off, run `hcc report schedule run` to see why status=%d", ended.returncode)
