"""What lies under our keys is ours only as long as it can be: whatever cannot be is thrown away, and made anew.

A hand, a bug or another program may have written there. Each key is a help whose loss is provided for (law 1), so
losing it is always better than a deed that fails for good. Two nets:

* the readers (Python and Lua) know the range of each number and the longest life of each key, and take what lies
  outside of it for nothing at all;
* what they cannot read at all (a list in the place of a hash, a script that stumbles over what it found) is caught
  here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from redis import Redis
from redis.exceptions import ResponseError

from worker.queue.connection import door
from worker.queue.refusals import refused

T = TypeVar("T")

KEY = "a key of ours in Redis that cannot be right"
VALUE = "a value of ours in Redis that cannot be right"

_GONE = -2  # Redis' word for a key that is not there
_OF_TYPES = ("WRONGTYPE",)
_OF_VALUES = ("attempt to ", "bad argument", "not an integer", "not a valid float", "value is not")


def soundly(redis: Redis, deed: Callable[[], T], kinds: Mapping[str, str]) -> T:
    """Do a deed on keys of ours, by name their Redis type; where what lies there makes it fail, once more without that.

    Raises what the deed raises for any other reason, and in the second try.
    """
    try:
        return deed()
    except ResponseError as fault:
        if not throw_away(redis, kinds, str(fault)):
            raise
    return deed()


def throw_away(redis: Redis, kinds: Mapping[str, str], why: str) -> bool:
    """Throw away what made a deed fail: the keys of a wrong type, or all where a value is wrong. Whether it was these.

    A key whose type is told as "none" goes with the others, whatever it is.
    """
    of_types = any(word in why for word in _OF_TYPES)
    if not of_types and not any(word in why for word in _OF_VALUES):
        return False
    redis.unlink(*(key for key, kind in kinds.items() if not of_types or redis.type(key) not in (kind, "none")))
    refused(KEY, what="thrown away")
    return True


def begin_anew(redis: Redis, key: str, seconds: float) -> bool:
    """Whether a key that is to stand for `seconds` would stand for longer, or for good; then it begins anew.

    Raises `QueueDown`.
    """
    with door("look how long a key stands"):
        left = int(redis.pttl(key))
        if left == _GONE or 0 <= left <= round(seconds * 1000):
            return False
        redis.set(key, 1, px=max(1, round(seconds * 1000)))
    refused(KEY, what="begun anew")
    return True
