"""From what came back over the wire to an outcome: pure, and never braver than the answer allows.

Only "HTTP 200, a JSON object, error 0, a message id" is `Sent`. A failure is HTTP 200 with a negative code and
means what the tables of `codes` say; Zalo documents no other HTTP status at all, so everything else — HTML, half
an answer, a code that is no number — is `Uncertain`. Sources: Zalo, "Mã lỗi OA", "ZNS error codes",
"Giới hạn tốc độ API".
"""

from __future__ import annotations

import json
import logging
import re
from datetime import datetime, time, timedelta
from typing import Any, Final

from pydantic_core import from_json

from worker.channels.zalo.codes import Answer, Host, Meaning, Period, Scope, look_up
from worker.domain.clock import to_vietnam
from worker.domain.outcome import Hold, Outcome, Refused, Sent, TryLater, Uncertain, Unreachable, Wait
from worker.wire.protocol import INVALID, NotSent, Reply, Result, Unknown

_log = logging.getLogger("hcc.zalo")

_OK: Final = 200
_ID_FIELD: Final = {Host.OPENAPI: "message_id", Host.BUSINESS: "msg_id"}
_ID: Final = re.compile(r"[!-~]{1,100}")  # real ones have 20 characters
_NUMBER: Final = re.compile(r"-?[0-9]{1,9}")  # fits the ledger's column
_TOO_LARGE: Final = 10**9  # does not
_HOLDS: Final = {
    Scope.PERSON: Hold.PERSON,
    Scope.TEMPLATE: Hold.TEMPLATE,
    Scope.OA: Hold.CHANNEL,
    Scope.APP: Hold.APP,
}

_HELD_BACK: Final = 1.0  # seconds: it was our own doing, no failure of the far side
_DAWN: Final = time(6)
_DUSK: Final = time(22)
_SPREAD: Final = 600.0  # seconds: those who wait for one moment do not all start in it
_CLOCKS_DIFFER: Final = 900.0  # "it is night", says Zalo, and our clock does not agree
_PAYING_TAKES: Final = 1800.0  # one refused call each half hour until somebody has paid
_REPAIR_TAKES: Final = 300.0  # seconds: one refused call each five minutes until a person has repaired the set-up


def read_send(host: Host, result: Result, *, now: datetime, jitter: float) -> Outcome:
    """The outcome of one send call. `now` knows its zone; `jitter` is a random number in [0, 1)."""
    match result:
        case Reply():
            return _read_reply(host, result, now, jitter)
        case NotSent(why, held_back=True):
            return Wait(why, _HELD_BACK)
        case NotSent(why):
            return TryLater(why, unreached=why != INVALID)
        case Unknown(why):
            return Uncertain(why)


def rate_headers(reply: Reply) -> tuple[int, int] | None:
    """`(X-RateLimit-Limit, X-RateLimit-Remain)` — sic, without "-ing" — where the reply has both as plain numbers."""
    said = reply.headers.get("x-ratelimit-limit"), reply.headers.get("x-ratelimit-remain")
    if None in said:
        return None
    limit, remain = map(_number, said)
    if limit is None or remain is None or limit < 0 or remain < 0:
        return None
    return limit, remain


def _read_reply(host: Host, reply: Reply, now: datetime, jitter: float) -> Outcome:
    if reply.status != _OK:
        return Uncertain(f"HTTP {reply.status} from {host}")
    answer = _object(reply.body)
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
    # What cannot be a message id must not reach the ledger as one: PostgreSQL's text takes no NUL, no half letters.
    if not isinstance(message_id, str) or not _ID.fullmatch(message_id):
        return Uncertain(f"accepted by {host} without a message id", code=0)
    return Sent(message_id)


def _outcome(row: Answer, code: int, now: datetime, jitter: float) -> Outcome:
    match row.meaning:
        case Meaning.LATER:
            return TryLater(row.reason, code)
        case Meaning.UNSTATED:
            # -200 "Send message failed", -100 "unknown error": nothing says that the person did not get it.
            return Uncertain(row.reason, code)
        case Meaning.RECIPIENT:
            return Unreachable(row.reason, code)
        case Meaning.REQUEST:
            return Refused(row.reason, code)
        case Meaning.UNKNOWN:
            _log.error("%s: the notice is parked; the code belongs into the table", row.reason)
            return Refused(row.reason, code)
        case Meaning.TOKEN:
            return Wait(row.reason, 0, Hold.TOKEN, code)
        case Meaning.RATE | Meaning.QUOTA | Meaning.NIGHT | Meaning.CONFIG | Meaning.GRANT:
            return Wait(row.reason, _seconds(row, now, jitter), _HOLDS[row.scope], code)


def _seconds(row: Answer, now: datetime, jitter: float) -> float:
    match row.meaning:
        case Meaning.RATE:
            return _until_next_minute(now) + jitter
        case Meaning.QUOTA:
            return _until_quota(row.period, now) + jitter * _SPREAD
        case Meaning.NIGHT:
            return _until_dawn(now) + jitter * _SPREAD
        case _:
            return _REPAIR_TAKES * (1 + jitter / 5)


def _until_next_minute(now: datetime) -> float:
    """The limit of calls is counted by the minute."""
    return 60 - now.second - now.microsecond / 1e6


def _until_quota(period: Period, now: datetime) -> float:
    """Zalo does not say when a quota is filled up again: midnight in Vietnam is assumed."""
    today = to_vietnam(now).replace(hour=0, minute=0, second=0, microsecond=0)
    match period:
        case Period.DAY:
            return (today + timedelta(days=1) - now).total_seconds()
        case Period.MONTH:
            return ((today.replace(day=1) + timedelta(days=32)).replace(day=1) - now).total_seconds()
        case Period.MONEY:
            return _PAYING_TAKES


def _until_dawn(now: datetime) -> float:
    here = to_vietnam(now)
    if _DAWN <= here.time() < _DUSK:
        return _CLOCKS_DIFFER
    dawn = here.replace(hour=6, minute=0, second=0, microsecond=0)
    return ((dawn if dawn > here else dawn + timedelta(days=1)) - here).total_seconds()


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        parsed = from_json(body)
    except ValueError:
        parsed = _read_patiently(body)
    return parsed if isinstance(parsed, dict) else None


def _read_patiently(body: bytes) -> object:
    """What a fast reader refuses may be JSON to a slower one: half a letter, another encoding."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):  # not JSON, not text, a number of a million digits; brackets without end
        return None


def _number(value: object) -> int | None:
    """A whole number as number or as text. True and 0.0 equal 1 and 0 in Python, but are no codes."""
    if type(value) is int:
        return value if -_TOO_LARGE < value < _TOO_LARGE else None
    return int(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else None
