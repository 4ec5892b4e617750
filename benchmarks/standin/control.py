"""Handles a benchmark's own requests on the same port, under /bench; no path of Zalo's begins like that."""

from __future__ import annotations

import json
from typing import Any, Protocol

from benchmarks.standin.tally import Tally

PREFIX = b"/bench/"


class Controlled(Protocol):
    """The attributes of the desk that the control reads and sets."""

    tally: Tally
    latency: float


def control(desk: Controlled, order: bytes, body: bytes) -> bytes:
    """Carry out an order: `count`, `moments`, `seconds`, `reset`; the answer is JSON."""
    if order == b"reset":
        desk.tally = Tally()
        if body:
            desk.latency = float(json.loads(body)["latency_ms"]) / 1000
    answers: dict[bytes, Any] = {
        b"moments": desk.tally.moments,
        b"seconds": sorted(desk.tally.seconds.items()),
    }
    return json.dumps(answers.get(order, desk.tally.summary())).encode()
