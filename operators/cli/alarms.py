"""`hcc alarm`: what a person was to hear of, and a trial of the ways on which alarms go."""

from __future__ import annotations

import click

from operators.alarms import EVERY_OA, letter, staff_notices
from operators.cli.context import LEDGER, deployment
from operators.cli.output import accountable, as_json, print_json, print_table, say
from operators.mail import MailFault, send_mail
from worker.deployment import Deployment
from worker.domain.alarm import AlarmCause
from worker.ledger import alarms
from worker.ledger.alarms import Alarm
from worker.ledger.audit import audit
from worker.queue.bell import ring

_SHOWN = 100
_COLUMNS = {"began_at": "Từ", "ended_at": "Hết", "oa": "OA", "cause": "Việc gì", "says": "Vì sao"}


@click.group(short_help="Báo động: đang có gì, gửi thử.")
def alarm() -> None:
    """Báo động gửi tới HCC_ALARM_MAIL và cán bộ của `hcc staff add --alarms`: mỗi việc một lần, và khi đã hết."""


@alarm.command("list", short_help="Báo động đang có và đã qua.")
@as_json
def list_alarms(as_json: bool) -> None:
    """Liệt kê báo động đang có, rồi những lần gần đây."""
    with deployment() as made, made.shared.ledger.connect() as connection:
        rows = alarms.recent(connection, _SHOWN)
    if as_json:
        print_json(rows)
    else:
        print_table(_COLUMNS, rows, empty="Chưa có báo động nào.")


@alarm.command(short_help="Gửi thử một báo động bằng mọi đường đã đặt.")
@accountable
def test(by: str, why: str) -> None:
    """Gửi một báo động thử: thư tới HCC_ALARM_MAIL, tin tới cán bộ nhận báo động. Mã thoát 1 nếu thư không đi."""
    with deployment(*LEDGER, "redis_url") as made:
        trial, told = _begun_and_over(made, by=by, why=why)
        for oa in (oa for oa, number in told.items() if number):
            ring(oa)
        say(f"Đã ghi tin báo động cho {sum(told.values())} cán bộ.")
        _mail(made, trial)


def _begun_and_over(made: Deployment, *, by: str, why: str) -> tuple[Alarm, dict[str, int]]:
    with made.shared.ledger.begin() as tx:
        begun = alarms.begin(tx, EVERY_OA, AlarmCause.TEST, f"thử báo động, {by}: {why}")
        if begun is None:
            raise click.ClickException("Một lần thử khác đang chạy; chạy lại sau.")
        told = staff_notices(tx, made.oas, begun)
        alarms.end(tx, begun.id)
        alarms.silence(tx, begun.id)
        audit(tx, "*", "alarm test", "alarm", by=by, why=why)
    return begun, told


def _mail(made: Deployment, trial: Alarm) -> None:
    known = made.shared.settings
    if not known.alarm_mail:
        say("HCC_ALARM_MAIL chưa đặt: không gửi thư.")
        return
    try:
        send_mail(known.mail_url, known.mail_from, known.alarm_mail, *letter(trial, is_known=False))
    except MailFault as fault:
        raise click.ClickException(f"Máy chủ thư (HCC_MAIL_URL) không nhận thư: {fault}.") from None
    say(f"Đã gửi thư thử tới {len(known.alarm_mail)} hộp thư.")
