"""`hcc purge`: what is older than it may be kept goes now; workers do the same every few minutes."""

from __future__ import annotations

import click

from operators.cli.context import deployment
from operators.cli.output import accountable
from worker.ledger import past
from worker.ledger.audit import audit
from worker.ledger.months import Part

_SECONDS = 60.0  # for a round; the command goes on until nothing is left


@click.command(short_help="Xóa ngay những gì quá hạn lưu giữ.")
@accountable
def purge(by: str, why: str) -> None:
    """Cất thông báo đã xong vào kho theo tháng, xóa các tháng quá HCC_KEEP_MONTHS; sự kiện đã báo không bị báo lại."""
    dropped: list[Part] = []
    put_away = given_up = 0
    with deployment() as made:
        ledger, keep, more = made.shared.ledger, made.shared.settings.keep_months, True
        while more:
            kept = past.keep_house(ledger, keep_months=keep, by=by, seconds=_SECONDS)
            dropped += kept.dropped
            put_away, given_up, more = put_away + kept.put_away, given_up + kept.given_up, kept.more
        names = ", ".join(part.name for part in dropped) or "nothing"
        with ledger.begin() as tx:
            subject = f"dropped {names}; put away {put_away}; given up {given_up}"
            for oa in made.oas:
                audit(tx, oa, "purge", subject, by=by, why=why)
    for part in dropped:
        click.echo(f"Đã xóa {part.name} (khoảng {part.rows} dòng).")
    if not dropped:
        click.echo(f"Không có tháng nào quá {keep} tháng.")
    click.echo(f"Đã cất {put_away} thông báo đã xong; bỏ {given_up} thông báo treo quá hạn.")
