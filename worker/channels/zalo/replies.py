"""Converts results of the wire to outcomes: pure, and never claims more than the answer proves.

Only "HTTP 200, a JSON object, error 0, a message id" is `Sent`. A failure is HTTP 200 with a negative code, whose
meaning is in the tables of `codes`. Zalo documents no other HTTP status. Everything else is `Uncertain`: HTML, half an
answer, a code that is not a number. Sources: Zalo, "Mã lỗi OA", "ZNS error codes", "Giới hạn tốc độ API".
"""

from __future__ import annotations

import logging
import re
from datetime import datetime, time, timedelta
from typing import Final

from domain.clock import to_vietnam
from domain.outcome import HoldScope, Outcome, Refused, Sent, TryLater, Uncertain, Unreachable, Wait
from worker.channels.cargo import without_answer
from worker.channels.channel import PAYING_SECONDS, REPAIR_SECONDS, SPREAD_SECONDS
from worker.channels.zalo.codes import CodeRow, Host, Meaning, QuotaPeriod, Scope, look_up
from worker.wire.envelope import OK, json_object
from worker.wire.protocol import Reply, Result

_log = logging.getLogger("hcc.zalo")

_ID_FIELD: Final = {Host.OPENAPI: "message_id", Host.BUSINESS: "msg_id"}
_ID: Final = re.compile(r"[!-~]{1,100}")  # real ones have 20 characters
_NUMBER: Final = re.compile(r"-?[0-9]{1,9}")  # fits the ledger's column
_TOO_LARGE: Final = 10**9  # does not fit
_HOLDS: Final = {
    Scope.PERSON: HoldScope.PERSON,
    Scope.TEMPLATE: HoldScope.TEMPLATE,
    Scope.OA: HoldScope.CHANNEL,
    Scope.APP: HoldScope.APP,
}

_DAWN: Final = time(6)
_DUSK: Final = time(22)
_CLOCKS_DIFFER: Final = 900.0  # seconds, if Zalo answers that it is night and our clock disagrees


def read_send(host: Host, result: Result, *, now: datetime, jitter: float) -> Outcome:
    """The outcome of one send call. `now` is time-zone-aware; `jitter` is a random number in [0, 1)."""
    match result:
        case Reply():
            return _read_reply(host, result, now, jitter)
        case _:
            return without_answer(result)


def rate_headers(reply: Reply) -> tuple[int, int] | None:
    """`(X-RateLimit-Limit, X-RateLimit-Remain)`, sic, without "-ing"; None unless both are plain numbers."""
    said = reply.headers.get("x-ratelimit-limit"), reply.headers.get("x-ratelimit-remain")
    if None in said:
        return None
    limit, remain = map(_number, said)
    if limit is None or remain is None or limit < 0 or remain < 0:
        return None
    return limit, remain


def _read_reply(host: Host, reply: Reply, now: datetime, jitter: float) -> Outcome:
    if reply.status != OK:
        return Uncertain(f"HTTP {reply.status} from {host}")
    answer = json_object(reply.body)
    if answer is None:
        return Uncertain(f"an answer of {host} that is not a JSON object")
    code = _number(answer.get("error"))
    if code is None:
        return Uncertain(f"an answer of {host} without a code")
    if code == 0:
        return _read_success(host, answer.get("data"))
    row = look_up(host, code, str(answer.get("message", "")))
    return _outcome(row, code, now, jitter)


def _read_success(host: Host, data: object) -> Outcome:
    number = data.get(_ID_FIELD.get(host)) if isinstance(data, dict) else None
    message_id = str(number) if type(number) is int and number > 0 else number
    # Invalid message ids must not reach the ledger: PostgreSQL's text accepts neither NUL nor lone surrogates.
    if not isinstance(message_id, str) or not _ID.fullmatch(message_id):
        return Uncertain(f"accepted by {host} without a message id", code=0)
    return Sent(message_id)


def _outcome(row: CodeRow, code: int, now: datetime, jitter: float) -> Outcome:
    match row.meaning:
        case Meaning.LATER:
            return TryLater(row.reason, code)
        case Meaning.UNSTATED:
            # -200 "Send message failed", -100 "unknown error": neither proves that the person did not get it.
            return Uncertain(row.reason, code)
        case Meaning.RECIPIENT:
            return Unreachable(row.reason, code)
        case Meaning.REQUEST:
            return Refused(row.reason, code)
        case Meaning.UNKNOWN:
            _log.error("%s: the notice is parked; the code belongs into the table", row.reason)
            return Refused(row.reason, code)
        case Meaning.TOKEN:
            return Wait(row.reason, 0, HoldScope.TOKEN, code)
        case Meaning.RATE | Meaning.QUOTA | Meaning.NIGHT | Meaning.CONFIG | Meaning.GRANT:
            return Wait(row.reason, _seconds(row, now, jitter), _HOLDS[row.scope], code)


def _seconds(row: CodeRow, now: datetime, jitter: float) -> float:
    match row.meaning:
        case Meaning.RATE:
            return _until_next_minute(now) + jitter
        case Meaning.QUOTA:
            return _until_quota(row.period, now) + jitter * SPREAD_SECONDS
        case Meaning.NIGHT:
            return _until_dawn(now) + jitter * SPREAD_SECONDS
        case _:
            return REPAIR_SECONDS * (1 + jitter / 5)


def _until_next_minute(now: datetime) -> float:
    """Seconds until the next minute: the limit of calls is counted per minute."""
    return 60 - now.second - now.microsecond / 1e6


def _until_quota(period: QuotaPeriod, now: datetime) -> float:
    """Seconds until the quota is refilled. Zalo does not document the time: midnight in Vietnam is assumed."""
    today = to_vietnam(now).replace(hour=0, minute=0, second=0, microsecond=0)
    match period:
        case QuotaPeriod.DAY:
            return (today + timedelta(days=1) - now).total_seconds()
        case QuotaPeriod.MONTH:
            return ((today.replace(day=1) + timedelta(days=32)).replace(day=1) - now).total_seconds()
        case QuotaPeriod.MONEY:
            return PAYING_SECONDS


def _until_dawn(now: datetime) -> float:
    here = to_vietnam(now)
    if _DAWN <= here.time() < _DUSK:
        return _CLOCKS_DIFFER
    dawn = here.replace(hour=6, minute=0, second=0, microsecond=0)
    return ((dawn if dawn > here else dawn + timedelta(days=1)) - here).total_seconds()


def _number(value: object) -> int | None:
    """An integer given as a number or as text; None for anything else: True and 0.0 equal 1 and 0, but are no codes."""
    if type(value) is int:
        return value if -_TOO_LARGE < value < _TOO_LARGE else None
    return int(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else None
