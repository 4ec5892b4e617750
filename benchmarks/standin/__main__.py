"""`python -m benchmarks.standin`: serve until SIGTERM, SIGINT, or the end of the process that started it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import os
import signal
from pathlib import Path

import uvloop

from benchmarks.standin.server import Desk, Talk
from benchmarks.standin.trust import server_context

HOST = "127.0.0.1"
_PARENT_SECONDS = 0.5
_BACKLOG = 4096


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latency-ms", type=float, default=50)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--oa", default="", help="who the messages of a conversation are from")
    parser.add_argument("--ready", type=Path, help="where to say on which ports it listens")
    parser.add_argument("--tls", action="store_true", help="a second port, with TLS")
    gc.disable()  # everything kept is kept to the end, and there are no reference cycles
    uvloop.run(serve(parser.parse_args()))


async def serve(options: argparse.Namespace) -> None:
    """Listen, report the ports, and serve until the end."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    desk = Desk(options.oa, options.latency_ms / 1000, loop)
    plain = await loop.create_server(lambda: Talk(desk), HOST, options.port, backlog=_BACKLOG)
    facts = {"url": f"http://{HOST}:{plain.sockets[0].getsockname()[1]}"}
    if options.tls:
        context, ca_file = server_context(options.ready.parent, HOST)
        secure = await loop.create_server(lambda: Talk(desk), HOST, 0, backlog=_BACKLOG, ssl=context)
        facts |= {"tls_url": f"https://{HOST}:{secure.sockets[0].getsockname()[1]}", "ca_file": str(ca_file)}
    if options.ready:
        draft = options.ready.with_suffix(".draft")
        draft.write_text(json.dumps(facts))
        draft.replace(options.ready)
    else:
        print(facts["url"], flush=True)
    parent = os.getppid()
    while not ended.is_set() and os.getppid() == parent:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), _PARENT_SECONDS)


if __name__ == "__main__":
    main()
