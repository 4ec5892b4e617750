"""`hcc switch`: stops a kind, a channel, a unit, an OA or everything for a while, and starts it again.

A switch is on while notices are sent: `off` stops sending, `on` starts it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import click

from domain.clock import to_the_second
from domain.code import modern_unit
from operators.cli.bulk import VERB_NEEDS
from operators.cli.context import deployment, every, of_oa
from operators.cli.days import moment
from operators.cli.exits import ExitCode
from operators.cli.kinds import kind_names
from operators.cli.output import accountable, answer, as_json, examples, not_done, print_json, print_table, say
from operators.cli.progress import working

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from ledger.notices.switches import Switch
    from worker.services.bootstrap import Services
    from worker.services.deployment import Deployment

_COLUMNS = {
    "oa": "OA",
    "sort": "Dừng gì",
    "name": "Tên",
    "since": "Từ",
    "until": "Đến",
    "held": "Đang chờ",
    "held_at": "Đếm lúc",
    "by": "Ai",
    "why": "Vì sao",
}
_COUNTING_SECONDS = 10.0  # then the figures of the last count are shown
SORTS = ("kind", "channel", "unit", "oa", "all")  # of ledger.notices.switches, which help need not import
_SORTS = {"kind": "loại tin", "channel": "kênh", "unit": "đơn vị"}
_SORT = click.argument("sort", type=click.Choice(SORTS), metavar="kind|channel|unit|oa|all")
_NAME = click.argument("name", required=False, default="", metavar="[TÊN]")


@click.group(short_help="Tạm dừng gửi một loại, kênh, đơn vị, OA hoặc tất cả.")
def switch() -> None:
    """Công tắc gửi: `off` là dừng gửi, `on` là cho gửi lại. Thông báo bị dừng chỉ chờ, không cũ đi, không mất."""


@switch.command("list", short_help="Đang dừng những gì.", epilog=examples("hcc switch list", "hcc switch list --json"))
@as_json
def list_switches(as_json: bool) -> None:
    """Liệt kê những gì đang dừng: từ khi nào, đến khi nào, ai dừng, vì sao, bao nhiêu thông báo đang chờ."""
    from ledger.notices import held_counts, switches

    with deployment() as made:
        held_counts.count_held(made.shared.ledger, made.oas, seconds=_COUNTING_SECONDS)
        with made.shared.ledger.connect() as connection:
            rows = [asdict(one) for one in switches.listed(connection)]
    if as_json:
        print_json(rows)
    else:
        print_table(_COLUMNS, rows, empty="Không dừng gì: mọi thông báo đang được gửi.")


@switch.command(
    short_help="Dừng gửi.",
    epilog=examples(
        "hcc switch off kind fee_requested --until 2h --by Lan --why 'cổng thanh toán bảo trì'",
        "hcc switch off unit H27.12 --by Lan --why 'đơn vị đề nghị'",
        "hcc switch off all --by Lan --why 'sự cố'",
    ),
)
@_SORT
@_NAME
@click.option("--until", callback=moment, metavar="LÚC", help="Tự cho gửi lại lúc này: ISO, hoặc 30m, 2h, 1d.")
@of_oa
@accountable
@as_json
def off(sort: str, name: str, *, until: datetime | None, oa: str | None, by: str, why: str, as_json: bool) -> None:
    """DỪNG gửi: kind LOẠI, channel KÊNH, unit MÃ, oa, hoặc all. Tin đang trên đường vẫn đi.

    Đơn vị: với các đơn vị dưới nó và các đơn vị đã nhập vào nó.
    """
    from ledger.base.audit import audit
    from ledger.notices import held_counts, switches

    with deployment(*VERB_NEEDS) as made:
        whose, named = _whose(made, sort, oa), _named(sort, name)
        with made.shared.ledger.begin() as tx:
            one = switches.switch_off(tx, whose, sort, named, until=until, by=by, why=why)
            if one is None:
                told = "Lần dừng trước của mục này đang được gỡ: thử lại sau vài giây."
                raise not_done(told, ExitCode.FAULT, as_json=as_json, sort=sort, name=named, why="ending")
            audit(tx, whose, "switch off", one.told, by=by, why=why)
        held_counts.count_held(made.shared.ledger, made.oas, seconds=_COUNTING_SECONDS)
        with made.shared.ledger.connect() as connection:
            counted = switches.of_number(connection, one.id)
            hint = _hint(connection, every(made, oa), named) if sort == "unit" else ""
    held = counted.held if counted else None
    ends = f"đến {to_the_second(until)}" if until else "cho đến khi `hcc switch on`"
    waiting = "số đang chờ: xem `hcc switch list`" if held is None else f"{held} thông báo đang chờ"
    said = f"Đã DỪNG gửi {_told(one)} {ends}; {waiting}."
    answer(said, as_json=as_json, done=1, switch=one.id, until=until, held=held)
    if hint:
        say(hint, err=True)


@switch.command(
    short_help="Cho gửi lại.",
    epilog=examples("hcc switch on kind fee_requested --by Lan --why 'cổng thanh toán đã chạy'"),
)
@_SORT
@_NAME
@of_oa
@accountable
@as_json
def on(sort: str, name: str, *, oa: str | None, by: str, why: str, as_json: bool) -> None:
    """CHO GỬI LẠI những gì đã dừng; nói có bao nhiêu thông báo còn đúng và nay được gửi."""
    from coordination.bell import ring
    from ledger.base.audit import audit
    from ledger.notices import switches
    from ledger.notices.switches import EVERY_OA

    with deployment(*VERB_NEEDS) as made:
        whose, named = _whose(made, sort, oa), _named(sort, name)
        with made.shared.ledger.begin() as tx:
            one = switches.switch_on(tx, whose, sort, named)
            if one is None:
                told = "Mục này không bị dừng: xem `hcc switch list`."
                raise not_done(told, as_json=as_json, sort=sort, name=named, why="not off")
            audit(tx, whose, "switch on", one.told, by=by, why=why)
        number = still_true = 0
        with working("Đang cho gửi lại") as tell:
            for given_back, let_go in switches.give_all_back(made.shared.ledger, one.id):
                number, still_true = number + given_back, still_true + let_go
                tell(number)
        for services in made:
            if whose in (EVERY_OA, services.oa):
                ring(services.oa)
    others = (
        f"; {number - still_true} không còn đúng hoặc còn chờ người nhận quan tâm OA" if number > still_true else ""
    )
    said = (
        f"Đã CHO GỬI LẠI {_told(one)}: {number} thông báo đã chờ, {still_true} còn đúng và nay được gửi{others} "
        "(thời gian dừng không tính vào tuổi)."
    )
    answer(said, as_json=as_json, done=1, switch=one.id, waited=number, let_go=still_true)


def _whose(made: Deployment, sort: str, oa: str | None) -> str:
    """The OA of a switch: every OA if none is named, except for the sort `oa`. Raises `UsageError`."""
    from ledger.notices.switches import EVERY_OA

    if sort == "all" and oa is not None:
        raise click.UsageError("`all` là mọi OA; dừng một OA: `hcc switch off oa --oa TÊN`.")
    if sort == "oa" and oa is None and made.several:
        raise click.UsageError(f"Có nhiều OA, chọn một bằng --oa: {', '.join(made.names.values())}.")
    return EVERY_OA if oa is None and sort != "oa" else every(made, oa)[0].oa


def _told(one: Switch) -> str:
    """What a switch stops, as on the console; then its name as it is typed."""
    from operators.console.pauses import pause_said

    said = pause_said("vi", one)
    return f"{said} ({one.told})" if one.name and one.name not in said else said


def _hint(tx: Connection, concerned: Sequence[Services], unit: str) -> str:
    """A remark on a unit that seems to be none: its switch may stop nothing. Empty for others."""
    from domain.units import seems_known
    from ledger.base import units

    listed = {one.code for services in concerned for one in units.listed(tx, services.oa)}
    if seems_known(unit, listed):
        return ""
    where = "không có trong danh sách đơn vị (`hcc units list`)" if listed else "không giống mã đơn vị, ví dụ H27.37"
    return f"Lưu ý: «{unit}» {where}; lần dừng này có thể không dừng tin nào."


def _named(sort: str, name: str) -> str:
    """The name as the ledger spells it; a misspelt one would silently stop nothing. Raises `UsageError`."""
    from config.channels import CHANNEL_FACTS

    known = {"kind": kind_names(), "channel": list(CHANNEL_FACTS)}.get(sort)
    if sort in ("oa", "all"):
        if name:
            raise click.UsageError(f"`{sort}` không cần tên.")
    elif not name:
        raise click.UsageError(f"Thiếu tên của {_SORTS[sort]}.")
    elif sort == "unit":
        return modern_unit(name)
    elif known is not None and name not in known:
        raise click.UsageError(f"Không có {_SORTS[sort]} «{name}»; có: {', '.join(known)}.")
    return name
