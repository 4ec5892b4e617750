"""Reads Zalo's users through its API: the list, one user's details, the time of the last interaction.

Sources: Zalo, "Lấy danh sách người dùng" (GET /v3.0/oa/user/getlist: `count` ≤ 50, `offset` ≤ 9951, so 10,000 users of
one period), "Lấy chi tiết người dùng" (GET /v3.0/oa/user/detail), "Kiểm tra hạn mức" (POST /v3.0/oa/quota/message).
Pitfalls: GET parameters are one JSON parameter. Ids are strings above 2^53. Recorded replies omit `shared_info`, and an
empty phone in it is the number 0. The date of the last interaction is a bare day in Vietnam. Quotas and times are
numbers or strings.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlencode

from domain.clock import VIETNAM
from domain.phone import read_phone
from worker.wire.envelope import OK, json_object
from worker.wire.protocol import Call, Reply, Result

PAGE = 50
LAST_OFFSET = 9951
REACH = LAST_OFFSET - 1 + PAGE  # users of one period that can be paged: 10,000

_INVALID, _NOT_A_FOLLOWER = -201, -213


@dataclass(frozen=True, slots=True)
class UserQuery:
    """One call without its token; the parameters of a GET are one JSON parameter `data`."""

    method: str
    path: str
    data: Mapping[str, Any] = field(repr=False)

    def call(self, base_url: str, tag: int, token: str) -> Call:
        headers = {"access_token": token}
        words = json.dumps(self.data, ensure_ascii=False)
        if self.method == "GET":
            return Call(tag, "GET", f"{base_url}{self.path}?{urlencode({'data': words})}", headers)
        headers["Content-Type"] = "application/json"
        return Call(tag, self.method, f"{base_url}{self.path}", headers, words.encode())


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of the list; `total` counts all users of the period."""

    total: int
    users: list[str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Detail:
    """One user; `phone` (E.164) is the number they shared, None if they shared no usable one."""

    follows: bool
    phone: str | None = field(repr=False)
    interacted_on: date | None


def list_followers(offset: int, days: tuple[date, date] | None) -> UserQuery:
    """A page of the followers; with `days` (both included), only those who last interacted within them."""
    data: dict[str, Any] = {"offset": offset, "count": PAGE, "is_follower": True}
    if days is not None:
        data["last_interaction_period"] = ":".join(day.strftime("%Y_%m_%d") for day in days)
    return UserQuery("GET", "/v3.0/oa/user/getlist", data)


def detail_of(user_id: str) -> UserQuery:
    return UserQuery("GET", "/v3.0/oa/user/detail", {"user_id": user_id})


def interaction_of(user_id: str) -> UserQuery:
    return UserQuery("POST", "/v3.0/oa/quota/message", {"user_id": user_id})


def read_answer(result: Result) -> dict[str, Any] | None:
    """The JSON object, with its code as a number under `error`; None for anything else."""
    if not isinstance(result, Reply) or result.status != OK:
        return None
    try:
        answer = json_object(result.body) or {}
        return {**answer, "error": int(answer["error"])}
    except (ValueError, KeyError, TypeError):
        return None


def says_nobody(answer: Mapping[str, Any]) -> bool:
    """Whether Zalo answers that the user does not follow, or is not a user of this OA.

    -201 may concern any field: only if the message names the user's id is it about the user and not about our call.
    """
    names_user = "user_id" in str(answer.get("message", ""))
    return answer["error"] == _NOT_A_FOLLOWER or (answer["error"] == _INVALID and names_user)


def read_list(answer: Mapping[str, Any]) -> Listed | None:
    """Parse a page of the list; None if invalid. `count` only echoes the request, so it is not used."""
    try:
        data = answer["data"]
        return Listed(int(data["total"]), [str(user["user_id"]) for user in data.get("users") or []])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def read_detail(answer: Mapping[str, Any]) -> Detail | None:
    """Parse a user's details; None if invalid. Missing fields were never shared."""
    try:
        data = answer["data"]
        shared = data.get("shared_info") or {}
        return Detail(
            follows=data.get("user_is_follower") in (True, "true", 1),
            phone=read_phone(str(shared.get("phone") or "")).e164,
            interacted_on=_day(data.get("user_last_interaction_date")),
        )
    except (KeyError, TypeError, AttributeError):
        return None


def read_interaction(answer: Mapping[str, Any]) -> datetime | None:
    """The exact time of the last interaction (sent as milliseconds since 1970, text or number); None without one."""
    try:
        return datetime.fromtimestamp(int(answer["data"]["last_interaction"]) / 1000, UTC)
    except (ValueError, KeyError, TypeError, OverflowError, OSError):
        return None


def day_begins(day: date) -> datetime:
    """The earliest moment of a day in Vietnam: a bare date proves no later one."""
    return datetime(day.year, day.month, day.day, tzinfo=VIETNAM)


def _day(written: object) -> date | None:
    try:
        return datetime.strptime(str(written), "%d/%m/%Y").date()  # noqa: DTZ007 (a bare day has no zone)
    except ValueError:
        return None
