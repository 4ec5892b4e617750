"""Coalesces concurrent identical requests: a caller that arrives while one is running waits for its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web


class Flights:
    """Blocking work by name, each in a thread; the same name never runs twice at the same time."""

    def __init__(self) -> None:
        self._under_way: dict[str, asyncio.Task[Any]] = {}

    async def join(self, name: str, work: Callable[..., Any], *arguments: object) -> Any:
        """The answer of the work that runs under this name; starts it if none runs."""
        flight = self._under_way.get(name)
        if flight is None or flight.done():
            flight = self._under_way[name] = asyncio.create_task(asyncio.to_thread(work, *arguments))
        return await asyncio.shield(flight)


FLIGHTS = web.AppKey("flights", Flights)
