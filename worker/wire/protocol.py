"""Many HTTP calls at once: one protocol, so that the channels do not know which library carries them.

A wire never raises for what the network does, never retries what may have left, never follows a redirect, and tells
apart what law 3 needs: a call of which certainly no byte of the request left, and one that may have been carried out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol, TypeAlias

from worker.wire.guard import Guard

REFUSED = "connection refused"
NO_NAME = "host name not resolved"
INVALID = "not a valid request"  # our own fault, not the far side's

_TURN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `tag` is the caller's own mark and comes back with the result."""

    tag: int
    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """The whole answer arrived; the names of its headers are in lower case.

    `ms` counts from the start of the call, and so do `connect_ms` (the connection stands, TLS and all; 0 where it was
    kept alive) and `first_byte_ms` (of the answer); None where nobody measured.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    ms: int
    connect_ms: int | None = None
    first_byte_ms: int | None = None


@dataclass(frozen=True, slots=True)
class NotSent:
    """Certainly nothing left: connection refused, no route, DNS failure, TLS not agreed, connect timeout.

    `held_back` where the guard did not let it go.
    """

    why: str
    ms: int
    held_back: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something may have left and no whole answer came: reset, timeout, connection closed half-way."""

    why: str
    ms: int
    connect_ms: int | None = None
    first_byte_ms: int | None = None


Result: TypeAlias = Reply | NotSent | Unknown
Landed: TypeAlias = tuple[Call, Result]


class Wire(Protocol):
    """Carries calls over kept-alive connections; each one started lands exactly once, in any order."""

    def start(self, calls: Sequence[Call], *, guard: Guard | None = None) -> None:
        """Let these calls leave now, at most `room` of them. The guard is asked just before, here or in `landed`.

        The result of a call that it does not let go is `NotSent`, held back.
        """

    def landed(self, seconds: float) -> list[Landed]:
        """The calls that have ended since the last time; waits at most so long for one, or until `wake`."""

    @property
    def room(self) -> int:
        """How many calls have a connection to leave on now."""

    @property
    def flying(self) -> int:
        """How many calls were started and have not landed."""

    def wake(self) -> None:
        """End the waiting of `landed`; may be called by any thread."""

    def close(self) -> None:
        """Close every connection. Nothing may be in flight."""

    def exchange(self, calls: Iterable[Call], *, guard: Guard | None = None) -> Iterator[Landed]:
        """Carry all calls; they are drawn when connections are free for them, results come as they arrive.

        For one caller at a time, unless a wire says otherwise. Left early, the generator waits for the calls in flight
        (at most the timeout): afterwards nothing leaves any more, and a call may have been carried out exactly if
        the guard marked its tag and no result told otherwise.
        """
        coming = iter(calls)
        try:
            while True:
                if group := list(islice(coming, self.room)):
                    self.start(group, guard=guard)
                elif not self.flying:
                    return
                yield from self.landed(_TURN_SECONDS)
        finally:
            while self.flying:
                self.landed(_TURN_SECONDS)
