"""Runs the process: two sockets, a ready file, an orderly end."""

import asyncio
import json
import os
import signal
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from sandbox.zalo.api import Api
from sandbox.zalo.control import Control
from sandbox.zalo.door import Door
from sandbox.zalo.world import World

LOOPBACK = "127.0.0.1"
PARENT_CHECKED_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Place:
    """Where to listen (port 0: any free one), the ready file, and the parent to end with (0: none)."""

    host: str = LOOPBACK
    port: int = 0
    control_host: str = LOOPBACK
    control_port: int = 0
    ready: Path | None = None
    parent: int = 0


async def run(world: World, place: Place) -> None:
    """Serve until SIGTERM or SIGINT, or until the parent has ended."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    door = Door(web.Server(Api(world).handle, access_log=None), world, place.host, place.port)
    runner = web.AppRunner(Control(world, door).app(), access_log=None, shutdown_timeout=0)
    await runner.setup()
    control = web.TCPSite(runner, place.control_host, place.control_port)
    await control.start()
    await door.open()
    if place.ready:
        _announce(place.ready, place, door.port, control.port)
    while not ended.is_set() and _is_alive(place.parent):
        await _wait(ended, PARENT_CHECKED_SECONDS if place.parent else None)
    await door.close()
    await runner.cleanup()


def _announce(ready: Path, place: Place, port: int, control_port: int) -> None:
    """Write the ready file atomically, so that a reader never sees half of it."""
    facts = {
        "api_url": f"http://{place.host}:{port}",
        "control_url": f"http://{place.control_host}:{control_port}",
        "pid": os.getpid(),
    }
    draft = ready.with_name(f".{ready.name}.{os.getpid()}")
    draft.write_text(json.dumps(facts), encoding="utf-8")
    draft.replace(ready)


def _is_alive(parent: int) -> bool:
    """Whether the parent lives: an orphan gets another parent.

    A parent death signal would come too early, when the starting thread ends.
    """
    return not parent or os.getppid() == parent


async def _wait(ended: asyncio.Event, seconds: float | None) -> None:
    try:
        await asyncio.wait_for(ended.wait(), seconds)
    except TimeoutError:
        return
