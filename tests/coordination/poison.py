"""Random poison for our keys in Redis: another type, another value, no expiry, a field or the whole of it gone."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress

from redis import Redis
from redis.exceptions import ResponseError

VALUES = (
    "", "nan", "inf", "-1", "1e308", "99999999999999999999999", "4102444800000000", "none", "[]", "{}", "[[[[", "\0ÿ",
    "4102444800000000:315360000000000:for ever", "9:9:9", "a:b", "!", "1,2,x", "true", '["x"]', "[1e999,1]",
)  # fmt: skip
TYPES: dict[str, Callable[[Redis, str], object]] = {
    "string": lambda redis, key: redis.set(key, "x"),
    "hash": lambda redis, key: redis.hset(key, "x", "y"),
    "list": lambda redis, key: redis.rpush(key, "x"),
    "set": lambda redis, key: redis.sadd(key, "x"),
    "zset": lambda redis, key: redis.zadd(key, {"x": 4e12}),
}


def poison(redis: Redis, draw: random.Random) -> str:
    """Spoil one of the keys that there are; tells how."""
    key = draw.choice(sorted(redis.keys("hcc:*")))
    kind, value = redis.type(key), draw.choice(VALUES)
    how = draw.choice(("type", "delete", "value", "value", "value", "expiry"))
    if how == "type":
        redis.delete(key)
        TYPES[draw.choice(sorted(TYPES))](redis, key)
    elif how == "delete" and kind == "hash":
        redis.hdel(key, draw.choice(sorted(redis.hkeys(key))))
    elif how == "delete":
        redis.delete(key)
    elif how == "expiry":
        redis.persist(key)
    elif kind == "hash":
        redis.hset(key, draw.choice([*sorted(redis.hkeys(key)), "x"]), value)
    elif kind == "list":
        with suppress(ResponseError):  # its last message was taken meanwhile
            (redis.lset if draw.random() < 0.5 else lambda k, _, v: redis.rpush(k, v))(key, 0, value)
    elif kind == "zset":
        redis.zadd(key, {draw.choice([*redis.zrange(key, 0, -1), value]): draw.choice((4e12, float("inf"), -1.0))})
    else:
        redis.set(key, value)
    return f"{key} {kind} {how} {value!r}"
