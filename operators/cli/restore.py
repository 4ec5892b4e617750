"""`hcc restore --check`: after a backup of the ledger was restored, before workers run again.

The backup knows nothing of what was sent since. What is live may have been sent: it gets its words and is asked of
Zalo, or is kept for an operator where nobody can be asked. Events that the feeds find again are kept as well.
"""

from __future__ import annotations

from datetime import datetime

import click
from sqlalchemy import Connection

from operators.cli.bulk import VERB_NEEDS
from operators.cli.context import deployment
from operators.cli.output import accountable, say
from worker.bootstrap import Services
from worker.deliver import claim_and_compose, doubt_what_was_restored, first_lane
from worker.deployment import Deployment
from worker.domain.clock import VIETNAM, from_local, to_the_second
from worker.lease import Lease
from worker.ledger import reports, setbacks, upkeep
from worker.ledger.audit import audit
from worker.ledger.clock import now
from worker.ledger.setbacks import RESTORED, Setback

_PAGE = 500  # notices that get their words together
_EVERY = 1_000_000  # leases that a backup may hold


@click.command(short_help="Kiểm lại sổ vừa phục hồi từ bản sao lưu.")
@click.option("--check", is_flag=True, required=True, help="Đối chiếu: không gửi gì, chỉ đánh dấu điều chưa chắc.")
@click.option("--since", metavar="THỜI_ĐIỂM", help="Lúc tạo bản sao lưu (ISO); bỏ trống: bước cuối có trong sổ.")
@accountable
def restore(check: bool, since: str | None, by: str, why: str) -> None:  # noqa: ARG001 (click requires the switch)
    """Chạy sau khi phục hồi sổ từ bản sao lưu, khi worker còn dừng.

    Thông báo chưa xong có thể đã gửi sau lúc sao lưu: hỏi được Zalo thì hỏi, không hỏi được thì tạm giữ và liệt kê.
    """
    with deployment(*VERB_NEEDS) as made:
        began = _note(made, _moment(since), by, why)
        live = sum(setbacks.doubt_what_is_live(made.shared.ledger, began))
        for one in made:
            _end_leases(one, by)
            _ask_or_keep(one)
        _tell(made, began, live)


def _moment(typed: str | None) -> datetime | None:
    """A time that says no zone is meant in Vietnam's."""
    if typed is None:
        return None
    try:
        moment = datetime.fromisoformat(typed)
    except ValueError:
        raise click.ClickException("--since cần thời điểm ISO, ví dụ 2026-01-31T08:00.") from None
    return moment if moment.tzinfo else from_local(moment, VIETNAM)


def _note(made: Deployment, since: datetime | None, by: str, why: str) -> datetime:
    """Keep the setback, so that what the feeds find again is kept back; gives when it began."""
    with made.shared.ledger.begin() as tx:
        _nobody_runs(tx)
        moment = now(tx)
        began = since or setbacks.newest_move(tx) or moment
        if began > moment:
            raise click.ClickException("Thời điểm sao lưu nằm ở tương lai: xem lại --since.")
        setbacks.note(tx, Setback(RESTORED, began, moment, by, why))
        for one in made:
            audit(tx, one.oa, "restore check", f"since {began.isoformat()}", by=by, why=why)
    return began


def _nobody_runs(tx: Connection) -> None:
    """A worker that runs would send meanwhile what is about to be doubted."""
    if setbacks.workers(tx):
        raise click.ClickException("Worker còn đang chạy trên sổ này: dừng worker và beat rồi chạy lại.")


def _end_leases(one: Services, by: str) -> None:
    """Whatever the backup holds as being sent may have been sent; no worker that knows its lease is left."""
    with one.ledger.begin() as tx:
        upkeep.end_leases(tx, one.oa)
        for held in upkeep.expired_leases(tx, one.oa, limit=_EVERY).values():
            upkeep.rescue(tx, certainly_not=[], perhaps=held, by=by)


def _ask_or_keep(one: Services) -> None:
    """What is due gets its words and is doubted, or kept; what waits behind it follows when its turn comes."""
    while (lane := first_lane(one, one.oa)) is not None:
        letters = claim_and_compose(one, one.oa, lane, Lease.begin(one), _PAGE)
        doubt_what_was_restored(one, letters)


def _tell(made: Deployment, began: datetime, live: int) -> None:
    say(f"Sổ lùi về {to_the_second(began)}: {live} thông báo chưa xong có thể đã gửi sau lúc đó.")
    with made.shared.ledger.connect() as connection:
        for one in made:
            counts = reports.live_counts(connection, one.oa)
            name = f"{made.names[one.oa]}: " if made.several else ""
            say(
                f"{name}{counts['uncertain']} sẽ hỏi Zalo, {counts['quarantined']} tạm giữ (`hcc quarantine list`), "
                f"{counts['waiting']} chờ việc trước của cùng hồ sơ, {counts['unreachable']} chưa liên lạc được."
            )
    say("Việc mà CSDL hồ sơ báo lại từ lúc sao lưu cũng được tạm giữ. Nay có thể chạy lại worker và beat.")
