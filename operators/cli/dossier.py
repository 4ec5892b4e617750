"""`hcc dossier CODE`: the whole story of one dossier's notices (R38)."""

from __future__ import annotations

from typing import Any

import click

from operators.cli.context import deployment, every, of_oa, told_of
from operators.cli.output import as_json, print_json, say
from worker.domain.clock import to_the_second
from worker.domain.code import normalize_code
from worker.ledger import reports


@click.command(short_help="Mọi thông báo, lần gửi và lý do của một hồ sơ.")
@click.argument("code", metavar="MÃ_HỒ_SƠ")
@of_oa
@as_json
def dossier(code: str, oa: str | None, as_json: bool) -> None:
    """Kể lại mọi thông báo của một hồ sơ: đã gửi gì, khi nào, vì sao không."""
    try:
        code = normalize_code(code)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    with deployment() as made, made.shared.ledger.connect() as connection:
        notices = [
            notice
            for one in every(made, oa)
            for notice in told_of(made, one, reports.dossier(connection, one.oa, code))
        ]
    if as_json:
        print_json({"code": code, "notices": notices})
    elif not notices:
        raise click.ClickException(f"Chưa có thông báo nào của hồ sơ {code}.")
    else:
        for notice in notices:
            _tell(notice)


def _tell(notice: dict[str, Any]) -> None:
    whose = f"  (OA {notice['oa']})" if "oa" in notice else ""
    say(f"{notice['event_key']}  {notice['state']}{whose}", bold=True)
    for line in (notice["text"] or "").splitlines():
        say(f"  │ {line}")
    for step in notice["history"]:
        moved = f"{step['from'] or '·'} → {step['to']}"
        say(f"  {to_the_second(step['at'])}  {moved:24} {step['why'] or ''}  ({step['by']})")
    for attempt in notice["attempts"]:
        say(
            f"  {to_the_second(attempt['at'])}  {attempt['channel']}: {attempt['outcome']} "
            f"(mã {attempt['code']}, {attempt['ms']} ms)"
        )
