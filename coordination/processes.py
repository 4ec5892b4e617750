"""Lists our running processes, each announced by itself every half minute; operators count connections by it.

No decision depends on it: after a flush it is complete again within half a minute.
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

from coordination.connection import PREFIX, QueueDown, open_redis, redis_errors
from coordination.sound import soundly

CHILD, BEAT, WEB, CONSOLE = "child", "beat", "web", "console"
ROLES = (CHILD, BEAT, WEB, CONSOLE)

_SAY_SECONDS = 30.0
_TRUSTED_SECONDS = 120.0  # a process silent for longer has ended
_DIGITS = 12  # of a time; a longer number is not a time and need not be parsed


@dataclass(frozen=True, slots=True)
class Process:
    """A running process: `parent` distinguishes the children of different workers on the same host."""

    host: str
    pid: int
    parent: int
    role: str


class ProcessBoard:
    """A hash with a field per process: when it last announced itself, by Redis' clock."""

    def __init__(self, redis: Redis, prefix: str = PREFIX) -> None:
        self._redis = redis
        self._key = f"{prefix}processes"

    def say(self, process: Process) -> None:
        """Announce that this process runs. Raises `QueueDown`."""
        with redis_errors("tell which processes run"):
            field = f"{process.role} {process.pid} {process.parent} {process.host}"
            now = int(self._redis.time()[0])
            soundly(self._redis, lambda: self._redis.hset(self._key, field, now), {self._key: "hash"})

    def running(self) -> list[Process]:
        """The recently announced processes; old and foreign entries are deleted. Raises `QueueDown`."""
        with redis_errors("list the processes"):
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
    """Announce this process repeatedly, in a thread that ends with it; call this after a fork."""
    thread = threading.Thread(target=_say_for_good, args=(ProcessBoard(open_redis(redis_url)), role), daemon=True)
    thread.start()
    return thread


def _say_for_good(board: ProcessBoard, role: str) -> None:
    while True:
        with suppress(QueueDown):
            board.say(Process(platform.node(), os.getpid(), os.getppid(), role))
        time.sleep(_SAY_SECONDS)
