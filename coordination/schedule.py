"""Schedule, per OA, of notices that wait for a time: a retry, the night, a quota, a hold. Operators read it.

It answers without the ledger, and it is a copy: a notice is sent because it is due in the ledger, never because it is
here. Past entries are not shown. The sweeps compare pages with the ledger, and so find notices that ended early
(withdrawn, expired). If `missing` reports an OA, its schedule is rebuilt from the ledger: after a flush, and hourly.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import TypeVar, cast

from redis import Redis

from coordination.connection import PREFIX, lua_beside, redis_errors
from coordination.refusals import refused
from coordination.sound import KEY, VALUE, soundly

T = TypeVar("T")

_BUILT_SECONDS = 3600
_CLOCKS_DIFFER = 600.0  # seconds
_PAGE = 1000  # entries per round trip


@dataclass(frozen=True, slots=True)
class Retry:
    """A notice that waits for its time, with details for operators. Times are UTC; its age counts from `fresh_at`."""

    id: int
    due_at: datetime
    fresh_at: datetime
    event_key: str
    kind: str
    reason: str | None
    code: int | None
    attempts: int


class Schedule:
    """The notices to be tried again, by OA and time."""

    def __init__(self, redis: Redis, prefix: str = PREFIX) -> None:
        self._redis = redis
        self._prefix = prefix
        self._take_due = redis.register_script(lua_beside(__file__))

    def put(self, oa: str, entries: Iterable[Retry]) -> None:
        """Add `entries`; an existing notice moves to its new time. Raises `QueueDown`."""
        due, told, _ = self._keys(oa)
        with redis_errors("schedule retries"):
            for page in _pages(entries):
                self._soundly(oa, partial(self._put, due, told, page))

    def _put(self, due: str, told: str, page: Sequence[Retry]) -> None:
        pipeline = self._redis.pipeline()
        pipeline.zadd(due, {str(entry.id): entry.due_at.timestamp() for entry in page})
        pipeline.hset(told, mapping={str(entry.id): _to_json(entry) for entry in page})
        pipeline.execute()

    def remove(self, oa: str, ids: Sequence[int]) -> None:
        """Remove notices that will not be tried again, or not on time; unknown ids are ignored. Raises `QueueDown`."""
        due, told, _ = self._keys(oa)
        if ids:
            with redis_errors("take retries out of the schedule"):
                self._soundly(oa, partial(self._remove, due, told, ids))

    def _remove(self, due: str, told: str, ids: Sequence[int]) -> None:
        pipeline = self._redis.pipeline()
        pipeline.zrem(due, *ids)
        pipeline.hdel(told, *map(str, ids))
        pipeline.execute()

    def due(self, oa: str, most: int) -> list[int]:
        """Remove and return up to `most` due notices; each is returned to one caller only. Raises `QueueDown`."""
        due, told, _ = self._keys(oa)
        with redis_errors("take due retries"):
            taken = self._soundly(oa, lambda: cast("list[str]", self._take_due([due, told], [most])))
        return [int(notice) for notice in taken if _is_id(notice)]

    def page(self, oa: str, offset: int, count: int) -> list[Retry]:
        """`count` future entries from the `offset`-th on, ordered by time. Raises `QueueDown`."""
        due, told, _ = self._keys(oa)
        with redis_errors("list retries"):
            texts = self._soundly(oa, partial(self._texts, due, told, offset, count))
            read = [_from_json(text) for text in texts if text]  # empty if the entry was taken in between
            if None in read:
                refused(VALUE, what="the schedule is made anew")
                self._redis.delete(self._keys(oa)[2])
        return [retry for retry in read if retry is not None]

    def _texts(self, due: str, told: str, offset: int, count: int) -> list[str | None]:
        ids = cast("list[str]", self._redis.zrangebyscore(due, *self._ahead(), offset, count)) if count > 0 else []
        return cast("list[str | None]", self._redis.hmget(told, ids)) if ids else []

    def ids(self, oa: str, offset: int, count: int) -> list[int]:
        """`count` ids from the `offset`-th entry on, past ones included. Raises `QueueDown`."""
        with redis_errors("list retries"):
            found = self._soundly(
                oa, lambda: cast("list[str]", self._redis.zrange(self._keys(oa)[0], offset, offset + count - 1))
            )
        return [int(notice) for notice in found if _is_id(notice)]

    def count_ahead(self, oa: str) -> int:
        """The number of future entries. Raises `QueueDown`."""
        with redis_errors("count retries"):
            return self._soundly(oa, lambda: int(self._redis.zcount(self._keys(oa)[0], *self._ahead())))

    def sizes(self, oas: Sequence[str]) -> dict[str, int]:
        """The number of entries, past ones included, of each OA that has any. Raises `QueueDown`.

        A key of a wrong type counts as empty: the next write to it detects that.
        """
        pipeline = self._redis.pipeline(transaction=False)
        for oa in oas:
            pipeline.zcard(self._keys(oa)[0])
        with redis_errors("count retries"):
            counts = pipeline.execute(raise_on_error=False) if oas else []
        return {oa: count for oa, count in zip(oas, counts, strict=True) if isinstance(count, int) and count}

    def count(self, oa: str) -> int:
        """The number of entries, past ones included. Raises `QueueDown`."""
        due, _, _ = self._keys(oa)
        with redis_errors("count retries"):
            return self._soundly(oa, lambda: self._redis.zcard(due))

    def replace(self, oa: str, entries: Iterable[Retry]) -> None:
        """Rebuild the schedule page by page (`entries` may be a cursor over a million rows). Raises `QueueDown`.

        Two concurrent rebuilds, or one that dies half-way, end in the same schedule: its completion mark comes last.
        """
        due, told, built = self._keys(oa)
        with redis_errors("make the schedule anew"):
            self._redis.delete(due, told, built)
            self.put(oa, entries)
            self._redis.set(built, int(time.time()) + _BUILT_SECONDS, ex=_BUILT_SECONDS)

    def missing(self, oas: Sequence[str]) -> list[str]:
        """The OAs whose schedule must be rebuilt: flushed, never made, older than an hour, or overwritten by others.

        It takes one command for all OAs. Raises `QueueDown`.
        """
        with redis_errors("look for the schedule"):
            found = cast("list[str | None]", self._redis.mget([self._keys(oa)[2] for oa in oas])) if oas else []
        marks = dict(zip(oas, found, strict=True))
        if any(mark is not None and not _is_standing(mark) for mark in marks.values()):
            refused(KEY, what="the schedule is made anew")
        return [oa for oa, mark in marks.items() if mark is None or not _is_standing(mark)]

    def _soundly(self, oa: str, deed: Callable[[], T]) -> T:
        """Run `deed`. Invalid data is deleted with the completion mark, so the next sweep rebuilds the schedule."""
        due, told, built = self._keys(oa)
        return soundly(self._redis, deed, {due: "zset", told: "hash", built: "none"})

    def _ahead(self) -> tuple[str, str]:
        """The score bounds of future entries, by the server's clock."""
        seconds, micros = map(int, self._redis.time())
        return f"({seconds}.{micros:06}", "+inf"

    def _keys(self, oa: str) -> tuple[str, str, str]:
        key = f"{self._prefix}retries:{oa}"
        return key, f"{key}:told", f"{key}:built"


def _is_standing(mark: str) -> bool:
    """Whether the mark's time shows a complete schedule; a time too far ahead does not count."""
    until = int(mark) if _is_id(mark) else 0
    return abs(until - time.time() - _BUILT_SECONDS / 2) < _BUILT_SECONDS / 2 + _CLOCKS_DIFFER


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and int(text) < 2**63


def _pages(entries: Iterable[Retry]) -> Iterator[list[Retry]]:
    rest = iter(entries)
    while page := list(islice(rest, _PAGE)):
        yield page


def _to_json(entry: Retry) -> str:
    """Encode as a list in field order, for speed: after a flush a million are written."""
    return json.dumps(
        [
            entry.id, entry.due_at.timestamp(), entry.fresh_at.timestamp(), entry.event_key, entry.kind, entry.reason,
            entry.code, entry.attempts,
        ],
        ensure_ascii=False,
    )  # fmt: skip


def _from_json(text: str) -> Retry | None:
    """Decode an entry; None if it is not ours."""
    try:
        notice, due_at, fresh_at, event_key, kind, reason, code, attempts = json.loads(text)
        moments = datetime.fromtimestamp(due_at, UTC), datetime.fromtimestamp(fresh_at, UTC)
    except (ValueError, TypeError, OverflowError, OSError, RecursionError):
        return None
    sound = (
        type(notice) is type(attempts) is int
        and isinstance(event_key, str)
        and isinstance(kind, str)
        and isinstance(reason, str | None)
        and isinstance(code, int | None)
    )
    return Retry(notice, *moments, event_key, kind, reason, code, attempts) if sound else None
