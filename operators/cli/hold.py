"""`hcc hold`: what Zalo told us to leave alone for a while; looked at, and lifted where an operator knows better."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import click

from operators.cli.bulk import VERB_NEEDS
from operators.cli.context import deployment, every, of_oa
from operators.cli.output import accountable, as_json, print_json, print_table, say
from worker.aftermath import RATE_LIMIT, concerns
from worker.bootstrap import Services
from worker.deployment import Deployment
from worker.ledger import upkeep
from worker.ledger.audit import audit
from worker.queue.bell import ring
from worker.queue.holds import Hold

_PAGE = 2000  # notices a transaction

COLUMNS = {"key": "Tạm giữ", "reason": "Vì sao", "until": "Đến lúc", "seconds": "Còn (giây)"}


@click.group(short_help="Việc tạm giữ theo lời Zalo: xem, bỏ giữ.")
def hold() -> None:
    """Điều Zalo bảo tạm ngừng (hạn mức, ban đêm, một người, một loại, một kênh): xem, hoặc bỏ giữ trước hạn."""


@hold.command("list", short_help="Đang tạm giữ những gì, đến khi nào.")
@of_oa
@as_json
def list_holds(oa: str | None, as_json: bool) -> None:
    """Liệt kê những gì đang tạm giữ, vì sao, đến khi nào."""
    with deployment(*VERB_NEEDS) as made:
        rows = [_row(made, one) for one in _concerning(made.shared.holds.all(), every(made, oa))]
    if as_json:
        print_json(rows)
    else:
        print_table(COLUMNS, rows, empty="Không tạm giữ gì.")


@hold.command(short_help="Bỏ giữ: những gì đang chờ được gửi ngay.")
@click.argument("keys", nargs=-1, metavar="[TÊN]…")
@click.option("--all", "everything", is_flag=True, help="Tất cả.")
@of_oa
@accountable
def lift(keys: Sequence[str], everything: bool, oa: str | None, by: str, why: str) -> None:
    """Bỏ tạm giữ theo tên (xem `hcc hold list`) và cho gửi ngay những gì chờ vì nó; Zalo từ chối nữa thì lại giữ."""
    if bool(keys) == everything:
        raise click.ClickException("Chọn một cách: tên ghi ở `hcc hold list`, hoặc --all.")
    with deployment(*VERB_NEEDS) as made:
        concerned = every(made, oa)
        held = {one.key: one for one in _concerning(made.shared.holds.all(), concerned)}
        unknown = sorted(set(keys) - held.keys())
        lifted = [held[key] for key in (held if everything else sorted(set(keys) & held.keys()))]
        let_go = sum(_lift(one, concerned, by=by, why=why) for one in lifted)
    if lifted:
        say(f"Đã bỏ {len(lifted)} mục tạm giữ; {let_go} thông báo được gửi ngay.")
    if unknown:
        raise click.ClickException("\n".join(f"Không tạm giữ mục nào tên {key}." for key in unknown))
    if not lifted:
        raise click.ClickException("Không tạm giữ gì.")


def _concerning(holds: Sequence[Hold], concerned: Sequence[Services]) -> list[Hold]:
    return [one for one in holds if any(concerns(services, one.key) for services in concerned)]


def _row(made: Deployment, one: Hold) -> dict[str, Any]:
    until = made.shared.clock_board.now() + timedelta(seconds=one.seconds)
    return {"key": one.key, "reason": one.reason, "until": until, "seconds": round(one.seconds)}


def _lift(one: Hold, concerned: Sequence[Services], *, by: str, why: str) -> int:
    """Lift a hold, and bring forward what it made wait; the audit row first, as what is done must be known."""
    let_go = 0
    for services in (services for services in concerned if concerns(services, one.key)):
        with services.ledger.begin() as tx:
            audit(tx, services.oa, "hold lift", one.key, by=by, why=why)
        services.holds.lift(one.key)
        let_go += _let_go(services, [one.reason, RATE_LIMIT])
        ring(services.oa)
    return let_go


def _let_go(services: Services, reasons: Sequence[str]) -> int:
    """Page by page, each a transaction of its own."""
    total, page = 0, _PAGE
    while page == _PAGE:
        with services.ledger.begin() as tx:
            brought = upkeep.let_go(tx, services.oa, reasons, limit=_PAGE)
        services.schedule.remove(services.oa, brought)
        page = len(brought)
        total += page
    return total
