"""`hcc audit`: lists what operators did, and proves that no row of the list was changed or removed."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from operators.cli.context import deployment
from operators.cli.exits import ExitCode
from operators.cli.output import as_json, examples, print_json, print_table, say
from operators.cli.progress import working
from operators.phrasebook import subject_said, why_said

if TYPE_CHECKING:
    from ledger.reports.audits import AuditRow
    from ledger.reports.seals import AuditFault

_COLUMNS = {"id": "Số", "at": "Lúc", "by": "Ai", "verb": "Việc", "subject": "Trên gì", "why": "Vì sao"}
_SAYS = {
    "changed": "Dòng {audit_id} (mắt xích {number}) đã bị sửa sau khi niêm phong.",
    "removed": "Dòng {audit_id} (mắt xích {number}) đã bị xóa.",
    "gap": "Thiếu mắt xích {number}: niêm phong đã bị xóa.",
    "unsealed": "Dòng {audit_id} không có niêm phong: niêm phong bị xóa, hoặc worker không chạy.",
}


@click.group(short_help="Nhật ký việc người trực đã làm: xem, kiểm tra không bị sửa.")
def audit() -> None:
    """Nhật ký: ai đã làm gì, trên gì, vì sao, lúc nào; kiểm tra rằng không dòng nào bị sửa hay xóa."""


@audit.command(
    "list",
    short_help="Liệt kê, việc mới nhất trước.",
    epilog=examples("hcc audit list", "hcc audit list --who Lan --limit 10 --json"),
)
@click.option("--after", type=click.IntRange(1), metavar="SỐ", help="Các dòng cũ hơn dòng này (trang sau).")
@click.option("--who", metavar="TÊN", help="Chỉ việc của người này.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, metavar="SỐ", help="Bao nhiêu dòng.")
@as_json
def list_audit(after: int | None, who: str | None, limit: int, *, as_json: bool) -> None:
    """Liệt kê nhật ký; việc làm hàng loạt là một dòng, kèm số việc (xem tiến độ: `hcc act list`)."""
    from ledger.reports import audits

    with deployment() as made, made.shared.ledger.connect() as connection:
        found, following = audits.listed(connection, by=who, after=after, limit=limit)
    if as_json:
        print_json([asdict(row) for row in found])
        return
    print_table(_COLUMNS, [_shown(row) for row in found], empty="Nhật ký chưa có dòng nào như vậy.")
    if following is not None:
        say(f"Còn nữa: thêm --after {following}.", err=True)


def _shown(row: AuditRow) -> dict[str, Any]:
    """The row in Vietnamese; JSON keeps what is stored."""
    from operators.console.words import named

    verb, subject, why = named("vi", "verbs", row.verb), subject_said(row.subject).vi, why_said(row.why).vi
    return asdict(row) | {"verb": verb, "subject": subject, "why": why}


@audit.command(
    short_help="Kiểm tra không dòng nào bị sửa hay xóa.", epilog=examples("hcc audit verify", "hcc audit verify --json")
)
@as_json
def verify(*, as_json: bool) -> None:
    """So từng dòng với niêm phong của nó. Mã thoát 1 nếu có dòng không khớp; nói rõ dòng nào."""
    from ledger.reports import seals
    from ledger.reports.seals import AuditSeals

    with deployment() as made, working("Đang kiểm tra"):
        chain = AuditSeals.of(made.shared.ledger, made.shared.sealer)
        with made.shared.ledger.connect() as connection:
            state = seals.sealed(connection)
            faults = list(chain.faults(connection))
    if as_json:
        print_json({"ok": not faults, **asdict(state), "faults": [asdict(fault) for fault in faults]})
    else:
        for fault in faults:
            say(_told(fault))
        say(
            f"{'Có dòng KHÔNG khớp' if faults else 'Mọi dòng khớp'}: {state.number} dòng đã niêm phong, "
            f"{state.unsealed} dòng mới chưa niêm phong; niêm phong cuối {state.seal[:16] or '–'}."
        )
    if faults:
        raise click.exceptions.Exit(ExitCode.FAULT)


def _told(fault: AuditFault) -> str:
    return _SAYS[fault.sort].format(audit_id=fault.audit_id, number=fault.number)
