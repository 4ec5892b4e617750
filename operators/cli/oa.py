"""`hcc oa`: the Official Account's access tokens."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import click

from domain.clock import to_vietnam
from operators.cli.context import deployment, every, of_oa, services
from operators.cli.exits import Ended, ExitCode
from operators.cli.input import typed
from operators.cli.output import accountable_or_user, answer, as_json, examples, print_json, say
from operators.phrasebook import phrase

if TYPE_CHECKING:
    from ledger.zalo.credentials import Credential, Pair
    from worker.services.bootstrap import Services

LOGIN_NEEDS = ("database_url", "secret_keys", "zalo_oa_id", "zalo_app_id", "zalo_app_secret", "redis_url")


@click.group(short_help="Quyền gửi tin của Official Account.")
def oa() -> None:
    """Quyền gửi tin của Official Account: xin quyền, nhập token, xem tình trạng."""


@oa.command(
    "import",
    short_help="Nhập cặp token từ câu trả lời OAuth (JSON ở đầu vào chuẩn).",
    epilog=examples("hcc oa import < token.json", "hcc oa import --by Lan --why 'cấp lại quyền' < token.json"),
)
@accountable_or_user("nhập token")
@of_oa
@as_json
def import_(oa: str | None, by: str, why: str, as_json: bool) -> None:
    """Đọc câu trả lời cấp token của Zalo dạng JSON từ đầu vào chuẩn và cất vào sổ, có mã hóa."""
    from worker.channels.zalo.oauth import TokenReplyError, pair_of

    try:
        pair = pair_of(json.loads(typed()))
    except TokenReplyError as error:
        raise Ended(f"Không nhập được: {error}.") from None
    except ValueError:
        raise Ended("Không nhập được: đầu vào không phải JSON.") from None
    with services("database_url", "secret_keys", "zalo_oa_id", "redis_url", oa=oa) as made:
        _try(made, pair)
        _keep(made, pair, "oa import", by=by, why=why)
    said = f"Đã cất token của OA {made.oa}; dùng được {pair.life_seconds // 3600} giờ, sau đó tự gia hạn."
    answer(said, as_json=as_json, done=1, oa=made.oa, life_seconds=pair.life_seconds)


@oa.command(
    short_help="Xin quyền gửi tin của OA trong trình duyệt.",
    epilog=examples("hcc oa login --redirect-uri https://hcc.example.vn/callback --by Lan"),
)
@click.option("--redirect-uri", required=True, metavar="URL", help="Callback URL đã khai ở developers.zalo.me.")
@click.option("--verifier", metavar="CHUỖI", help="Code verifier cố định của trang quản trị; bỏ trống: tạo mới.")
@accountable_or_user("xin quyền")
@of_oa
@as_json
def login(redirect_uri: str, *, verifier: str | None, oa: str | None, by: str, why: str, as_json: bool) -> None:
    """In địa chỉ để quản trị viên OA đồng ý; dán lại địa chỉ mà trình duyệt chuyển tới; cất cặp token vào sổ."""
    from config.causes import Cause, cause_of, not_reached
    from worker.channels.zalo.oauth import Renewed, code_call, consent_url, read_renewal
    from worker.wire.ask import ask

    verifier = verifier or secrets.token_urlsafe(32)
    state = secrets.token_urlsafe(8)
    with services(*LOGIN_NEEDS, oa=oa) as made:
        known = made.settings
        say("Quản trị viên OA mở địa chỉ này và đồng ý:", err=as_json)
        say(consent_url(known.zalo_oauth_url, known.zalo_app_id, redirect_uri, verifier, state), err=as_json)
        code = _code_of(click.prompt("Dán địa chỉ trình duyệt chuyển tới", err=as_json), state)
        call = code_call(known.zalo_oauth_url, known.zalo_app_id, known.zalo_app_secret, code, verifier)
        renewal = read_renewal(ask(made.client, call))
        if not isinstance(renewal, Renewed):
            unreached = cause_of(renewal.why) is not Cause.OTHER
            told = not_reached("Zalo", renewal.why) if unreached else f"Zalo không cấp token ({renewal.why})."
            status = ExitCode.AWAY if unreached else ExitCode.FAULT
            raise Ended(f"{told} Chạy lại `hcc oa login`.", status)
        _keep(made, renewal.pair, "oa login", by=by, why=why)
    answer(f"Đã cất token của OA {known.zalo_oa_id}.", as_json=as_json, done=1, oa=known.zalo_oa_id)


def _code_of(address: str, state: str) -> str:
    """The code in the address that the browser was redirected to. Another `state` belongs to another consent.

    Raises `Ended` for a wrong state or a missing code.
    """
    query = parse_qs(urlsplit(address).query)
    if query.get("state", [state]) != [state]:
        raise Ended("Địa chỉ này thuộc một lần xin quyền khác: chạy lại `hcc oa login`.")
    if "code" not in query:
        raise Ended("Địa chỉ không có mã đồng ý (code=…): sao chép cả dòng địa chỉ.")
    return query["code"][0]


def _try(made: Services, pair: Pair) -> None:
    """Try a pair at Zalo. A pair that Zalo refuses, or that is another OA's, must not replace a working one.

    Raises `Ended` in these cases; in doubt prints a warning only.
    """
    from worker.channels.zalo.account import Accepted, Turned, Unasked, Unclear, try_token

    with made.ledger.connect() as connection:
        known = made.credentials.read(connection, made.oa)
    trial = try_token(made.client, made.settings.zalo_openapi_url, pair.access)
    if isinstance(trial, Accepted) and trial.oa not in (None, made.oa):
        raise Ended(f"Token này là của OA khác, không phải OA {made.oa}; không cất gì.")
    if isinstance(trial, Turned) and known is not None and known.dead_because is None:
        raise Ended(f"Zalo không nhận token này ({phrase(trial.why).inner.vi}); giữ nguyên cặp token đang có.")
    if isinstance(trial, Turned | Unasked | Unclear):
        said = phrase(trial.why).inner.vi
        say(f"Chưa rõ Zalo có nhận token này không ({said}); vẫn cất, xem lại bằng `hcc doctor`.", err=True)


def _keep(made: Services, pair: Pair, verb: str, *, by: str, why: str) -> None:
    """Store a pair with an audit row, and ring: notices that waited for a token are sent without further action."""
    from coordination.bell import ring
    from ledger.base.audit import audit

    with made.ledger.begin() as tx:
        made.credentials.store(tx, made.oa, pair)
        audit(tx, made.oa, verb, "token", by=by, why=why)
    ring(made.oa)


@oa.command(
    short_help="Token còn dùng được không, đến khi nào.", epilog=examples("hcc oa status", "hcc oa status --json")
)
@of_oa
@as_json
def status(oa: str | None, as_json: bool) -> None:
    """Token của OA còn dùng được không, đến khi nào; không bao giờ in token."""
    with deployment() as made, made.shared.ledger.connect() as connection:
        found = {one.oa: made.shared.credentials.read(connection, one.oa) for one in every(made, oa)}
        names, several = made.names, made.several and oa is None
    known = {account: credential for account, credential in found.items() if credential is not None}
    shown = [_shown(account, credential) for account, credential in known.items()]
    if as_json and shown:
        print_json(shown if several else shown[0])
    elif not as_json:
        for account, credential in known.items():
            say(f"OA {account}: cặp token thứ {credential.version}.")
            say(f"Hết hạn lúc {to_vietnam(credential.expires_at):%d/%m/%Y %H:%M}.")
    lacking = [account for account in found if account not in known]
    lost = {account: one.dead_because for account, one in known.items() if one.dead_because and not as_json}
    faults = [f"{_of(names[account], several)}Chưa có token: chạy `hcc oa import`." for account in lacking]
    faults += [
        f"{_of(names[account], several)}Zalo không còn cho phép ({phrase(why).inner.vi}): chạy `hcc oa import`."
        for account, why in lost.items()
    ]
    if faults:
        raise Ended("\n".join(faults))


def _of(name: str, several: bool) -> str:
    return f"{name}: " if several else ""


def _shown(account: str, credential: Credential) -> dict[str, Any]:
    return {
        "oa": account,
        "version": credential.version,
        "issued_at": credential.issued_at,
        "expires_at": credential.expires_at,
        "expired": credential.expired,
        "dead_because": credential.dead_because,
    }
