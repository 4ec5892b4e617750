"""The schedule per OA of what waits for a time: a retry, the night, a quota, a hold. For operators, without the ledger.

It is a copy. A notice is sent because the ledger says that it is due, never because it stands here. What is past is not
told. What ended before its time (withdrawn, expired) is found by the sweeps, which compare pages of it with the ledger.
Where `missing` says so, it is made again from the ledger: after a flush, and once an hour.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import cast

from redis import Redis

from worker.queue.connection import PREFIX, door, lua_beside

_BUILT_SECONDS = 3600
_PAGE = 1000  # entries a round trip


@dataclass(frozen=True, slots=True)
class Retry:
    """A notice that waits for its time, with what operators ask about it. Times are UTC, `fresh_at` begins its age."""

    id: int
    due_at: datetime
    fresh_at: datetime
    event_key: str
    kind: str
    reason: str | None
    code: int | None
    attempts: int


class Schedule:
    """What is to be tried again, and when."""

    def __init__(self, redis: Redis, prefix: str = PREFIX) -> None:
        self._redis = redis
        self._prefix = prefix
        self._take_due = redis.register_script(lua_beside(__file__))

    def put(self, oa: str, entries: Iterable[Retry]) -> None:
        """Add `entries`; a notice that is there already moves to its new time. Raises `QueueDown`."""
        due, told, _ = self._keys(oa)
        with door("schedule retries"):
            for page in _pages(entries):
                pipeline = self._redis.pipeline()
                pipeline.zadd(due, {str(entry.id): entry.due_at.timestamp() for entry in page})
                pipeline.hset(told, mapping={str(entry.id): _to_json(entry) for entry in page})
                pipeline.execute()

    def remove(self, oa: str, ids: Sequence[int]) -> None:
        """Take notices out that will not be tried again, or not on time; some may not be in. Raises `QueueDown`."""
        due, told, _ = self._keys(oa)
        if ids:
            with door("take retries out of the schedule"):
                pipeline = self._redis.pipeline()
                pipeline.zrem(due, *ids)
                pipeline.hdel(told, *map(str, ids))
                pipeline.execute()

    def due(self, oa: str, most: int) -> list[int]:
        """Take out and return up to `most` notices whose time has come; each goes to one caller. Raises `QueueDown`."""
        due, told, _ = self._keys(oa)
        with door("take due retries"):
            return [int(notice) for notice in cast("list[str]", self._take_due([due, told], [most]))]

    def next_due(self, oa: str) -> float | None:
        """Seconds until the next retry, 0 if one is due, None if there is none. Raises `QueueDown`."""
        due, _, _ = self._keys(oa)
        with door("tell the next retry"):
            first = cast("list[tuple[str, float]]", self._redis.zrange(due, 0, 0, withscores=True))
            seconds, micros = map(int, self._redis.time())
        return max(0.0, first[0][1] - seconds - micros / 1e6) if first else None

    def page(self, oa: str, offset: int, count: int) -> list[Retry]:
        """Of those whose time lies ahead `count` from the `offset`-th on, by time. Raises `QueueDown`."""
        due, told, _ = self._keys(oa)
        with door("list retries"):
            ids = cast("list[str]", self._redis.zrangebyscore(due, *self._ahead(), offset, count)) if count > 0 else []
            texts = cast("list[str | None]", self._redis.hmget(told, ids)) if ids else []
        return [_from_json(text) for text in texts if text]  # one taken in between is not there any more

    def ids(self, oa: str, offset: int, count: int) -> list[int]:
        """`count` ids from the `offset`-th entry on, past ones included. Raises `QueueDown`."""
        with door("list retries"):
            found = cast("list[str]", self._redis.zrange(self._keys(oa)[0], offset, offset + count - 1))
        return [int(notice) for notice in found]

    def count_ahead(self, oa: str) -> int:
        """How many have their time ahead. Raises `QueueDown`."""
        with door("count retries"):
            return int(self._redis.zcount(self._keys(oa)[0], *self._ahead()))

    def sizes(self, oas: Sequence[str]) -> dict[str, int]:
        """How many entries there are, past ones included, of those OAs that have some. Raises `QueueDown`."""
        pipeline = self._redis.pipeline(transaction=False)
        for oa in oas:
            pipeline.zcard(self._keys(oa)[0])
        with door("count retries"):
            counts = pipeline.execute() if oas else []
        return {oa: count for oa, count in zip(oas, counts, strict=True) if count}

    def count(self, oa: str) -> int:
        """How many entries there are, past ones included. Raises `QueueDown`."""
        due, _, _ = self._keys(oa)
        with door("count retries"):
            return self._redis.zcard(due)

    def replace(self, oa: str, entries: Iterable[Retry]) -> None:
        """Make the schedule anew, a page at a time (`entries` may be a cursor over a million). Raises `QueueDown`.

        Two at once, or one that dies half-way, end in the same schedule: the mark that it is complete comes last.
        """
        due, told, built = self._keys(oa)
        with door("make the schedule anew"):
            self._redis.delete(due, told, built)
            self.put(oa, entries)
            self._redis.set(built, 1, ex=_BUILT_SECONDS)

    def missing(self, oas: Sequence[str]) -> list[str]:
        """Those whose schedule must be made anew: flushed, never made, or not for an hour. Raises `QueueDown`."""
        with door("look for the schedule"):
            found = cast("list[str | None]", self._redis.mget([self._keys(oa)[2] for oa in oas])) if oas else []
        return [oa for oa, built in zip(oas, found, strict=True) if built is None]

    def _ahead(self) -> tuple[str, str]:
        """The bounds of what lies ahead, by the server's clock."""
        seconds, micros = map(int, self._redis.time())
        return f"({seconds}.{micros:06}", "+inf"

    def _keys(self, oa: str) -> tuple[str, str, str]:
        key = f"{self._prefix}retries:{oa}"
        return key, f"{key}:told", f"{key}:built"


def _pages(entries: Iterable[Retry]) -> Iterator[list[Retry]]:
    rest = iter(entries)
    while page := list(islice(rest, _PAGE)):
        yield page


def _to_json(entry: Retry) -> str:
    """A list in the order of the fields: a million of them are made anew after a flush."""
    return json.dumps(
        [
            entry.id, entry.due_at.timestamp(), entry.fresh_at.timestamp(), entry.event_key, entry.kind, entry.reason,
            entry.code, entry.attempts,
        ],
        ensure_ascii=False,
    )  # fmt: skip


def _from_json(text: str) -> Retry:
    notice, due_at, fresh_at, *rest = json.loads(text)
    return Retry(notice, datetime.fromtimestamp(due_at, UTC), datetime.fromtimestamp(fresh_at, UTC), *rest)
