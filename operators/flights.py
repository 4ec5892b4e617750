"""Questions that many ask at once are asked once: who comes while one is under way waits for its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web


class Flights:
    """Blocking work by name, each in a thread, and never twice at the same time."""

    def __init__(self) -> None:
        self._under_way: dict[str, asyncio.Task[Any]] = {}

    async def join(self, name: str, work: Callable[..., Any], *arguments: object) -> Any:
        """The answer of the work that is under way under this name, or of one that begins now."""
        flight = self._under_way.get(name)
        if flight is None or flight.done():
            flight = self._under_way[name] = asyncio.create_task(asyncio.to_thread(work, *arguments))
        return await asyncio.shield(flight)


FLIGHTS = web.AppKey("flights", Flights)
