"""`hcc alarm`: lists alarms, and sends a test alarm on all configured ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from operators.cli.context import LEDGER, deployment
from operators.cli.exits import Ended, ExitCode
from operators.cli.output import accountable, answer, as_json, examples, print_json, print_table

if TYPE_CHECKING:
    from ledger.reports.alarms import Alarm
    from worker.services.deployment import Deployment

_SHOWN = 100
_COLUMNS = {
    "began_at": "Từ",
    "ended_at": "Hết",
    "oa": "OA",
    "cause": "Việc gì",
    "says": "Vì sao",
    "runbook": "Việc cần làm",
}


@click.group(short_help="Báo động: đang có gì, gửi thử.")
def alarm() -> None:
    """Báo động gửi tới HCC_ALARM_MAIL và cán bộ của `hcc staff add --alarms`: mỗi việc một lần, và khi đã hết."""


@alarm.command(
    "list", short_help="Báo động đang có và đã qua.", epilog=examples("hcc alarm list", "hcc alarm list --json")
)
@as_json
def list_alarms(as_json: bool) -> None:
    """Liệt kê báo động đang có, rồi những lần gần đây."""
    from ledger.reports import alarms
    from operators.runbooks import runbook

    with deployment() as made, made.shared.ledger.connect() as connection:
        rows = [{**row, "runbook": runbook(row["cause"])} for row in alarms.recent(connection, _SHOWN)]
    if as_json:
        print_json(rows)
    else:
        print_table(_COLUMNS, rows, empty="Chưa có báo động nào.")


@alarm.command(
    short_help="Gửi thử một báo động bằng mọi đường đã đặt.",
    epilog=examples("hcc alarm test --by Lan --why 'thử hằng quý'"),
)
@accountable
@as_json
def test(by: str, why: str, as_json: bool) -> None:
    """Gửi một báo động thử: thư tới HCC_ALARM_MAIL, tin tới cán bộ nhận báo động. Mã thoát 1 nếu thư không đi."""
    from coordination.bell import ring

    with deployment(*LEDGER, "redis_url") as made:
        trial, told = _begun_and_over(made, by=by, why=why)
        for oa in (oa for oa, number in told.items() if number):
            ring(oa)
        staff = sum(told.values())
        mailed, fault = _mail(made, trial)
    mail = f"Đã gửi thư thử tới {mailed} hộp thư." if mailed else "HCC_ALARM_MAIL chưa đặt: không gửi thư."
    said = [f"Đã ghi tin báo động cho {staff} cán bộ.", *([] if fault else [mail])]
    refused = [{"mail": fault}] if fault else []
    answer("\n".join(said), as_json=as_json, done=staff + mailed, refused=refused, staff=staff, mailboxes=mailed)
    if fault:
        raise Ended(f"Máy chủ thư (HCC_MAIL_URL) không nhận thư: {fault}.", ExitCode.FAULT)


def _begun_and_over(made: Deployment, *, by: str, why: str) -> tuple[Alarm, dict[str, int]]:
    from domain.alarm import AlarmCause
    from ledger.base.audit import audit
    from ledger.reports import alarms
    from operators.alarms import EVERY_OA, staff_notices

    with made.shared.ledger.begin() as tx:
        begun = alarms.begin(tx, EVERY_OA, AlarmCause.TEST, f"thử báo động, {by}: {why}")
        if begun is None:
            raise Ended("Một lần thử khác đang chạy; chạy lại sau.")
        told = staff_notices(tx, made.oas, begun)
        alarms.end(tx, begun.id)
        alarms.silence(tx, begun.id)
        audit(tx, "*", "alarm test", "alarm", by=by, why=why)
    return begun, told


def _mail(made: Deployment, trial: Alarm) -> tuple[int, str]:
    """Send the letter; returns how many mailboxes got it, and the mail server's fault (empty: none)."""
    from operators.alarms import letter
    from operators.mail import MailFault, send_mail

    known = made.shared.settings
    if not known.alarm_mail:
        return 0, ""
    try:
        send_mail(known.mail_url, known.mail_from, known.alarm_mail, *letter(trial, is_known=False))
    except MailFault as fault:
        return 0, str(fault)
    return len(known.alarm_mail), ""
