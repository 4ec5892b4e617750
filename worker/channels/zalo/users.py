"""Zalo's users as its API tells of them: the list, one user's details, the moment of the last interaction.

Sources: Zalo, "Lấy danh sách người dùng" (GET /v3.0/oa/user/getlist: `count` ≤ 50, `offset` ≤ 9951, so 10,000 users of
one period), "Lấy chi tiết người dùng" (GET /v3.0/oa/user/detail), "Kiểm tra hạn mức" (POST /v3.0/oa/quota/message).
Traps: GET parameters are one JSON parameter; ids are strings above 2^53; recorded replies omit `shared_info`, and an
empty phone in it is the number 0; the date of the last interaction is a bare day in Vietnam; quotas and times come as
numbers or as strings.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlencode

from worker.domain.clock import VIETNAM
from worker.domain.phone import read_phone
from worker.wire.protocol import Call, Reply, Result

PAGE = 50
LAST_OFFSET = 9951
REACH = LAST_OFFSET - 1 + PAGE  # users of one period that can be paged: 10,000

_INVALID, _NOT_A_FOLLOWER = -201, -213
_OK = 200


@dataclass(frozen=True, slots=True)
class Question:
    """One call without its token; a GET's parameters travel as one JSON parameter `data`."""

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
    """One user; `phone` (E.164) is what they have shared, None where nothing usable was."""

    follows: bool
    phone: str | None = field(repr=False)
    interacted_on: date | None


def list_followers(offset: int, days: tuple[date, date] | None) -> Question:
    """A page of the followers, of those who last interacted within `days` (both included) where given."""
    data: dict[str, Any] = {"offset": offset, "count": PAGE, "is_follower": True}
    if days is not None:
        data["last_interaction_period"] = ":".join(day.strftime("%Y_%m_%d") for day in days)
    return Question("GET", "/v3.0/oa/user/getlist", data)


def detail_of(user_id: str) -> Question:
    return Question("GET", "/v3.0/oa/user/detail", {"user_id": user_id})


def interaction_of(user_id: str) -> Question:
    return Question("POST", "/v3.0/oa/quota/message", {"user_id": user_id})


def read_answer(result: Result) -> dict[str, Any] | None:
    """The JSON object with its code as a number under `error`; None for anything else."""
    if not isinstance(result, Reply) or result.status != _OK:
        return None
    try:
        answer = json.loads(result.body)
        return {**answer, "error": int(answer["error"])}
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def says_nobody(answer: Mapping[str, Any]) -> bool:
    """Whether Zalo says that the user does not follow, or is none of this OA.

    -201 is said of any field: only where it names the user's id is it about the user and not about our call.
    """
    names_user = "user_id" in str(answer.get("message", ""))
    return answer["error"] == _NOT_A_FOLLOWER or (answer["error"] == _INVALID and names_user)


def read_list(answer: Mapping[str, Any]) -> Listed | None:
    """`count` echoes what was asked for; the rows are counted instead."""
    try:
        data = answer["data"]
        return Listed(int(data["total"]), [str(user["user_id"]) for user in data.get("users") or []])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def read_detail(answer: Mapping[str, Any]) -> Detail | None:
    """What is missing was never shared."""
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
    """The exact moment (milliseconds since 1970, as text or number) of the last interaction; None without one."""
    try:
        return datetime.fromtimestamp(int(answer["data"]["last_interaction"]) / 1000, UTC)
    except (ValueError, KeyError, TypeError, OverflowError, OSError):
        return None


def day_begins(day: date) -> datetime:
    """The earliest moment of a day in Vietnam: what a bare date proves."""
    return datetime(day.year, day.month, day.day, tzinfo=VIETNAM)


def _day(written: object) -> date | None:
    try:
        return datetime.strptime(str(written), "%d/%m/%Y").date()  # noqa: DTZ007 (a bare day has no zone)
    except ValueError:
        return None
