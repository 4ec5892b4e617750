"""`hcc person`: the dossiers and notices of a phone, which is read from standard input; each look is in the audit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from operators.cli.bulk import in_words
from operators.cli.context import deployment, every, of_oa, told_of
from operators.cli.exits import Ended, nothing
from operators.cli.input import first_line
from operators.cli.output import accountable, as_json, examples, print_json, print_table, say
from operators.phrasebook import phrase, word_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from worker.services.bootstrap import Services

_COLUMNS = {"code": "Hồ sơ", "kind_vi": "Việc", "state_vi": "Trạng thái", "reason_vi": "Vì sao", "event_at": "Lúc"}
_UNKNOWN = "a phone that no dossier has"


@click.command(
    short_help="Hồ sơ và tin của một số điện thoại (số ở đầu vào chuẩn).",
    epilog=examples(
        "hcc person --by Lan --why 'dân hỏi ở quầy' < so-dien-thoai.txt",
        "hcc person --by Lan --why 'dân hỏi ở quầy' --json < so-dien-thoai.txt",
    ),
)
@of_oa
@accountable
@as_json
def person(oa: str | None, as_json: bool, by: str, why: str) -> None:
    """Hồ sơ, tin và việc quan tâm OA của một số điện thoại; mỗi lần tra được ghi vào nhật ký.

    Số điện thoại đọc từ đầu vào chuẩn, không ghi trên dòng lệnh: dòng lệnh hiện trong danh sách tiến trình và lịch sử.
    """
    from domain.phone import fault_of, masked_national, read_phone

    read = read_phone(first_line("Số điện thoại:").strip())
    if read.e164 is None:
        why_not = phrase(fault_of(read) or "").vi
        raise Ended(f"Số điện thoại ở đầu vào chuẩn không dùng được: {why_not}.")
    shown = masked_national(read.e164)
    with deployment() as made, made.shared.ledger.begin() as tx:
        found = [
            row for one in every(made, oa) for row in told_of(made, one, _look(tx, one, read.e164, by=by, why=why))
        ]
    if as_json:
        print_json({"phone": shown, "people": found})
    else:
        for one in found:
            _tell(one, shown or "")
    if not found:
        raise nothing(f"Chưa có hồ sơ nào dùng số {shown}.")


def _look(tx: Connection, services: Services, phone: str, *, by: str, why: str) -> list[dict[str, Any]]:
    """The person with this phone, if the OA knows one, with their newest notices. The look is audited either way."""
    from ledger.base.audit import audit
    from ledger.people import person as people

    number = services.people.person_of(tx, services.oa, phone)
    audit(tx, services.oa, "person look", _UNKNOWN if number is None else f"person {number}", by=by, why=why)
    found = people.read(tx, services.oa, number) if number is not None else None
    if found is None:
        return []
    notices = in_words(people.notices(tx, found["person"]))
    return [{**found, "dossiers": list(dict.fromkeys(row["code"] for row in notices)), "notices": notices}]


def _tell(one: dict[str, Any], shown: str) -> None:
    whose = f"  (OA {one['oa']})" if "oa" in one else ""
    say(f"{shown}{whose}", bold=True)
    say(f"  {_link(one)}")
    rows = [
        {**row, "kind_vi": word_of("kinds", row["kind"]).vi, "state_vi": word_of("states", row["state"]).vi}
        for row in one["notices"]
    ]
    print_table(_COLUMNS, rows, empty="  Chưa có tin nào.")


def _link(one: dict[str, Any]) -> str:
    """What is known of the Zalo user who has the phone."""
    if one["withdrawn_at"] is not None:
        return "Người dân đã rút đồng ý; không gửi gì nữa."
    follower = one["follower"]
    if follower is None:
        return "Chưa ai quan tâm OA mà có số điện thoại này."
    follows = "đang quan tâm OA" if follower["follows"] else "đã bỏ quan tâm OA"
    off = ', đã nhắn "dừng"' if follower["notices_off"] else ""
    return f"Người dùng {follower['user_id']} {follows}{off}; xác nhận số: {word_of('proofs', follower['proof']).vi}."
