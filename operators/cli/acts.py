"""`hcc act`: shows the progress of operators' acts on many notices, and stops or resumes them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from operators.cli.bulk import VERB_NEEDS
from operators.cli.context import deployment, every, named_columns, of_oa
from operators.cli.deeds import Operator, resume
from operators.cli.output import accountable, answer, as_json, examples, not_done, print_json, print_table

if TYPE_CHECKING:
    from ledger.reports.acts import Act
    from worker.services.deployment import Deployment

_COLUMNS = {
    "id": "Số",
    "verb": "Việc",
    "said": "Tiến độ",
    "state": "Trạng thái",
    "since": "Bắt đầu",
    "by": "Ai",
    "why": "Vì sao",
}
_NUMBER = click.IntRange(1, 2**63 - 1)
_SHOWN = 50


@click.group(short_help="Việc làm hàng loạt: xem, dừng, làm tiếp.")
def act() -> None:
    """Việc người trực làm trên nhiều thông báo (cho gửi, bỏ, gửi lại): đã đến đâu; dừng, làm tiếp."""


@act.command(
    "list",
    short_help="Liệt kê, việc mới nhất trước.",
    epilog=examples("hcc act list", "hcc act list --limit 5 --json"),
)
@click.option(
    "--limit", type=click.IntRange(1), default=_SHOWN, show_default=True, metavar="SỐ", help="Bao nhiêu dòng."
)
@of_oa
@as_json
def list_acts(limit: int, oa: str | None, as_json: bool) -> None:
    """Liệt kê việc làm hàng loạt: ai, vì sao, chọn theo gì, tổng, đã làm, đến số nào, xong hay dừng lúc nào."""
    from ledger.reports import acts

    with deployment() as made, made.shared.ledger.connect() as connection:
        found = acts.listed(connection, [one.oa for one in every(made, oa)], limit=limit)
        columns = named_columns(made, _COLUMNS)
    if as_json:
        print_json([asdict(one) for one in found])
    else:
        print_table(columns, [_shown(one) for one in found], empty="Chưa có việc làm hàng loạt nào.")


def _shown(one: Act) -> dict[str, Any]:
    return {**asdict(one), "said": f"{one.done}/{one.total}", "state": _state(one)}


def _state(one: Act) -> str:
    if one.until is not None:
        return "xong"
    return f"{one.stopped_by} đã dừng" if one.stopped_at is not None else "đang làm hoặc còn dở"


@act.command(short_help="Dừng một việc đang làm.", epilog=examples("hcc act stop 12 --by Lan --why 'chọn nhầm đơn vị'"))
@click.argument("number", type=_NUMBER, metavar="SỐ")
@accountable
@as_json
def stop(number: int, by: str, why: str, as_json: bool) -> None:
    """Dừng một việc, kể cả đang chạy ở tiến trình khác: phần đã làm giữ nguyên, phần còn lại không làm nữa."""
    from ledger.base.audit import audit
    from ledger.reports import acts

    with deployment(*VERB_NEEDS) as made, made.shared.ledger.begin() as tx:
        one = acts.read(tx, number)
        if one is None or one.oa not in made.names or not acts.stop(tx, number, by=by):
            told = f"Việc số {number} không có, đã xong hoặc đã dừng: xem `hcc act list`."
            raise not_done(told, as_json=as_json, id=number, why=_why_not(made, one))
        audit(tx, one.oa, "act stop", f"act {number}", by=by, why=why)
        left = acts.read(tx, number)
    done = left.done if left else 0
    told = f"Đã dừng việc số {number} ở {done}/{one.total}; làm tiếp: `hcc act resume {number}`."
    answer(told, as_json=as_json, done=1, act=number, reached=done, total=one.total)


@act.command(
    "resume",
    short_help="Làm tiếp một việc đã dừng hoặc còn dở.",
    epilog=examples("hcc act resume 12 --by Lan --why 'đã kiểm tra'"),
)
@click.argument("number", type=_NUMBER, metavar="SỐ")
@accountable
@as_json
def resume_act(number: int, by: str, why: str, as_json: bool) -> None:
    """Làm tiếp một việc đã dừng, hoặc bị ngắt giữa chừng: đúng những thông báo đã đếm lúc đầu."""
    from ledger.base.audit import audit
    from ledger.reports import acts

    with deployment(*VERB_NEEDS) as made:
        with made.shared.ledger.begin() as tx:
            one = acts.read(tx, number)
            if one is None or one.oa not in made.names or one.until is not None:
                told = f"Việc số {number} không có, hoặc đã xong: xem `hcc act list`."
                raise not_done(told, as_json=as_json, id=number, why=_why_not(made, one))
            audit(tx, one.oa, "act resume", f"act {number}", by=by, why=why)
        resume(made, number, Operator(by, why, as_json))


def _why_not(made: Deployment, one: Act | None) -> str:
    """Why an act cannot be stopped or resumed, for programs."""
    if one is None or one.oa not in made.names:
        return "not found"
    return "finished" if one.until is not None else "stopped"
