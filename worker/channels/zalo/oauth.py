"""Zalo's OAuth v4 for Official Accounts: builds token requests and interprets the replies.

Source: Zalo, "Xác thực và ủy quyền cho ứng dụng" (OA). Replies are flat, without an envelope. `expires_in` is a string
of seconds. A refresh token works once. A failure may contain empty tokens next to its code, so a pair counts only if
both tokens are present.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeAlias
from urllib.parse import urlencode

from ledger.zalo.credentials import Pair
from worker.wire.envelope import json_object
from worker.wire.protocol import Call, NotSent, Reply, Result

_DEFAULT_LIFE = 90_000  # seconds: 25 hours, as documented
_RATE = -32
_GRANT_LOST = frozenset({-14014, -118})


@dataclass(frozen=True, slots=True)
class Renewed:
    pair: Pair


@dataclass(frozen=True, slots=True)
class NotRenewed:
    """Certainly not carried out: the refresh token is still valid."""

    why: str


@dataclass(frozen=True, slots=True)
class PerhapsRenewed:
    """No usable answer: the refresh token may be used up."""

    why: str


@dataclass(frozen=True, slots=True)
class GrantLost:
    """Terminal: an operator must consent again. `why` contains Zalo's code."""

    why: str


Renewal: TypeAlias = Renewed | NotRenewed | PerhapsRenewed | GrantLost


class TokenReplyError(ValueError):
    """A token reply without a usable pair; the text never contains a token."""


def consent_url(oauth_url: str, app_id: str, redirect_uri: str, verifier: str, state: str) -> str:
    """The URL where an administrator of the OA consents, with exactly the four parameters that Zalo's own SDK sends."""
    query = {
        "app_id": app_id,
        "redirect_uri": redirect_uri,
        "code_challenge": challenge(verifier),
        "state": state,
    }
    return f"{oauth_url}/v4/oa/permission?{urlencode(query)}"


def challenge(verifier: str) -> str:
    """The PKCE challenge: the verifier's raw SHA-256, in base64url without padding."""
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def code_call(oauth_url: str, app_id: str, app_secret: str, code: str, verifier: str) -> Call:
    """The request that exchanges a consent code (valid for 10 minutes, once) for the first pair."""
    form = {"code": code, "app_id": app_id, "grant_type": "authorization_code", "code_verifier": verifier}
    return _token_call(oauth_url, app_secret, form)


def refresh_call(oauth_url: str, app_id: str, app_secret: str, refresh_token: str) -> Call:
    """The request that exchanges a refresh token for a new pair."""
    form = {"refresh_token": refresh_token, "app_id": app_id, "grant_type": "refresh_token"}
    return _token_call(oauth_url, app_secret, form)


def _token_call(oauth_url: str, app_secret: str, form: dict[str, str]) -> Call:
    """Form-encoded; the secret travels in a header, never in the form."""
    return Call(
        tag=0,
        method="POST",
        url=f"{oauth_url}/v4/oa/access_token",
        headers={"secret_key": app_secret, "Content-Type": "application/x-www-form-urlencoded"},
        body=urlencode(form).encode(),
    )


def read_renewal(result: Result) -> Renewal:  # noqa: PLR0911 (one line per case)
    """The result of a refresh. A reply that is not Zalo's JSON proves nothing either way."""
    if isinstance(result, NotSent):
        return NotRenewed(result.why)
    if not isinstance(result, Reply):
        return PerhapsRenewed(result.why)
    if result.status != 200:  # noqa: PLR2004 (HTTP's success status)
        return PerhapsRenewed(f"HTTP {result.status}")
    body = json_object(result.body)
    if body is None:
        return PerhapsRenewed("an answer that is not JSON")
    code = _code(body)
    if code == _RATE:
        return NotRenewed("rate limit")
    if code in _GRANT_LOST:
        return GrantLost(f"Zalo {code}: the refresh token is used, expired or revoked")
    if code is None:
        return PerhapsRenewed("an answer whose code is not a number")
    if code != 0:
        return GrantLost(f"Zalo {code}")
    try:
        return Renewed(pair_of(body))
    except TokenReplyError as error:
        return PerhapsRenewed(str(error))


def pair_of(body: object) -> Pair:
    """The pair in a token reply (a JSON object). Raises `TokenReplyError`, which names the fault."""
    if not isinstance(body, dict):
        raise TokenReplyError("the token reply is not a JSON object")
    if _code(body) != 0:
        raise TokenReplyError(f"the token reply is an error: {_code(body)} {body.get('error_name', '')}".strip())
    for name in ("access_token", "refresh_token"):
        if not isinstance(body.get(name), str) or not body[name]:
            raise TokenReplyError(f"the token reply has no {name}")
    return Pair(access=body["access_token"], refresh=body["refresh_token"], life_seconds=_life(body.get("expires_in")))


def _life(value: object) -> int:
    try:
        life = int(str(value)) if value is not None else _DEFAULT_LIFE
    except ValueError:
        raise TokenReplyError("the token reply's expires_in is not a number of seconds") from None
    if life <= 0:
        raise TokenReplyError("the token reply's expires_in is not above zero")
    return life


def _code(body: dict[str, Any]) -> int | None:
    """Zalo's code: 0 if it is missing, None if it is not a number."""
    try:
        return int(body.get("error", 0))
    except (TypeError, ValueError):
        return None
