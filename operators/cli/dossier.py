"""`hcc dossier CODE`: shows the whole history of one dossier's notices (R38)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from domain.clock import to_the_second
from domain.code import LONGEST
from domain.spelling import spellings
from operators.cli.bulk import in_words
from operators.cli.context import deployment, every, of_oa, told_of
from operators.cli.exits import nothing
from operators.cli.oddities import tell_oddities
from operators.cli.output import as_json, examples, print_json, say
from operators.phrasebook import phrase, word_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from worker.services.bootstrap import Services


_NO_CODE = f"không phải là mã hồ sơ: mã có chữ số và dài nhất {LONGEST} ký tự."


@click.command(
    short_help="Mọi thông báo, lần gửi và lý do của một hồ sơ.",
    epilog=examples("hcc dossier H27.37-240219-1001", "hcc dossier H27.37-240219-1001 --json"),
)
@click.argument("code", metavar="MÃ_HỒ_SƠ")
@of_oa
@as_json
def dossier(code: str, oa: str | None, as_json: bool) -> None:
    """Kể lại mọi thông báo của một hồ sơ: đã gửi gì, khi nào, vì sao không.

    Mã gõ thiếu dấu chấm, thừa dấu cách, gạch dài cũng tìm được.
    """
    from ledger.source import oddities

    try:
        codes = spellings(code)
    except ValueError:
        raise click.BadParameter(_NO_CODE if code.strip() else "không được để trống.", param_hint="MÃ_HỒ_SƠ") from None
    with deployment() as made, made.shared.ledger.connect() as connection:
        code = meant(connection, [one.oa for one in every(made, oa)], codes)
        notices = [
            notice for one in every(made, oa) for notice in told_of(made, one, _with_holds(connection, one, code))
        ]
        odd = [
            row for one in every(made, oa) for row in told_of(made, one, oddities.listed(connection, one.oa, code=code))
        ]
    if as_json:
        print_json({"code": code, "notices": notices, "oddities": odd})
    else:
        tell_oddities(odd)
        for notice in notices:
            _tell(notice)
    if not (notices or odd or as_json):  # the object is the answer for a program, which asks until there is one
        raise nothing(f"Chưa có thông báo nào của hồ sơ {code}; hỏi vì sao bằng `hcc why`.")


def _with_holds(connection: Connection, one: Services, code: str) -> list[dict[str, Any]]:
    """The notices of a dossier; those under a hold have `held_by`: what holds them, and from when they may leave."""
    from ledger.reports import reports
    from operators.holding import held_notices

    holds = held_notices(connection, one, code)
    return [
        notice | ({"held_by": asdict(holds[notice["event_key"]])} if notice["event_key"] in holds else {})
        for notice in in_words(reports.dossier(connection, one.oa, code))
    ]


def meant(connection: Connection, oas: Sequence[str], codes: Sequence[str]) -> str:
    """The meant code among the possible spellings: the typed one if that dossier exists, else the only one found.

    If none is known, the typed one. Raises `UsageError` if several dossiers match.
    """
    from ledger.reports import reports

    found = list(dict.fromkeys(code for oa in oas for code in reports.known_codes(connection, oa, codes)))
    if codes[0] in found or not found:
        return codes[0]
    if len(found) > 1:
        raise click.UsageError(f"Nhiều hồ sơ giống mã này: {', '.join(found)}; ghi đủ dấu chấm và gạch.")
    return found[0]


def _tell(notice: dict[str, Any]) -> None:
    whose = f"  (OA {notice['oa']})" if "oa" in notice else ""
    say(f"{notice['event_key']}  {notice['state']}: {word_of('states', notice['state']).vi}{whose}", bold=True)
    if notice["reason"]:
        said = phrase(notice["reason"])
        say(f"  {said.vi}. {said.todo_vi}".rstrip())
    for stopped in notice.get("switched_off", ()):
        until = f"đến {to_the_second(stopped['until'])}" if stopped["until"] else "đến khi `hcc switch on`"
        what = f"{stopped['sort']} {stopped['name']}".strip()
        say(f"  ‖ đang dừng: {what}, {until}: {stopped['why']}  ({stopped['by']})")
    if held := notice.get("held_by"):
        when = f", có thể đi từ {to_the_second(held['until'])}" if held["until"] else ""
        more = f" ({phrase(held['what']).inner.vi})" if held["what"] else ""
        say(f"  ⏸ giữ bởi: {word_of('holds', held['by']).vi}{more}{when}")
    if notice["template_version"] is not None:
        say(f"  mẫu: {notice['kind']}, bản {notice['template_version']}")
    for line in (notice["text"] or "").splitlines():
        say(f"  │ {line}")
    for step in notice["history"]:
        moved = f"{step['from'] or '·'} → {step['to']}"
        say(
            f"  {to_the_second(step['at'])}  {moved:24} {phrase(step['why']).vi if step['why'] else ''}  ({step['by']})"
        )
    for attempt in notice["attempts"]:
        say(
            f"  {to_the_second(attempt['at'])}  {attempt['channel']}: {word_of('outcomes', attempt['outcome']).vi} "
            f"(mã {attempt['code']}, {attempt['ms']} ms)"
        )
