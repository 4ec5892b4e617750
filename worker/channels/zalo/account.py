"""Tests an access token with the only Zalo call that changes nothing and returns no personal data.

Source: Zalo, "Lấy thông tin Official Account" (GET /v2.0/oa/getoa).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from worker.channels.zalo.codes import Host, Meaning, look_up
from worker.channels.zalo.users import read_answer
from worker.wire.ask import ask
from worker.wire.protocol import Call, Client, Reply


@dataclass(frozen=True, slots=True)
class Accepted:
    """Zalo accepted the token. `oa` is the OA it belongs to; None if the answer does not contain it."""

    oa: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Turned:
    """Zalo refused the token."""

    why: str


@dataclass(frozen=True, slots=True)
class Unasked:
    """Zalo could not be reached."""

    why: str


@dataclass(frozen=True, slots=True)
class Unclear:
    """Zalo answered, but the answer proves nothing about the token."""

    why: str


TokenTrial: TypeAlias = Accepted | Turned | Unasked | Unclear

_REFUSALS = frozenset({Meaning.TOKEN, Meaning.GRANT, Meaning.CONFIG})


def try_token(client: Client, openapi_url: str, token: str) -> TokenTrial:
    """Request the OA's information from Zalo with this token."""
    result = ask(client, Call(0, "GET", f"{openapi_url}/v2.0/oa/getoa", {"access_token": token}))
    if not isinstance(result, Reply):
        return Unasked(result.why)
    answer = read_answer(result)
    if answer is None:
        return Unclear(f"HTTP {result.status}")
    code = answer["error"]
    if code:
        row = look_up(Host.OPENAPI, code, str(answer.get("message", "")))
        return Turned(row.reason) if row.meaning in _REFUSALS else Unclear(row.reason)
    data = answer.get("data")
    named = (data.get("oaid") or data.get("oa_id")) if isinstance(data, dict) else None
    return Accepted(str(named) if named else None)
