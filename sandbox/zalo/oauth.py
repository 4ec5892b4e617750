"""The OAuth host: consent, codes, and single-use refresh tokens.

Zalo documents the secret as a header, never as a form field; replies are flat, and failures contain `error_name`.
"""

from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode

from sandbox.zalo.call import Call
from sandbox.zalo.codes import Body, Refusal
from sandbox.zalo.tokens import Grant, challenge_of

FORM = "application/x-www-form-urlencoded"
ERROR_PAGE = "/v4/permission/error"


@dataclass(frozen=True, slots=True)
class Redirect:
    """An answer that sends the browser elsewhere."""

    url: str


def read_permission(call: Call) -> None:
    call.fields = dict(call.parameters())


def permission(call: Call) -> Redirect:
    """The consent page, with an administrator who agrees at once."""
    identity, switches = call.world.identity, call.world.switches
    if call.fields.get("app_id") != identity.app_id:
        return _error_page(-14002)
    target = call.fields.get("redirect_uri", "")
    if not target or switches.callback_url not in {"", target}:
        return _error_page(-14003)
    code = call.world.tokens.code(call.world.grant(), call.fields.get("code_challenge", ""), call.world.clock.now())
    answer = {"code": code, "oa_id": identity.oa_id}
    if "state" in call.fields:
        answer["state"] = call.fields["state"]
    return Redirect(f"{target}{'&' if '?' in target else '?'}{urlencode(answer)}")


def read_token_request(call: Call) -> None:
    """Read a form with the App's id, and the App's secret in the header. Raises `Refusal`."""
    if not call.headers.get("Content-Type", "").startswith(FORM):
        raise Refusal(-14004)
    call.fields = {name: values[0] for name, values in parse_qs(call.raw.decode(errors="replace")).items()}
    if call.fields.get("app_id") != call.world.identity.app_id:
        raise Refusal(-14002)
    if "client_secret" in call.fields or call.headers.get("secret_key") != call.world.identity.app_secret:
        raise Refusal(-14004)


def access_token(call: Call) -> Body:
    """A new pair of tokens, in exchange for a code or a refresh token."""
    match call.fields.get("grant_type"):
        case "authorization_code":
            grant = _by_code(call)
        case "refresh_token":
            grant = _by_refresh_token(call)
        case _:
            raise Refusal(-14018)
    return call.world.tokens.mint(grant, call.world.clock.now())


def _by_refresh_token(call: Call) -> Grant:
    world = call.world
    grant = world.tokens.use_refresh(call.fields.get("refresh_token", ""), world.clock.now())
    if grant is None:
        raise Refusal(-14014)
    world.stats.refreshes += 1
    if world.switches.old_token_dies:
        world.tokens.expire_access(grant)
    return grant


def _by_code(call: Call) -> Grant:
    code = call.world.tokens.use_code(call.fields.get("code", ""), call.world.clock.now())
    if code is None:
        raise Refusal(-14005)
    challenge = call.world.switches.console_challenge or code.challenge
    if challenge and challenge_of(call.fields.get("code_verifier", "")) != challenge:
        raise Refusal(-14005)
    return code.grant


def _error_page(code: int) -> Redirect:
    return Redirect(f"{ERROR_PAGE}?error_code={code}")
