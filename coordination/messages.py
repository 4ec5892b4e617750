"""Validates messages of the queues: only our own bells are accepted. Pure; never raises.

Otherwise anybody who can write to the broker could end a worker with undecodable bytes, or make it run more than bells:
Celery's own tasks, callbacks, chains, a time limit of a millisecond, or an `eta` ten years ahead, which a worker keeps
on top of its prefetch for as long. So the tasks are a closed table with typed arguments, and every header that Celery
knows must have a value as in our own bells.

    envelope (Redis only: kombu's wrapper of a message) → headers → body
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from config.celeryconfig import LIMIT_SECONDS, ROUTES, SOFT_LIMIT_SECONDS

HOPS = 3
"""The maximum of hops: enough for a call for help to find a free process among four."""

_LONGEST = 64 * 1024  # bytes; a bell has less than 2,000
_LONGEST_NOTE = 1024  # characters of a description of arguments or of the sender
_FIRST_YEAR, _LAST_YEAR = 2000, 2200
_PARTS = 3  # of a body: positional arguments, keyword arguments, and what Celery would do afterwards
_WORD = re.compile(r"[\w.@:+-]{1,255}", re.ASCII)
_OA = re.compile(r"[\w-]{1,64}", re.ASCII)


class MessageFault(StrEnum):
    """Why a message is dropped."""

    BYTES = "it cannot be decoded"
    ENVELOPE = "its envelope is not kombu's"
    TASK = "it is for no task of ours"
    HEADER = "a header is not as bells have it"
    ARGUMENTS = "its arguments are not those of the task"


def _is_oa(value: object) -> bool:
    return isinstance(value, str) and bool(_OA.fullmatch(value))


def _is_hops(value: object) -> bool:
    return type(value) is int and 0 <= value <= HOPS


_ARGUMENTS: Mapping[str, tuple[Callable[[object], bool], ...]] = {
    **dict.fromkeys(ROUTES, ()),
    "worker.deliver": (_is_oa, _is_hops),
}
_NEEDED = {"worker.deliver": 1}  # number of required arguments; none for all other tasks


def _is_word(value: object) -> bool:
    return isinstance(value, str) and bool(_WORD.fullmatch(value))


def _is_word_or_nothing(value: object) -> bool:
    return value is None or _is_word(value)


def _is_short(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST_NOTE


def _is_end(value: object) -> bool:
    """None, or a time with a zone and a year that any zone conversion can represent."""
    if value is None:
        return True
    try:
        read = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return False
    return read is not None and read.tzinfo is not None and _FIRST_YEAR <= read.year <= _LAST_YEAR


def _is_empty(value: object) -> bool:
    return value in (None, [], {})


_HEADERS: Mapping[str, Callable[[object], bool]] = {
    "lang": lambda value: value == "py",
    "id": _is_word,
    "root_id": _is_word_or_nothing,
    "parent_id": _is_word_or_nothing,
    "origin": _is_short,
    "argsrepr": _is_short,
    "kwargsrepr": _is_short,
    "expires": _is_end,
    "ignore_result": lambda value: isinstance(value, bool | None),
    "redelivered": lambda value: isinstance(value, bool),
    "celery_beat_task": lambda value: isinstance(value, bool),
    "retries": lambda value: type(value) is int and value == 0,
    "replaced_task_nesting": lambda value: type(value) is int and value == 0,
    "timelimit": lambda value: value in ([None, None], [LIMIT_SECONDS, SOFT_LIMIT_SECONDS]),
    **dict.fromkeys(("shadow", "eta", "group", "group_index", "stamped_headers", "stamps"), _is_empty),
}
_REQUIRED = ("id", "task")
_EMBEDDED = {"callbacks", "errbacks", "chain", "chord"}


def fault_of(headers: object, body: object, content_type: object) -> MessageFault | None:
    """The fault of a message; None if it is one of our bells."""
    if not isinstance(headers, dict) or any(name not in headers for name in _REQUIRED):
        return MessageFault.TASK
    task = headers["task"]
    if not isinstance(task, str) or task not in _ARGUMENTS:
        return MessageFault.TASK
    if not all(_is_sound(name, value) for name, value in headers.items() if name != "task"):
        return MessageFault.HEADER
    if content_type != "application/json" or not isinstance(body, str | bytes) or len(body) > _LONGEST:
        return MessageFault.BYTES
    read = _json(body)
    return MessageFault.BYTES if read is None else _fault_of_body(task, read)


def _is_sound(name: object, value: object) -> bool:
    """Whether a header is valid. RabbitMQ counts deliveries in its own headers, which begin with x-."""
    if not isinstance(name, str):
        return False
    if name.startswith("x-"):
        return type(value) is int
    return name in _HEADERS and _HEADERS[name](value)


def _fault_of_body(task: str, body: object) -> MessageFault | None:
    if not isinstance(body, list) or len(body) != _PARTS:
        return MessageFault.ARGUMENTS
    args, kwargs, embedded = body
    if not isinstance(embedded, dict) or embedded.keys() - _EMBEDDED or any(embedded.values()):
        return MessageFault.HEADER
    checks = _ARGUMENTS[task]
    if kwargs != {} or not isinstance(args, list) or not _NEEDED.get(task, 0) <= len(args) <= len(checks):
        return MessageFault.ARGUMENTS
    return None if all(check(value) for check, value in zip(checks, args, strict=False)) else MessageFault.ARGUMENTS


def envelope(item: bytes | str) -> dict[str, Any] | MessageFault:
    """Decode kombu's envelope of a message on Redis; return it if kombu can process it safely, otherwise its fault."""
    read = _json(item)
    if read is None:
        return MessageFault.BYTES
    if not isinstance(read, dict) or not isinstance(properties := read.get("properties"), dict):
        return MessageFault.ENVELOPE
    where = properties.get("delivery_info")
    sound = (
        isinstance(where, dict)
        and (where.get("exchange") == "" or _is_word(where.get("exchange")))
        and _is_word(where.get("routing_key"))
        and _is_word(properties.get("delivery_tag"))
        and all(isinstance(value, str | int | None) for name, value in properties.items() if name != "delivery_info")
        and read.get("content-encoding") == "utf-8"
        and properties.get("body_encoding") == "base64"
    )
    if not sound:
        return MessageFault.ENVELOPE
    try:
        body = base64.b64decode(read.get("body") or "", validate=True)
    except (ValueError, TypeError):
        return MessageFault.BYTES
    return fault_of(read.get("headers"), body, read.get("content-type")) or read


def _json(raw: bytes | str) -> Any:
    """The decoded JSON; None if it cannot be decoded."""
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):  # not JSON, not UTF-8, a number of a million digits; nesting too deep
        return None
