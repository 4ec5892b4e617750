"""`hcc follower`: who follows the OA, and which phone is theirs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from operators.cli.context import deployment, every, named_columns, of_oa, services, told_of
from operators.cli.input import typed_lines
from operators.cli.output import accountable, as_json, print_json, print_table, say
from worker.domain.claims import Demand, Judgement
from worker.domain.phone import masked, read_phone
from worker.followers import Sync, SyncStopped
from worker.ledger import upkeep
from worker.ledger.audit import audit
from worker.ledger.people import Link
from worker.ledger.phonebook import Phonebook
from worker.queue.bell import ring

SYNC_NEEDS = ("database_url", "secret_keys", "zalo_oa_id", "zalo_app_id", "zalo_app_secret", "redis_url")
PROGRESS = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())


@click.group(short_help="Người quan tâm OA và số điện thoại của họ.")
def follower() -> None:
    """Người quan tâm OA và số điện thoại của họ."""


@follower.command("link", short_help="Nối số điện thoại với người dùng Zalo.")
@click.argument("user_id", metavar="USER_ID|-")
@click.argument("phone", required=False, metavar="SỐ_ĐIỆN_THOẠI")
@click.option("--by", default="cli", metavar="TÊN", help="Ai làm việc này.")
@click.option("--why", default="nhập tay", metavar="LÝ_DO", help="Vì sao.")
@of_oa
def link(user_id: str, phone: str | None, oa: str | None, by: str, why: str) -> None:
    """Nối số điện thoại với người dùng Zalo của OA; `-` đọc từng dòng {"user_id","phone"} từ đầu vào chuẩn."""
    links = read_links(typed_lines()) if user_id == "-" else [read_link(1, user_id, phone)]
    with services("database_url", "secret_keys", "zalo_oa_id", "redis_url", oa=oa) as made:
        with made.ledger.begin() as tx:
            people = made.people.link(tx, made.oa, links, source=f"cli: {why}")
            kept = len({one.phone for one in links}) - len(people)
            audit(tx, made.oa, "follower link", f"{len(people)} người", by=by, why=why)
            reopened = upkeep.reopen(tx, people, days=made.settings.follow_grace_days, by=by)
        if reopened:
            ring(made.oa)
    say(f"Đã nối {len(people)} người; {len(reopened)} thông báo được gửi tiếp.")
    if kept:
        say(
            f"{kept} số điện thoại giữ nguyên người đang dùng, vì người ấy đã xác nhận chắc chắn không kém: "
            "dùng `hcc follower confirm` sau khi kiểm tra giấy tờ."
        )


@follower.command("confirm", short_help="Xác nhận số điện thoại là của người dùng Zalo.")
@click.argument("user_id", metavar="USER_ID")
@of_oa
@accountable
def confirm(user_id: str, oa: str | None, by: str, why: str) -> None:
    """Cán bộ đã kiểm tra giấy tờ: số điện thoại (ở đầu vào chuẩn) là của người dùng Zalo này."""
    phone = next(typed_lines(), "").strip()
    asked = read_link(1, user_id, phone)
    with services("database_url", "secret_keys", "zalo_oa_id", "redis_url", oa=oa) as made:
        book = Phonebook(made.people, Demand(made.settings.phone_proof))
        with made.ledger.begin() as tx:
            judged = book.confirm(tx, made.oa, asked.user_id, asked.phone, by=by, why=why)
            reopened = upkeep.reopen(tx, judged.reachable, days=made.settings.follow_grace_days, by=by)
        if reopened or judged.recorded:
            ring(made.oa)
    if judged.rulings[0].judgement is not Judgement.GRANT:
        raise click.ClickException(f"Chưa chuyển được số điện thoại: {judged.rulings[0].why}.")
    say(f"Đã xác nhận; {len(reopened)} thông báo được gửi tiếp.")


@follower.command("list", short_help="Liệt kê người quan tâm.")
@of_oa
@as_json
def list_followers(oa: str | None, as_json: bool) -> None:
    """Liệt kê người quan tâm; số điện thoại được che."""
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
        print_table(columns, rows, empty="Chưa có người quan tâm nào.")


@follower.command("sync", short_help="Đối chiếu người quan tâm với Zalo.")
@of_oa
@accountable
def sync(oa: str | None, by: str, why: str) -> None:
    """Hỏi Zalo ai đang quan tâm, số điện thoại đã chia sẻ, lần tương tác cuối; dừng giữa chừng thì lần sau đi tiếp."""
    with services(*SYNC_NEEDS, oa=oa) as made:
        with Progress(*PROGRESS, transient=True, console=Console(stderr=True)) as progress:
            bar = progress.add_task("Hỏi Zalo", total=None)
            try:
                tally = Sync(made, made.oa, by=by).run(
                    lambda done, total: progress.update(bar, completed=done, total=total)
                )
            except SyncStopped as stopped:
                raise click.ClickException(f"Chưa xong: {stopped}.") from None
        with made.ledger.begin() as tx:
            audit(tx, made.oa, "follower sync", f"{tally.looked_up} người", by=by, why=why)
    say(
        f"Đã hỏi {tally.looked_up} người: {tally.met} người mới biết, {tally.left} người không còn quan tâm, "
        f"nối thêm {tally.linked} số điện thoại; {tally.reopened} thông báo được gửi tiếp."
    )
    if tally.out_of_reach:
        say(f"Zalo không cho lấy {tally.out_of_reach} người (hơn 10.000 người tương tác trong một ngày).")


def read_links(lines: Iterable[str]) -> list[Link]:
    """The pairs of NDJSON lines; the first bad line stops everything, so that nothing is half done."""
    links = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            user_id, phone = row["user_id"], row["phone"]
        except (ValueError, KeyError, TypeError):
            raise click.ClickException(f'Dòng {number}: cần JSON {{"user_id": "…", "phone": "…"}}.') from None
        links.append(read_link(number, user_id, phone))
    if not links:
        raise click.ClickException("Đầu vào không có dòng nào.")
    return links


def read_link(number: int, user_id: object, phone: object) -> Link:
    """One pair, checked; the fault names the line, never the phone."""
    user_id = str(user_id) if type(user_id) is int else user_id  # a number above 2^53 survives in Python's JSON
    if not isinstance(user_id, str) or not re.fullmatch(r"[\w-]{1,64}", user_id):
        raise click.ClickException(f"Dòng {number}: user_id phải là mã người dùng Zalo, dạng chuỗi.")
    read = read_phone(str(phone) if phone is not None else None)
    if read.e164 is None:
        raise click.ClickException(f"Dòng {number}: số điện thoại không dùng được ({read.verdict}).")
    return Link(user_id, read.e164)
