"""The listener of the first socket: it can be shut (connections refused, open ones reset) and reopened on its port."""

import asyncio
import socket

from aiohttp import web

from sandbox.network.resets import reset
from sandbox.zalo.world import World

BACKLOG = 4096


class Door:
    """The door. A second socket is bound to the port and never listens: it keeps the port while the door is shut."""

    def __init__(self, server: web.Server, world: World, host: str, port: int) -> None:
        self._server = server
        self._world = world
        self._host = host
        self._keeper = _bound(host, port)
        self.port: int = self._keeper.getsockname()[1]
        self._listening: asyncio.Server | None = None
        self._opening = asyncio.Lock()
        self._reopening: asyncio.TimerHandle | None = None
        self._background: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        self._forget_reopening()
        async with self._opening:
            if self._listening is None:
                loop = asyncio.get_running_loop()
                self._listening = await loop.create_server(
                    self._connect, sock=_bound(self._host, self.port), backlog=BACKLOG
                )

    def shut(self, seconds: float | None = None) -> None:
        """Shut the door at once; reopen it after so many seconds, or by `open`."""
        self._forget_reopening()
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        for connection in self._server.connections:
            if connection.transport is not None:
                reset(connection.transport)
        if seconds is not None:
            self._reopening = asyncio.get_running_loop().call_later(seconds, self._reopen)

    async def close(self) -> None:
        """Close the door for good."""
        self.shut()
        await self._server.shutdown(0)
        self._keeper.close()

    @property
    def is_open(self) -> bool:
        return self._listening is not None

    def _connect(self) -> asyncio.Protocol:
        self._world.stats.connections += 1
        return self._server()

    def _reopen(self) -> None:
        task = asyncio.get_running_loop().create_task(self.open())
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def _forget_reopening(self) -> None:
        if self._reopening is not None:
            self._reopening.cancel()
            self._reopening = None


def _bound(host: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setblocking(False)
    bound.bind((host, port))
    return bound
