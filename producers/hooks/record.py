"""Records the events of all waiting requests: one INSERT and one commit per OA, and only then the answer 200 to Zalo.

A request adds its event and waits. The writer collects events for a hundredth of a second, and the next ones collect
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

from ledger.base.sealing import Sealer
from ledger.zalo import inbox
from ledger.zalo.inbox import NewZaloEvent, Unapplied
from producers.hooks.event_words import EventWord
from producers.hooks.read import ZaloEvent

_GATHER_SECONDS = 0.002  # what comes while a batch is written gathers anyway; each event waits for this
_AT_ONCE = 500  # events per statement
_MOST_WAITING = 5000  # beyond this it is better that Zalo retries
_ONLY_COUNTED = frozenset({EventWord.NOTED, EventWord.UNKNOWN, EventWord.ODD})


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
        self._recorded = recorded  # called after each commit with new events to apply
        self._waiting: list[_Waiting] = []
        self._writer: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "hooks")

    async def record(self, oa: str, event: ZaloEvent) -> bool:
        """Returns, once the event is in the ledger, whether it was new. Raises the ledger's errors, or `Crowded`."""
        if len(self._waiting) >= _MOST_WAITING:
            raise Crowded
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(oa, self._seal(event), done))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        return await done

    async def close(self) -> None:
        """Write the events that still wait."""
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
            except Exception as fault:  # noqa: BLE001 (any error must reach the waiting requests)
                _fail(batch, fault)
                continue
            for one in batch:
                if not one.done.done():  # its request may have been cancelled meanwhile
                    one.done.set_result(one.key in new)
            if any(one.event.sealed is not None and one.key in new for one in batch):
                self._recorded()

    def _insert(self, batch: Sequence[_Waiting]) -> set[tuple[str, bytes]]:
        """One statement for each OA, committed by itself; after an error Zalo retries, which does no harm."""
        by_key = {one.key: one.event for one in batch}
        new: set[tuple[str, bytes]] = set()
        with self._ledger.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for oa, keys in groupby(sorted(by_key, key=itemgetter(0)), key=itemgetter(0)):  # in order of arrival
                recorded = inbox.record(connection, oa, [by_key[key] for key in keys])
                new |= {(oa, key) for key in recorded}
        return new


def _fail(batch: Sequence[_Waiting], fault: Exception) -> None:
    for one in batch:
        if not one.done.done():
            one.done.set_exception(fault)


def seal(event: ZaloEvent, sealer: Sealer) -> NewZaloEvent:
    """The event as the ledger stores it; one that is only counted is stored by name, without its content."""
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
    """The event as it was read on arrival. Raises `SealError`, and any error that a newer version's event causes."""
    content = json.loads(sealer.open(kept.sealed))
    content["message_ids"] = tuple(content.get("message_ids", ()))
    return ZaloEvent(kept.name, EventWord(kept.word), b"", kept.at, **content, number=kept.id)


def unseal_all(kept: Iterable[Unapplied], sealer: Sealer) -> tuple[list[ZaloEvent], dict[int, str]]:
    """The readable events, in their order, and the type of the fault of each other event, by its number."""
    events, faults = [], {}
    for one in kept:
        try:
            events.append(unseal(one, sealer))
        except Exception as fault:  # noqa: BLE001 (a newer key, word or shape; the type only, a text may hold anything)
            faults[one.id] = type(fault).__name__
    return events, faults
