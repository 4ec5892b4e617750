"""`hcc dossier CODE`: the whole story of one dossier's notices (R38)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import click
from sqlalchemy import Connection

from operators.cli.context import deployment, every, of_oa, told_of
from operators.cli.oddities import tell_oddities
from operators.cli.output import as_json, print_json, say
from operators.holding import held_notices
from worker.bootstrap import Services
from worker.domain.clock import to_the_second
from worker.domain.held import HeldBy
from worker.domain.notice import ANOTHER_NUMBER, NOT_A_FOLLOWER, OPTED_OUT, UNFOLLOWED, UNPROVEN
from worker.domain.spelling import spellings
from worker.ledger import oddities, reports

SILENCE = {
    NOT_A_FOLLOWER: "Chưa ai quan tâm OA mà có số điện thoại này.",
    UNFOLLOWED: "Người dùng số điện thoại này đã bỏ quan tâm OA.",
    ANOTHER_NUMBER: "Người từng dùng số điện thoại này nay quan tâm bằng số khác.",
    UNPROVEN: "Số điện thoại đã được khai nhưng chưa được xác nhận.",
    OPTED_OUT: "Người dùng đã nhắn “dừng”.",
}
"""Why no user is told, as an operator reads it."""

HOLDS: Mapping[HeldBy, str] = {
    HeldBy.LIMIT: "hạn mức lời gọi mỗi phút, chờ đến lượt",
    HeldBy.HOLD: "Zalo bảo tạm ngừng (`hcc hold list`)",
    HeldBy.BREAKER: "kênh đang ngắt vì lỗi liên tiếp, tự thử lại",
    HeldBy.BACK_OFF: "lần trước lỗi, chờ gửi lại",
    HeldBy.NIGHT: "giờ nghỉ",
    HeldBy.BUDGET: "hết trần chi trong ngày",
    HeldBy.SWITCH: "người trực đã dừng (`hcc switch list`)",
    HeldBy.QUARANTINE: "đang tạm giữ (`hcc quarantine list`)",
    HeldBy.DOUBT: "chưa rõ lần gửi trước đã đến hay chưa, đang hỏi Zalo",
    HeldBy.NO_FOLLOWER: "chưa có ai quan tâm OA để gửi",
    HeldBy.EARLIER: "chờ thông báo trước của cùng hồ sơ",
    HeldBy.SENDING: "đang gửi",
    HeldBy.TOKEN: "OA chưa có quyền gửi (`hcc oa status`)",
    HeldBy.SOURCE: "chờ đối chiếu với CSDL hồ sơ",
    HeldBy.REDIS: "không làm việc được với Redis",
    HeldBy.LEDGER: "không làm việc được với sổ thông báo",
}
"""What keeps a notice from leaving, as an operator reads it."""


@click.command(short_help="Mọi thông báo, lần gửi và lý do của một hồ sơ.")
@click.argument("code", metavar="MÃ_HỒ_SƠ")
@of_oa
@as_json
def dossier(code: str, oa: str | None, as_json: bool) -> None:
    """Kể lại mọi thông báo của một hồ sơ: đã gửi gì, khi nào, vì sao không.

    Mã gõ thiếu dấu chấm, thừa dấu cách, gạch dài cũng tìm được.
    """
    try:
        codes = spellings(code)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
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
        return
    tell_oddities(odd)
    if not notices and not odd:
        raise click.ClickException(f"Chưa có thông báo nào của hồ sơ {code}.")
    for notice in notices:
        _tell(notice)


def _with_holds(connection: Connection, one: Services, code: str) -> list[dict[str, Any]]:
    """The notices of a dossier; those that may still leave say what holds them, and from when they may go."""
    holds = held_notices(connection, one, code)
    return [
        notice | ({"held_by": asdict(holds[notice["event_key"]])} if notice["event_key"] in holds else {})
        for notice in reports.dossier(connection, one.oa, code)
    ]


def meant(connection: Connection, oas: Sequence[str], codes: Sequence[str]) -> str:
    """The code that was meant, of all its spellings: as it was typed, if there is such a dossier, else the only one.

    Raises `ClickException` where several dossiers look like it.
    """
    found = list(dict.fromkeys(code for oa in oas for code in reports.known_codes(connection, oa, codes)))
    if codes[0] in found or not found:
        return codes[0]
    if len(found) > 1:
        raise click.ClickException(f"Nhiều hồ sơ giống mã này: {', '.join(found)}; ghi đủ dấu chấm và gạch.")
    return found[0]


def _tell(notice: dict[str, Any]) -> None:
    whose = f"  (OA {notice['oa']})" if "oa" in notice else ""
    say(f"{notice['event_key']}  {notice['state']}{whose}", bold=True)
    if notice["reason"] in SILENCE:
        say(f"  {SILENCE[notice['reason']]}")
    for stopped in notice.get("switched_off", ()):
        until = f"đến {to_the_second(stopped['until'])}" if stopped["until"] else "đến khi `hcc switch on`"
        what = f"{stopped['sort']} {stopped['name']}".strip()
        say(f"  ‖ đang dừng: {what}, {until}: {stopped['why']}  ({stopped['by']})")
    if held := notice.get("held_by"):
        when = f", có thể đi từ {to_the_second(held['until'])}" if held["until"] else ""
        more = f" ({held['what']})" if held["what"] else ""
        say(f"  ⏸ giữ bởi: {HOLDS[held['by']]}{more}{when}")
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
