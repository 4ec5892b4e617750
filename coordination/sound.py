"""Protects against invalid data under our Redis keys: it is deleted, and then made again.

A person, a bug or another program may have written it. The loss of any key is provided for (law 1), so losing one is
always better than an operation that fails for good. There are two safety nets:

* The readers (Python and Lua) know the range of each number and the maximum life of each key, and ignore values outside
  of it.
* Data that they cannot read at all (a list instead of a hash, a value on which a script fails) is handled here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from redis import Redis
from redis.exceptions import ResponseError

from coordination.connection import redis_errors
from coordination.refusals import refused

T = TypeVar("T")

KEY = "a key of ours in Redis that cannot be right"
VALUE = "a value of ours in Redis that cannot be right"

_GONE = -2  # Redis' PTTL of a key that does not exist
_OF_TYPES = ("WRONGTYPE",)
_OF_VALUES = ("attempt to ", "bad argument", "not an integer", "not a valid float", "value is not")


def soundly(redis: Redis, deed: Callable[[], T], kinds: Mapping[str, str]) -> T:
    """Run `deed` on our keys (`kinds`: key → Redis type); if invalid data makes it fail, delete that and retry once.

    Raises the deed's error if it has any other cause, or if the retry fails.
    """
    try:
        return deed()
    except ResponseError as fault:
        if not throw_away(redis, kinds, str(fault)):
            raise
    return deed()


def throw_away(redis: Redis, kinds: Mapping[str, str], why: str) -> bool:
    """Delete the data that made a deed fail: keys of a wrong type, or all keys if a value is wrong.

    Returns whether invalid data was the cause. A key of kind "none" is deleted with the others, whatever its type.
    """
    of_types = any(word in why for word in _OF_TYPES)
    if not of_types and not any(word in why for word in _OF_VALUES):
        return False
    redis.unlink(*(key for key, kind in kinds.items() if not of_types or redis.type(key) not in (kind, "none")))
    refused(KEY, what="thrown away")
    return True


def begin_anew(redis: Redis, key: str, seconds: float) -> bool:
    """Restart the life of a key that would outlive its `seconds`, or never expire; return whether it did.

    Raises `QueueDown`.
    """
    with redis_errors("look how long a key stands"):
        left = int(redis.pttl(key))
        if left == _GONE or 0 <= left <= round(seconds * 1000):
            return False
        redis.set(key, 1, px=max(1, round(seconds * 1000)))
    refused(KEY, what="begun anew")
    return True
