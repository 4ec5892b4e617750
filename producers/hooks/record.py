"""Recording events for all requests that wait: one INSERT an OA, one commit, and only then Zalo hears 200.

A request adds its event and waits. The writer lets them gather for a hundredth of a second, and the next ones gather
while it writes: a commit costs as much for a handful as for one.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Engine

from producers.hooks.read import ZaloEvent
from producers.hooks.words import Word
from worker.ledger import inbox
from worker.ledger.inbox import NewZaloEvent, Unapplied
from worker.ledger.sealing import Sealer

_GATHER_SECONDS = 0.01
_AT_ONCE = 500  # events a statement
_MOST_WAITING = 5000  # then it is better to be told to come again
_ONLY_COUNTED = frozenset({Word.NOTED, Word.UNKNOWN, Word.ODD})


class Crowded(Exception):  # noqa: N818 (a state of the world: the ledger does not keep up)
    """More requests wait than can be served in Zalo's two seconds."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    oa: str
    event: NewZaloEvent
    done: asyncio.Future[bool]

    @property
    def key(self) -> tuple[str, bytes]:
        return self.oa, self.event.key


class Recorder:
    """Records events from one asyncio loop; blocking work is done in a thread of its own."""

    def __init__(
        self, ledger: Engine, *, seal: Callable[[ZaloEvent], NewZaloEvent], recorded: Callable[[], None]
    ) -> None:
        self._ledger = ledger
        self._seal = seal
        self._recorded = recorded  # told after each commit that brought something new to apply
        self._waiting: list[_Waiting] = []
        self._writer: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "hooks")

    async def record(self, oa: str, event: ZaloEvent) -> bool:
        """Returns once the event is in the ledger: whether it was new. Raises what the ledger raises, or `Crowded`."""
        if len(self._waiting) >= _MOST_WAITING:
            raise Crowded
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(oa, self._seal(event), done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        return await done

    async def close(self) -> None:
        """Write what still waits."""
        if self._writer is not None:
            await self._writer
        self._thread.shutdown()

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            await asyncio.sleep(_GATHER_SECONDS)
            batch, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
            try:
                new = await loop.run_in_executor(self._thread, self._insert, batch)
            except Exception as fault:  # noqa: BLE001 (whatever it is, those who wait must hear of it)
                _fail(batch, fault)
                continue
            for one in batch:
                if not one.done.done():  # its request may have been cut off meanwhile
                    one.done.set_result(one.key in new)
            if any(one.event.sealed is not None and one.key in new for one in batch):
                self._recorded()

    def _insert(self, batch: Sequence[_Waiting]) -> set[tuple[str, bytes]]:
        """One statement for each OA, committed by itself; who is told of a fault comes again, and does no harm."""
        by_key = {one.key: one.event for one in batch}
        new: set[tuple[str, bytes]] = set()
        with self._ledger.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for oa, keys in groupby(sorted(by_key, key=itemgetter(0)), key=itemgetter(0)):  # each OA's as they came
                recorded = inbox.record(connection, oa, [by_key[key] for key in keys])
                new |= {(oa, key) for key in recorded}
        return new


def _fail(batch: Sequence[_Waiting], fault: Exception) -> None:
    for one in batch:
        if not one.done.done():
            one.done.set_exception(fault)


def seal(event: ZaloEvent, sealer: Sealer) -> NewZaloEvent:
    """The event as the ledger keeps it: of what needs no more than counting, only the name."""
    if event.word in _ONLY_COUNTED:
        return NewZaloEvent(event.key, event.name, event.word, event.at, None)
    content: dict[str, Any] = {
        "user_id": event.user_id,
        "phone": event.phone,
        "text": event.text,
        "message_ids": event.message_ids,
        "mark": event.mark,
    }
    sealed = sealer.seal(json.dumps({name: value for name, value in content.items() if value}))
    return NewZaloEvent(event.key, event.name, event.word, event.at, sealed)


def unseal(kept: Unapplied, sealer: Sealer) -> ZaloEvent:
    """The event as it was read at the door. Raises `SealError`, and whatever a newer version's event makes it raise."""
    content = json.loads(sealer.open(kept.sealed))
    content["message_ids"] = tuple(content.get("message_ids", ()))
    return ZaloEvent(kept.name, Word(kept.word), b"", kept.at, **content, number=kept.id)


def unseal_all(kept: Iterable[Unapplied], sealer: Sealer) -> tuple[list[ZaloEvent], dict[int, str]]:
    """The events that can be read, in their order, and by the number of each other one the type of its fault."""
    events, faults = [], {}
    for one in kept:
        try:
            events.append(unseal(one, sealer))
        except Exception as fault:  # noqa: BLE001 (a newer key, word or shape; the type only, a text may hold anything)
            faults[one.id] = type(fault).__name__
    return events, faults
