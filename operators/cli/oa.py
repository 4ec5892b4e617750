"""`hcc oa`: the Official Account's access tokens."""

from __future__ import annotations

import json
import secrets
import sys
from urllib.parse import parse_qs, urlsplit

import click

from operators.cli.context import services
from operators.cli.output import as_json, print_json
from worker.bootstrap import Services
from worker.channels.zalo.oauth import Renewed, TokenReplyError, code_call, consent_url, pair_of, read_renewal
from worker.domain.clock import to_vietnam
from worker.ledger.audit import audit
from worker.ledger.credentials import Pair
from worker.queue.bell import ring
from worker.wire.ask import ask

LOGIN_NEEDS = ("database_url", "secret_keys", "zalo_oa_id", "zalo_app_id", "zalo_app_secret", "redis_url")


@click.group(short_help="Quyền gửi tin của Official Account.")
def oa() -> None:
    """Quyền gửi tin của Official Account: xin quyền, nhập token, xem tình trạng."""


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
        _keep(made, pair, "oa import", by=by, why=why)
    click.echo(
        f"Đã cất token của OA {made.settings.zalo_oa_id}; dùng được {pair.life_seconds // 3600} giờ, sau đó tự gia hạn."
    )


@oa.command(short_help="Xin quyền gửi tin của OA trong trình duyệt.")
@click.option("--redirect-uri", required=True, metavar="URL", help="Callback URL đã khai ở developers.zalo.me.")
@click.option("--verifier", metavar="CHUỖI", help="Code verifier cố định của trang quản trị; bỏ trống: tạo mới.")
@click.option("--by", default="cli", metavar="TÊN", help="Ai làm việc này.")
@click.option("--why", default="xin quyền", metavar="LÝ_DO", help="Vì sao.")
def login(redirect_uri: str, verifier: str | None, by: str, why: str) -> None:
    """In địa chỉ để quản trị viên OA đồng ý; dán lại địa chỉ mà trình duyệt chuyển tới; cất cặp token vào sổ."""
    verifier = verifier or secrets.token_urlsafe(32)
    state = secrets.token_urlsafe(8)
    with services(*LOGIN_NEEDS) as made:
        known = made.settings
        click.echo("Quản trị viên OA mở địa chỉ này và đồng ý:")
        click.echo(consent_url(known.zalo_oauth_url, known.zalo_app_id, redirect_uri, verifier, state))
        code = _code_of(click.prompt("Dán địa chỉ trình duyệt chuyển tới"), state)
        call = code_call(known.zalo_oauth_url, known.zalo_app_id, known.zalo_app_secret, code, verifier)
        renewal = read_renewal(ask(made.wire, call))
        if not isinstance(renewal, Renewed):
            raise click.ClickException(f"Zalo không cấp token ({renewal.why}): chạy lại `hcc oa login`.")
        _keep(made, renewal.pair, "oa login", by=by, why=why)
    click.echo(f"Đã cất token của OA {known.zalo_oa_id}.")


def _code_of(address: str, state: str) -> str:
    """The code in the address that the browser was sent to; a foreign state is somebody else's consent."""
    query = parse_qs(urlsplit(address).query)
    if query.get("state", [state]) != [state]:
        raise click.ClickException("Địa chỉ này thuộc một lần xin quyền khác: chạy lại `hcc oa login`.")
    if "code" not in query:
        raise click.ClickException("Địa chỉ không có mã đồng ý (code=…): sao chép cả dòng địa chỉ.")
    return query["code"][0]


def _keep(made: Services, pair: Pair, verb: str, *, by: str, why: str) -> None:
    """Store a pair with an audit row; what waited for a token goes on by itself."""
    account = made.settings.zalo_oa_id
    with made.ledger.begin() as tx:
        made.credentials.store(tx, account, pair)
        audit(tx, account, verb, "token", by=by, why=why)
    ring(account)


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
