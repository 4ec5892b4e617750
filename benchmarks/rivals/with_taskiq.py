"""taskiq: a message for each notice on a Redis stream, coroutines on uvloop, asyncpg, aiohttp.

Of taskiq's Redis brokers, the stream broker supports acknowledgements. Source: taskiq 0.13, "CLI", "State and events",
"Message brokers"; aiohttp, "Client Quickstart"; asyncpg, "Connection pools".
"""

from __future__ import annotations

import asyncio
import sys
import time
import uuid
from collections.abc import Sequence

import aiohttp
import asyncpg
from taskiq import TaskiqEvents, TaskiqState
from taskiq_redis import RedisStreamBroker

from benchmarks.rivals import enqueue as command
from benchmarks.rivals.ledger import CLAIM, DATABASE, REDIS, SETTLE, TIMEOUT_SECONDS, ZALO
from benchmarks.rivals.plan import HEADERS, PATH, message

_DATABASE_CONNECTIONS = 16  # per process
_CLAIM = CLAIM.replace("%(lease)s", "$1").replace("%(id)s", "$2")
_SETTLE = (
    SETTLE.replace("%(message_id)s", "$1").replace("%(id)s", "$2").replace("%(lease)s", "$3").replace("%(ms)s", "$4")
)

broker = RedisStreamBroker(url=REDIS, xread_count=200)


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def open_all(state: TaskiqState) -> None:
    """Open one connection pool and one HTTP session per process."""
    state.pool = await asyncpg.create_pool(DATABASE, min_size=4, max_size=_DATABASE_CONNECTIONS, reset=_leave_as_it_is)
    state.http = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60),
        timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
        headers=HEADERS,
    )


async def _leave_as_it_is(_connection: object) -> None:
    """Do nothing: no statement here changes a session, so it needs no reset query after each use."""


@broker.on_event(TaskiqEvents.WORKER_SHUTDOWN)
async def close_all(state: TaskiqState) -> None:
    """Close both."""
    await state.http.close()
    await state.pool.close()


@broker.task(task_name="send")
async def send(number: int) -> None:
    """Claim, send, complete."""
    state = broker.state
    lease = uuid.uuid4().hex
    claimed = await state.pool.fetchrow(_CLAIM, lease, number)
    if claimed is None:
        return
    began = time.monotonic()
    async with state.http.post(ZALO + PATH, json=message(*claimed)) as reply:
        answer = await reply.json()
    if answer["error"] != 0:
        raise ValueError(answer["error"])
    ms = round((time.monotonic() - began) * 1000)
    await state.pool.execute(_SETTLE, answer["data"]["message_id"], number, lease, ms)


def enqueuer() -> tuple[asyncio.AbstractEventLoop, command.Enqueue]:
    """An event loop, and a function that sends one message for each notice, many concurrently."""
    loop = asyncio.new_event_loop()
    loop.run_until_complete(broker.startup())

    async def kick(numbers: Sequence[int]) -> None:
        await asyncio.gather(*(send.kiq(number) for number in numbers))

    return loop, lambda numbers: loop.run_until_complete(kick(numbers))


if __name__ == "__main__":
    _loop, _enqueue = enqueuer()
    command.main(_enqueue, *sys.argv[1:])
    _loop.run_until_complete(broker.shutdown())
    _loop.close()
