"""`hcc oa`: the Official Account's access tokens."""

from __future__ import annotations

import json
import sys

import click

from operators.cli.context import services
from operators.cli.output import as_json, print_json
from worker.channels.zalo.oauth import TokenReplyError, pair_of
from worker.domain.clock import to_vietnam
from worker.ledger.audit import audit
from worker.queue.bell import ring


@click.group(short_help="Quyền gửi tin của Official Account.")
def oa() -> None:
    """Quyền gửi tin của Official Account: nhập token, xem tình trạng."""


@oa.command("import", short_help="Nhập cặp token từ câu trả lời OAuth (JSON ở đầu vào chuẩn).")
@click.option("--by", default="cli", metavar="TÊN", help="Ai làm việc này.")
@click.option("--why", default="nhập token", metavar="LÝ_DO", help="Vì sao.")
def import_(by: str, why: str) -> None:
    """Đọc câu trả lời cấp token của Zalo dạng JSON từ đầu vào chuẩn và cất vào sổ, có mã hóa."""
    try:
        pair = pair_of(json.loads(sys.stdin.read()))
    except TokenReplyError as error:
        raise click.ClickException(f"Không nhập được: {error}.") from None
    except ValueError:
        raise click.ClickException("Không nhập được: đầu vào không phải JSON.") from None
    with services("database_url", "secret_keys", "zalo_oa_id", "redis_url") as made:
        account = made.settings.zalo_oa_id
        with made.ledger.begin() as tx:
            made.credentials.store(tx, account, pair)
            audit(tx, account, "oa import", "token", by=by, why=why)
        ring(account)  # what waited for a token goes on by itself
    click.echo(f"Đã cất token của OA {account}; dùng được {pair.life_seconds // 3600} giờ, sau đó tự gia hạn.")


@oa.command(short_help="Token còn dùng được không, đến khi nào.")
@as_json
def status(as_json: bool) -> None:
    """Token của OA còn dùng được không, đến khi nào; không bao giờ in token."""
    with services() as made, made.ledger.connect() as connection:
        credential = made.credentials.read(connection, made.settings.zalo_oa_id)
    if credential is None:
        raise click.ClickException("Chưa có token: chạy `hcc oa import`.")
    shown = {
        "oa": made.settings.zalo_oa_id,
        "version": credential.version,
        "issued_at": credential.issued_at,
        "expires_at": credential.expires_at,
        "expired": credential.expired,
        "dead_because": credential.dead_because,
    }
    if as_json:
        print_json(shown)
        return
    click.echo(f"OA {shown['oa']}: cặp token thứ {credential.version}.")
    click.echo(f"Hết hạn lúc {to_vietnam(credential.expires_at):%d/%m/%Y %H:%M}.")
    if credential.dead_because:
        raise click.ClickException(f"Zalo không còn cho phép ({credential.dead_because}): chạy `hcc oa import`.")
