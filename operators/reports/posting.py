"""Mails the reports that are due by schedule, each once.

The mail's row in the ledger is locked while the report is made and handed to the mail server. A process that is killed
in between leaves the row as it was. If that was after the server took the mail, the next process sends it again, with
the same Message-ID.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

from sqlalchemy import Connection

from ledger.base.clock import now
from ledger.reports import schedules, tally_rounds
from ledger.reports.schedules import DueMail
from ledger.reports.statistics import ReportPeriod
from operators.mail import MailFault, MailFile, send_mail
from operators.reports.catalogue import CATALOGUE, VIETNAMESE, MadeReport, chosen_said
from operators.reports.days import period_of
from operators.reports.forms import MEDIA_TYPES, TOO_LONG, FileForm, file_name, write_report
from worker.services.bootstrap import Services
from worker.services.deployment import Deployment

log = logging.getLogger("hcc.reports")

MOST_BYTES = 15_000_000
"""Of a file by mail: mail servers commonly refuse 25 MB, and the coding of files adds a third."""


def post_due(deployment: Deployment) -> Iterator[bool]:
    """Make and mail what is due; yields after each whether the mail server took it."""
    ledger = deployment.shared.ledger
    with ledger.begin() as tx:
        schedules.plan(tx, now(tx))
    while True:
        with ledger.begin() as tx:
            mail = schedules.take(tx, now(tx))
            if mail is None:
                return
            was_taken = _post(tx, deployment, mail)
        yield was_taken


def _post(tx: Connection, deployment: Deployment, mail: DueMail) -> bool:
    wanted, known = mail.schedule, deployment.shared.settings
    one = deployment.named(wanted.oa)
    if one is None or wanted.report not in CATALOGUE:
        log.error("report not mailed, its OA or report is not known schedule=%d", wanted.id)
        schedules.put_off(tx, mail, now(tx))
        return False
    subject, body, file = letter(tx, one, mail)
    name = f"report-{wanted.id}-{mail.last}"
    try:
        send_mail(known.mail_url, known.mail_from, wanted.receivers, subject, body, file=file, name=name)
    except MailFault as fault:
        log.warning("report not mailed, tried again schedule=%d why=%s", wanted.id, fault)
        schedules.put_off(tx, mail, now(tx))
        return False
    schedules.mailed(tx, mail, now(tx))
    log.info("report mailed schedule=%d receivers=%d", wanted.id, len(wanted.receivers))
    return True


def letter(tx: Connection, one: Services, mail: DueMail) -> tuple[str, str, MailFile | None]:
    """Subject, body and file of a mail; without a file, the body says why."""
    wanted, known = mail.schedule, CATALOGUE[mail.schedule.report]
    period = period_of(mail.first, mail.last, wanted.unit)
    if period is None:
        raise AssertionError("a period ends after it begins")
    if known.tallied:
        tally_rounds.bring_up(one.ledger, *period.days)
    at, form = now(tx), FileForm(wanted.form)
    table = known.make(tx, one, period, VIETNAMESE)
    chosen = "\n".join(f"{name}: {value}" for name, value in chosen_said(tx, one.oa, period, at))
    content = _written(form, MadeReport(table, one.oa, period, at), tx)
    name = file_name(wanted.report, period, form)
    file = None if content is None else MailFile(name, MEDIA_TYPES[form], content)
    said = f"Tệp đính kèm: {name}." if file else _TOO_LONG
    body = f"{table.title}\n\n{chosen}\n\n{said}\n\nThư gửi theo lịch số {wanted.id} (`hcc report schedule list`).\n"
    return f"[HCC Notify] {table.title}, {_days(period)}", body, file


def _written(form: FileForm, made: MadeReport, tx: Connection) -> bytes | None:
    """The file; None if it is too long for its form or for a mail."""
    file = io.BytesIO()
    try:
        write_report(form, made, tx, file)
    except TOO_LONG:
        return None
    return file.getvalue() if file.tell() <= MOST_BYTES else None


_TOO_LONG = "Báo cáo dài quá nên không đính kèm được: xem trong bảng điều khiển, hoặc đặt lịch cho từng đơn vị."


def _days(period: ReportPeriod) -> str:
    first, end = period.days
    last = end.fromordinal(end.toordinal() - 1)
    return f"{first:%d/%m/%Y}" if first == last else f"{first:%d/%m/%Y} – {last:%d/%m/%Y}"
