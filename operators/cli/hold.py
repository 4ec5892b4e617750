"""`hcc hold`: lists the holds that follow from Zalo's answers, and lifts them early if an operator knows better."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from operators.cli.bulk import FIRST, VERB_NEEDS, agreed, careful, in_words
from operators.cli.context import deployment, every, of_oa
from operators.cli.exits import Ended, ExitCode, nothing
from operators.cli.output import accountable, answer, as_json, examples, print_json, print_table, say
from operators.cli.progress import working

if TYPE_CHECKING:
    from coordination.holds import Hold
    from worker.services.bootstrap import Services
    from worker.services.deployment import Deployment

COLUMNS = {"key": "Tạm giữ", "reason_vi": "Vì sao", "until": "Đến lúc", "seconds": "Còn (giây)"}


@click.group(short_help="Việc tạm giữ theo lời Zalo: xem, bỏ giữ.")
def hold() -> None:
    """Điều Zalo bảo tạm ngừng (hạn mức, ban đêm, một người, một loại, một kênh): xem, hoặc bỏ giữ trước hạn."""


@hold.command(
    "list", short_help="Đang tạm giữ những gì, đến khi nào.", epilog=examples("hcc hold list", "hcc hold list --json")
)
@of_oa
@as_json
def list_holds(oa: str | None, as_json: bool) -> None:
    """Liệt kê những gì đang tạm giữ, vì sao, đến khi nào."""
    with deployment(*VERB_NEEDS) as made:
        rows = in_words(_row(made, one) for one in _concerning(made.shared.holds.all(), every(made, oa)))
    if as_json:
        print_json(rows)
    else:
        print_table(COLUMNS, rows, empty="Không tạm giữ gì.")


@hold.command(
    short_help="Bỏ giữ: những gì đang chờ được gửi ngay.",
    epilog=examples(
        "hcc hold lift channel:zalo_cs --by Lan --why 'Zalo báo đã mở lại'",
        "hcc hold lift --all --dry-run",
    ),
)
@click.argument("keys", nargs=-1, metavar="[TÊN]…")
@click.option("--all", "everything", is_flag=True, help="Tất cả.")
@careful
@of_oa
@accountable
@as_json
def lift(
    keys: Sequence[str],
    *,
    everything: bool,
    dry_run: bool,
    yes: bool,
    oa: str | None,
    by: str,
    why: str,
    as_json: bool,
) -> None:
    """Bỏ tạm giữ theo tên (xem `hcc hold list`) và cho gửi ngay những gì chờ vì nó; Zalo từ chối nữa thì lại giữ."""
    if bool(keys) == everything:
        raise click.UsageError("Chọn một cách: tên ghi ở `hcc hold list`, hoặc --all.")
    from operators.lifting import lift as lift_hold

    with deployment(*VERB_NEEDS) as made:
        concerned = every(made, oa)
        held = {one.key: one for one in _concerning(made.shared.holds.all(), concerned)}
        unknown = sorted(set(keys) - held.keys())
        lifted = [held[key] for key in (held if everything else sorted(set(keys) & held.keys()))]
        if dry_run:
            _tell_what_would_be(in_words(_row(made, one) for one in lifted), as_json=as_json)
            return
        if everything and lifted and not agreed(f"Bỏ {len(lifted)} mục tạm giữ?", yes=yes):
            raise click.Abort
        with working("Đang bỏ giữ"):
            let_go = sum(lift_hold(one, concerned, by=by, why=why) for one in lifted)
    refused = [{"key": key, "why": "not held"} for key in unknown]
    said = f"Đã bỏ {len(lifted)} mục tạm giữ; {let_go} thông báo được gửi ngay." if lifted else ""
    answer(said, as_json=as_json, done=len(lifted), refused=refused, let_go=let_go)
    if unknown:
        told = "\n".join(f"Không tạm giữ mục nào tên {key}." for key in unknown)
        raise Ended(told, ExitCode.PARTLY if lifted else ExitCode.NOTHING)
    if not lifted:
        raise nothing("Không tạm giữ gì.")


def _tell_what_would_be(rows: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json({"verb": "hold lift", "would_do": len(rows), "first": rows[:FIRST]})
        return
    say(f"{len(rows)} mục tạm giữ sẽ được bỏ; chưa làm gì.")
    if rows:
        print_table(COLUMNS, rows[:FIRST], empty="")


def _concerning(holds: Sequence[Hold], concerned: Sequence[Services]) -> list[Hold]:
    from worker.delivery.feedback import concerns

    return [one for one in holds if any(concerns(services, one.key) for services in concerned)]


def _row(made: Deployment, one: Hold) -> dict[str, Any]:
    until = made.shared.clock_board.now() + timedelta(seconds=one.seconds)
    return {"key": one.key, "reason": one.reason, "until": until, "seconds": round(one.seconds)}
