"""Trying an access token: the one call of Zalo's that changes nothing and tells of nobody.

Source: Zalo, "Lấy thông tin Official Account" (GET /v2.0/oa/getoa).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from worker.channels.zalo.codes import Host, Meaning, look_up
from worker.channels.zalo.users import read_answer
from worker.wire.ask import ask
from worker.wire.protocol import Call, Reply, Wire


@dataclass(frozen=True, slots=True)
class Accepted:
    """Zalo let the token in. `oa` is whose it is; None where the answer does not say."""

    oa: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Turned:
    """Zalo turned the token away."""

    why: str


@dataclass(frozen=True, slots=True)
class Unasked:
    """Zalo was not reached."""

    why: str


@dataclass(frozen=True, slots=True)
class Unclear:
    """Zalo answered, and the answer says nothing about the token."""

    why: str


Trial: TypeAlias = Accepted | Turned | Unasked | Unclear

_REFUSALS = frozenset({Meaning.TOKEN, Meaning.GRANT, Meaning.CONFIG})


def try_token(wire: Wire, openapi_url: str, token: str) -> Trial:
    """Ask Zalo with this token who the OA is."""
    result = ask(wire, Call(0, "GET", f"{openapi_url}/v2.0/oa/getoa", {"access_token": token}))
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
