"""`hcc restore --check`: checks a ledger restored from a backup, before workers run again.

The backup does not contain what was sent since. So each live notice may have been sent: it is composed and becomes a
doubt that Zalo is asked about, or is quarantined for an operator if Zalo cannot be asked. Events that the feeds find
again are quarantined as well.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from domain.clock import VIETNAM, from_local, to_the_second
from operators.cli.bulk import VERB_NEEDS
from operators.cli.context import deployment
from operators.cli.exits import Ended
from operators.cli.output import accountable, answer, as_json, examples
from operators.cli.progress import working

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from worker.services.bootstrap import Services
    from worker.services.deployment import Deployment

_PAGE = 500  # notices composed together
_STATES = ("uncertain", "quarantined", "waiting", "unreachable")
_EVERY = 1_000_000  # at least the number of leases in a backup


@click.command(
    short_help="Kiểm lại sổ vừa phục hồi từ bản sao lưu.",
    epilog=examples("hcc restore --check --since 2026-01-31T08:00 --by Lan --why 'đĩa hỏng'"),
)
@click.option("--check", is_flag=True, required=True, help="Đối chiếu: không gửi gì, chỉ đánh dấu điều chưa chắc.")
@click.option("--since", metavar="THỜI_ĐIỂM", help="Lúc tạo bản sao lưu (ISO); bỏ trống: bước cuối có trong sổ.")
@accountable
@as_json
def restore(
    *,
    check: bool,  # noqa: ARG001 (click requires the switch)
    since: str | None,
    by: str,
    why: str,
    as_json: bool,
) -> None:
    """Chạy sau khi phục hồi sổ từ bản sao lưu, khi worker còn dừng.

    Thông báo chưa xong có thể đã gửi sau lúc sao lưu: hỏi được Zalo thì hỏi, không hỏi được thì tạm giữ và liệt kê.
    """
    from ledger.base import setbacks

    with deployment(*VERB_NEEDS) as made:
        began = _note(made, _moment(since), by, why)
        live = sum(setbacks.doubt_what_is_live(made.shared.ledger, began))
        with working("Đang đối chiếu", len(made.oas)) as tell:
            for number, one in enumerate(made):
                tell(number)
                _end_leases(one, by)
                _ask_or_keep(one)
        _tell(made, began, live, as_json=as_json)


def _moment(typed: str | None) -> datetime | None:
    """The time of the backup; without a zone it is Vietnam's time. Raises `UsageError`."""
    if typed is None:
        return None
    try:
        moment = datetime.fromisoformat(typed)
    except ValueError:
        raise click.UsageError("--since cần thời điểm ISO, ví dụ 2026-01-31T08:00.") from None
    return moment if moment.tzinfo else from_local(moment, VIETNAM)


def _note(made: Deployment, since: datetime | None, by: str, why: str) -> datetime:
    """Record the setback, so that events the feeds find again are quarantined; returns when it began.

    Raises `Ended` if workers run or the backup's time is in the future.
    """
    from ledger.base import setbacks
    from ledger.base.audit import audit
    from ledger.base.clock import now
    from ledger.base.setbacks import RESTORED, Setback

    with made.shared.ledger.begin() as tx:
        _nobody_runs(tx)
        moment = now(tx)
        began = since or setbacks.newest_move(tx) or moment
        if began > moment:
            raise Ended("Thời điểm sao lưu nằm ở tương lai: xem lại --since.")
        setbacks.note(tx, Setback(RESTORED, began, moment, by, why))
        for one in made:
            audit(tx, one.oa, "restore check", f"since {began.isoformat()}", by=by, why=why)
    return began


def _nobody_runs(tx: Connection) -> None:
    """Refuse while workers run: they would send the notices that are about to be doubted. Raises `Ended`."""
    from ledger.base import setbacks

    if setbacks.workers(tx):
        raise Ended("Worker còn đang chạy trên sổ này: dừng worker và beat rồi chạy lại.")


def _end_leases(one: Services, by: str) -> None:
    """Treat every notice under a lease as perhaps sent: no worker that knows the lease is left."""
    from ledger.notices import sweep_queries

    with one.ledger.begin() as tx:
        sweep_queries.end_leases(tx, one.oa)
        for held in sweep_queries.expired_leases(tx, one.oa, limit=_EVERY).values():
            sweep_queries.rescue(tx, certainly_not=[], perhaps=held, by=by)


def _ask_or_keep(one: Services) -> None:
    """Compose due notices, and doubt or quarantine them; notices that wait behind them follow in turn."""
    from worker.delivery.deliver import claim_and_compose, doubt_what_was_restored, first_lane
    from worker.delivery.lease import Lease

    while (lane := first_lane(one)) is not None:
        letters = claim_and_compose(one, lane, Lease.begin(one), _PAGE)
        doubt_what_was_restored(one, letters)


def _tell(made: Deployment, began: datetime, live: int, *, as_json: bool) -> None:
    from ledger.reports import reports

    said = [f"Sổ lùi về {to_the_second(began)}: {live} thông báo chưa xong có thể đã gửi sau lúc đó."]
    told: dict[str, dict[str, int]] = {}
    with made.shared.ledger.connect() as connection:
        for one in made:
            counts = reports.live_counts(connection, one.oa)
            told[one.oa] = {state: counts[state] for state in _STATES}
            name = f"{made.names[one.oa]}: " if made.several else ""
            said.append(
                f"{name}{counts['uncertain']} sẽ hỏi Zalo, {counts['quarantined']} tạm giữ (`hcc quarantine list`), "
                f"{counts['waiting']} chờ việc trước của cùng hồ sơ, {counts['unreachable']} chưa liên lạc được."
            )
    said.append("Việc mà CSDL hồ sơ báo lại từ lúc sao lưu cũng được tạm giữ. Nay có thể chạy lại worker và beat.")
    answer("\n".join(said), as_json=as_json, done=live, since=began, states=told)
