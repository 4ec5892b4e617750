"""Which processes of ours run, as each says itself every half minute: for operators, who count connections by it.

Nothing decides by it: flushed, it is whole again within half a minute.
"""

from __future__ import annotations

import os
import platform
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from redis import Redis

from worker.queue.connection import PREFIX, QueueDown, door, open_redis
from worker.queue.sound import soundly

CHILD, BEAT, WEB = "child", "beat", "web"
ROLES = (CHILD, BEAT, WEB)

_SAY_SECONDS = 30.0
_TRUSTED_SECONDS = 120.0  # who has said nothing for longer has ended
_DIGITS = 12  # of a time; what is longer is none, and need not be counted with


@dataclass(frozen=True, slots=True)
class Process:
    """One that runs: `parent` tells the children of one worker from those of another on the same host."""

    host: str
    pid: int
    parent: int
    role: str


class ProcessBoard:
    """A hash with a field for each process: when it spoke last, by Redis' clock."""

    def __init__(self, redis: Redis, prefix: str = PREFIX) -> None:
        self._redis = redis
        self._key = f"{prefix}processes"

    def say(self, process: Process) -> None:
        """Say that this one runs. Raises `QueueDown`."""
        with door("tell which processes run"):
            field = f"{process.role} {process.pid} {process.parent} {process.host}"
            now = int(self._redis.time()[0])
            soundly(self._redis, lambda: self._redis.hset(self._key, field, now), {self._key: "hash"})

    def running(self) -> list[Process]:
        """Those that spoke lately; what is old or is not of ours is thrown away. Raises `QueueDown`."""
        with door("list the processes"):
            now = int(self._redis.time()[0])
            told = soundly(
                self._redis, lambda: cast("dict[str, str]", self._redis.hgetall(self._key)), {self._key: "hash"}
            )
            read = {field: _read(field) for field in told}
            fresh = {field for field, at in told.items() if _is_lately(at, now)}
            over = [field for field in told if field not in fresh or read[field] is None]
            if over:
                self._redis.hdel(self._key, *over)
        return _sorted(read, fresh)


def _is_lately(at: str, now: int) -> bool:
    return at.isdecimal() and len(at) <= _DIGITS and abs(now - int(at)) <= _TRUSTED_SECONDS


def _sorted(read: Mapping[str, Process | None], fresh: set[str]) -> list[Process]:
    return [process for field, process in sorted(read.items()) if process is not None and field in fresh]


def _read(field: str) -> Process | None:
    role, _, rest = field.partition(" ")
    pid, _, rest = rest.partition(" ")
    parent, _, host = rest.partition(" ")
    if role not in ROLES or not (pid.isdecimal() and parent.isdecimal() and host):
        return None
    return Process(host, int(pid), int(parent), role)


def announce(redis_url: str, role: str) -> threading.Thread:
    """Say again and again that this process runs, in a thread that ends with it; to be called after a fork."""
    thread = threading.Thread(target=_say_for_good, args=(ProcessBoard(open_redis(redis_url)), role), daemon=True)
    thread.start()
    return thread


def _say_for_good(board: ProcessBoard, role: str) -> None:
    while True:
        with suppress(QueueDown):
            board.say(Process(platform.node(), os.getpid(), os.getppid(), role))
        time.sleep(_SAY_SECONDS)
