"""`hcc follower`: the followers of the OA and their phones."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from operators.cli.context import deployment, every, named_columns, of_oa, services, told_of
from operators.cli.exits import Ended, ExitCode
from operators.cli.input import first_line, typed_lines
from operators.cli.output import accountable, accountable_or_user, answer, as_json, examples, print_json, print_table
from operators.cli.progress import working
from operators.phrasebook import phrase, word_of

if TYPE_CHECKING:
    from ledger.people.people import Link

SYNC_NEEDS = ("database_url", "secret_keys", "zalo_oa_id", "zalo_app_id", "zalo_app_secret", "redis_url")


@click.group(short_help="Người quan tâm OA và số điện thoại của họ.")
def follower() -> None:
    """Người quan tâm OA và số điện thoại của họ."""


@follower.command(
    "link",
    short_help="Nối số điện thoại với người dùng Zalo.",
    epilog=examples(
        "hcc follower link - < nguoi-quan-tam.ndjson", "hcc follower link - --json < nguoi-quan-tam.ndjson"
    ),
)
@click.argument("user_id", metavar="USER_ID|-")
@click.argument("phone", required=False, metavar="SỐ_ĐIỆN_THOẠI")
@accountable_or_user("nhập tay")
@of_oa
@as_json
def link(user_id: str, phone: str | None, *, oa: str | None, by: str, why: str, as_json: bool) -> None:
    """Nối số điện thoại với người dùng Zalo của OA; `-` đọc từng dòng {"user_id","phone"} từ đầu vào chuẩn."""
    from coordination.bell import ring
    from ledger.base.audit import audit
    from ledger.notices import sweep_queries

    links = read_links(typed_lines()) if user_id == "-" else [read_link(1, user_id, phone)]
    with services("database_url", "secret_keys", "zalo_oa_id", "redis_url", oa=oa) as made:
        with made.ledger.begin() as tx:
            people = made.people.link(tx, made.oa, links, source=f"cli: {why}", by=by)
            kept = len({one.phone for one in links}) - len(people)
            audit(tx, made.oa, "follower link", f"{len(people)} người", by=by, why=why)
            reopened = sweep_queries.reopen(tx, people, days=made.settings.follow_grace_days, by=by)
        if reopened:
            ring(made.oa)
    said = [f"Đã nối {len(people)} người; {len(reopened)} thông báo được gửi tiếp."]
    if kept:
        said.append(
            f"{kept} số điện thoại giữ nguyên người đang dùng, vì người ấy đã xác nhận chắc chắn không kém: "
            "dùng `hcc follower confirm` sau khi kiểm tra giấy tờ."
        )
    refused = [{"phones": kept, "why": "held by another user with a proof as good"}] if kept else []
    answer("\n".join(said), as_json=as_json, done=len(people), refused=refused, reopened=len(reopened))


@follower.command(
    "confirm",
    short_help="Xác nhận số điện thoại là của người dùng Zalo.",
    epilog=examples("hcc follower confirm 8421977 --by Lan --why 'đã xem căn cước' < so-dien-thoai.txt"),
)
@click.argument("user_id", metavar="USER_ID")
@of_oa
@accountable
@as_json
def confirm(user_id: str, oa: str | None, by: str, why: str, as_json: bool) -> None:
    """Cán bộ đã kiểm tra giấy tờ: số điện thoại (ở đầu vào chuẩn) là của người dùng Zalo này."""
    from coordination.bell import ring
    from domain.phone_claims import Demand, Judgement
    from ledger.notices import sweep_queries
    from ledger.people.phonebook import Phonebook

    phone = first_line("Số điện thoại:").strip()
    asked = read_link(1, user_id, phone)
    with services("database_url", "secret_keys", "zalo_oa_id", "redis_url", oa=oa) as made:
        book = Phonebook(made.people, Demand(made.settings.phone_proof))
        with made.ledger.begin() as tx:
            judged = book.confirm(tx, made.oa, asked.user_id, asked.phone, by=by, why=why)
            reopened = sweep_queries.reopen(tx, judged.reachable, days=made.settings.follow_grace_days, by=by)
        if reopened or judged.recorded:
            ring(made.oa)
    if judged.rulings[0].judgement is not Judgement.GRANT:
        raise Ended(f"Chưa chuyển được số điện thoại: {phrase(judged.rulings[0].why).inner.vi}.")
    said = f"Đã xác nhận; {len(reopened)} thông báo được gửi tiếp."
    answer(said, as_json=as_json, done=1, reopened=len(reopened))


@follower.command(
    "list", short_help="Liệt kê người quan tâm.", epilog=examples("hcc follower list", "hcc follower list --json")
)
@of_oa
@as_json
def list_followers(oa: str | None, as_json: bool) -> None:
    """Liệt kê người quan tâm; số điện thoại được che."""
    from domain.phone import masked

    columns = {"user_id": "Người dùng", "phone": "Điện thoại", "proof": "Xác nhận", "follows": "Quan tâm"}
    columns |= {"linked_at": "Nối lúc"}
    rows: list[dict[str, Any]] = []
    with deployment() as made, made.shared.ledger.connect() as connection:
        for one in every(made, oa):
            found = one.people.followers(connection, one.oa)
            rows += told_of(made, one, [{**row, "phone": masked(phone) if phone else None} for row, phone in found])
        columns = named_columns(made, columns)
    if as_json:
        print_json(rows)
    else:
        print_table(columns, [_shown(row) for row in rows], empty="Chưa có người quan tâm nào.")


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row in Vietnamese; JSON keeps what is stored."""
    proof = None if row["proof"] is None else word_of("proofs", row["proof"]).vi
    return {**row, "proof": proof}


@follower.command(
    "sync",
    short_help="Đối chiếu người quan tâm với Zalo.",
    epilog=examples("hcc follower sync --by Lan --why 'webhook hỏng hai ngày'"),
)
@of_oa
@accountable
@as_json
def sync(oa: str | None, by: str, why: str, as_json: bool) -> None:
    """Hỏi Zalo ai đang quan tâm, số điện thoại đã chia sẻ, lần tương tác cuối; dừng giữa chừng thì lần sau đi tiếp."""

    from ledger.base.audit import audit
    from worker.upkeep.follower_sync import Sync, SyncStopped

    with services(*SYNC_NEEDS, oa=oa) as made:
        with working("Hỏi Zalo") as tell:
            try:
                tally = Sync(made, made.oa, by=by).run(tell)
            except SyncStopped as stopped:
                raise Ended(f"Chưa xong: {stopped}.", ExitCode.PARTLY) from None
        with made.ledger.begin() as tx:
            audit(tx, made.oa, "follower sync", f"{tally.looked_up} người", by=by, why=why)
    told = (
        f"Đã hỏi {tally.looked_up} người: {tally.met} người mới biết, {tally.left} người không còn quan tâm, "
        f"nối thêm {tally.linked} số điện thoại; {tally.reopened} thông báo được gửi tiếp."
    )
    if tally.out_of_reach:
        told += f"\nZalo không cho lấy {tally.out_of_reach} người (hơn 10.000 người tương tác trong một ngày)."
    answer(told, as_json=as_json, done=tally.looked_up, **asdict(tally))


def read_links(lines: Iterable[str]) -> list[Link]:
    """Read the pairs of NDJSON lines. The first bad line raises `Ended`, so that nothing is half done."""
    links = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            user_id, phone = row["user_id"], row["phone"]
        except (ValueError, KeyError, TypeError):
            raise Ended(f'Dòng {number}: cần JSON {{"user_id": "…", "phone": "…"}}.') from None
        links.append(read_link(number, user_id, phone))
    if not links:
        raise Ended("Đầu vào không có dòng nào.")
    return links


def read_link(number: int, user_id: object, phone: object) -> Link:
    """Check one pair. Raises `Ended`, which names the line, never the phone."""
    from domain.phone import fault_of, read_phone
    from ledger.people.people import Link

    user_id = str(user_id) if type(user_id) is int else user_id  # Python's JSON reads numbers above 2^53 exactly
    if not isinstance(user_id, str) or not re.fullmatch(r"[\w-]{1,64}", user_id):
        raise Ended(f"Dòng {number}: user_id phải là mã người dùng Zalo, dạng chuỗi.")
    read = read_phone(str(phone) if phone is not None else None)
    if read.e164 is None:
        raise Ended(f"Dòng {number}: số điện thoại không dùng được: {phrase(fault_of(read) or '').inner.vi}.")
    return Link(user_id, read.e164)
