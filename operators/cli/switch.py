"""`hcc switch`: stop a kind, a channel, a unit, an OA or everything for a while, and let it go again.

A switch is on as long as notices go: `off` stops, `on` lets go.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

import click

from config.values import CHANNEL_NAMES
from operators.cli.bulk import VERB_NEEDS
from operators.cli.context import deployment, every, of_oa
from operators.cli.days import moment
from operators.cli.output import accountable, as_json, print_json, print_table, say
from worker.deployment import Deployment
from worker.domain.clock import to_the_second
from worker.domain.kinds import RANK
from worker.ledger import switches
from worker.ledger.audit import audit
from worker.ledger.switches import EVERY_OA, SORTS
from worker.queue.bell import ring

_COLUMNS = {
    "oa": "OA",
    "sort": "Dừng gì",
    "name": "Tên",
    "since": "Từ",
    "until": "Đến",
    "held": "Đang chờ",
    "by": "Ai",
    "why": "Vì sao",
}
_SORT = click.argument("sort", type=click.Choice(SORTS), metavar="kind|channel|unit|oa|all")
_NAME = click.argument("name", required=False, default="", metavar="[TÊN]")


@click.group(short_help="Tạm dừng gửi một loại, kênh, đơn vị, OA hoặc tất cả.")
def switch() -> None:
    """Công tắc gửi: `off` là dừng gửi, `on` là cho gửi lại. Thông báo bị dừng chỉ chờ, không cũ đi, không mất."""


@switch.command("list", short_help="Đang dừng những gì.")
@as_json
def list_switches(as_json: bool) -> None:
    """Liệt kê những gì đang dừng: từ khi nào, đến khi nào, ai dừng, vì sao, bao nhiêu thông báo đang chờ."""
    with deployment() as made, made.shared.ledger.connect() as connection:
        rows = [{**asdict(one), "held": switches.held(connection, one.id)} for one in switches.listed(connection)]
    if as_json:
        print_json(rows)
    else:
        print_table(_COLUMNS, rows, empty="Không dừng gì: mọi thông báo đang được gửi.")


@switch.command(short_help="Dừng gửi.")
@_SORT
@_NAME
@click.option("--until", callback=moment, metavar="LÚC", help="Tự cho gửi lại lúc này: ISO, hoặc 30m, 2h, 1d.")
@of_oa
@accountable
def off(sort: str, name: str, *, until: datetime | None, oa: str | None, by: str, why: str) -> None:
    """DỪNG gửi: kind LOẠI, channel KÊNH, unit MÃ (và các đơn vị dưới nó), oa, hoặc all. Tin đang trên đường vẫn đi."""
    with deployment(*VERB_NEEDS) as made:
        whose, named = _whose(made, sort, oa), _named(sort, name)
        with made.shared.ledger.begin() as tx:
            one = switches.switch_off(tx, whose, sort, named, until=until, by=by, why=why)
            if one is None:
                raise click.ClickException("Lần dừng trước của mục này đang được gỡ: thử lại sau vài giây.")
            audit(tx, whose, "switch off", one.told, by=by, why=why)
            held = switches.held(tx, one.id)
    ends = f"đến {to_the_second(until)}" if until else "cho đến khi `hcc switch on`"
    say(f"Đã DỪNG gửi {one.told} {ends}; {held} thông báo đang chờ.")


@switch.command(short_help="Cho gửi lại.")
@_SORT
@_NAME
@of_oa
@accountable
def on(sort: str, name: str, *, oa: str | None, by: str, why: str) -> None:
    """CHO GỬI LẠI những gì đã dừng; nói có bao nhiêu thông báo còn đúng và nay được gửi."""
    with deployment(*VERB_NEEDS) as made:
        whose, named = _whose(made, sort, oa), _named(sort, name)
        with made.shared.ledger.begin() as tx:
            one = switches.switch_on(tx, whose, sort, named)
            if one is None:
                raise click.ClickException("Mục này không bị dừng: xem `hcc switch list`.")
            audit(tx, whose, "switch on", one.told, by=by, why=why)
        pages = list(switches.give_all_back(made.shared.ledger, one.id))
        for services in made:
            if whose in (EVERY_OA, services.oa):
                ring(services.oa)
    number, still_true = (sum(page[place] for page in pages) for place in (0, 1))
    say(
        f"Đã CHO GỬI LẠI {one.told}: {number} thông báo đã chờ, {still_true} còn đúng và nay được gửi "
        "(thời gian dừng không tính vào tuổi)."
    )


def _whose(made: Deployment, sort: str, oa: str | None) -> str:
    """The OA that is meant; of a kind, a channel, a unit or everything it is every OA where none is named."""
    if sort == "all" and oa is not None:
        raise click.ClickException("`all` là mọi OA; dừng một OA: `hcc switch off oa --oa TÊN`.")
    if sort == "oa" and oa is None and made.several:
        raise click.ClickException(f"Có nhiều OA, chọn một bằng --oa: {', '.join(made.names.values())}.")
    return EVERY_OA if oa is None and sort != "oa" else every(made, oa)[0].oa


def _named(sort: str, name: str) -> str:
    """The name, checked: one that is misspelt would stop nothing, and nobody would see it."""
    known = {"kind": list(RANK), "channel": list(CHANNEL_NAMES)}.get(sort)
    if sort in ("oa", "all"):
        if name:
            raise click.ClickException(f"`{sort}` không cần tên.")
    elif not name:
        raise click.ClickException(f"Thiếu tên của {sort}.")
    elif known is not None and name not in known:
        raise click.ClickException(f"Không có {sort} «{name}»; có: {', '.join(known)}.")
    return name
