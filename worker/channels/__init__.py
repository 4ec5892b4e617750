"""The channels: a room each, and this literal table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from worker.channels.channel import Channel
from worker.channels.paper import Paper
from worker.channels.zalo.cs import ZaloCs
from worker.channels.zalo.tokens import Tokens
from worker.wire.protocol import Wire


@dataclass(frozen=True, slots=True)
class Means:
    """What channels are built from."""

    wire: Wire
    tokens: Tokens
    openapi_url: str
    remaining: Callable[[int], None]  # told how many calls Zalo says are left of the limit
    paper_folder: Path


CHANNELS: Mapping[str, Callable[[Means], Channel]] = {
    "zalo_cs": lambda means: ZaloCs(means.wire, means.tokens, means.openapi_url, means.remaining),
    "paper": lambda means: Paper(means.paper_folder),
}
