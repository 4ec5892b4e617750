"""The counters of this Zalo."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Stats:
    accepted: Counter[str] = field(default_factory=Counter)  # by channel
    refused: Counter[str] = field(default_factory=Counter)  # by code
    requests: Counter[str] = field(default_factory=Counter)  # by path
    refreshes: int = 0
    connections: int = 0
    in_flight: int = 0  # received requests without an answer yet
