"""Measures the time from the last check of a lease to the arrival of a call's bytes: a pause in it goes undetected.

The guard is last asked when libcurl takes the body. The server notes the arrival of the first byte by the same
monotonic clock. So each figure is slightly longer than the time to the system call `send`.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection

from benchmarks.measure import percentile
from benchmarks.report import Report
from worker.wire.curl import CurlWire
from worker.wire.protocol import Call

CALLS = 20_000
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@dataclass
class Watch:
    """A guard that lets all calls leave and notes when it was last asked (ns)."""

    looked: int = 0

    def mark(self, _tags: Sequence[int]) -> Collection[int]:
        return ()

    def is_over(self) -> bool:
        self.looked = time.monotonic_ns()
        return False


def main() -> None:
    report = Report("last_look", "From the last look at the lease to the bytes")
    gaps = measure(CALLS)
    report.text(
        f"{len(gaps):,} calls, one after the other, on a kept connection over loopback. A process that stands still "
        "within this time after the look, and for longer than its lease, sends what others may have sent."
    )
    shares = (("half", 0.5), ("99 %", 0.99), ("99.9 %", 0.999), ("all", 1.0))
    report.table(
        ("of the calls", "within"), [(name, f"{percentile(gaps, share) / 1000:,.0f} µs") for name, share in shares]
    )
    report.write()


def measure(calls: int) -> list[int]:
    """The time from each call's last check to its first byte at the server (ns)."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=serve, args=(theirs, calls), daemon=True)
    server.start()
    port = ours.recv()
    watch, looks = Watch(), []
    body = b"x" * 400  # about the size of a notice with its headers
    with closing(CurlWire(10, connections=1)) as wire:
        for tag in range(calls):
            list(wire.exchange([Call(tag, "POST", f"http://127.0.0.1:{port}/", {}, body)], guard=watch))
            looks.append(watch.looked)
    arrivals = ours.recv()
    server.join()
    return [arrived - looked for looked, arrived in zip(looks, arrivals, strict=True)]


def serve(pipe: Connection, calls: int) -> None:
    """Answer each request on one connection; send the arrival time of each one's first bytes through the pipe (ns)."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        pipe.send(listener.getsockname()[1])
        connection, _ = listener.accept()
        arrivals = []
        with connection:
            for _ in range(calls):
                request = connection.recv(65536)
                arrivals.append(time.monotonic_ns())
                while b"x" * 400 not in request:
                    request += connection.recv(65536)
                connection.sendall(_ANSWER)
    pipe.send(arrivals)


if __name__ == "__main__":
    main()
