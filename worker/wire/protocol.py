"""The protocol for concurrent HTTP calls; it hides from the channels which library carries them.

A wire never raises for network errors, never retries a call that may have left, and never follows a redirect. It makes
the distinction that law 3 needs: either certainly no byte of the request left, or the call may have been carried out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from itertools import islice
from typing import Protocol, TypeAlias

from domain.value_object import value_object
from worker.wire.guard import Guard

REFUSED = "connection refused"
NO_NAME = "host name not resolved"
INVALID = "not a valid request"  # our own fault, not the server's

_TURN_SECONDS = 1.0


@value_object
class Call:
    """One request. `tag` is the caller's identifier and is returned with the result."""

    tag: int
    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)


@value_object
class Reply:
    """The complete response; its header names are in lower case.

    `ms`, `connect_ms` and `first_byte_ms` count from the start of the call. `connect_ms` ends when the connection is
    established, including TLS; it is 0 for a kept-alive connection. `first_byte_ms` ends at the first byte of the
    response. The latter two are None if not measured.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    ms: int
    connect_ms: int | None = None
    first_byte_ms: int | None = None


@value_object
class NotSent:
    """Certainly nothing left: connection refused, no route, DNS failure, TLS handshake failed, connect time-out.

    `held_back` if the guard kept the call back.
    """

    why: str
    ms: int
    held_back: bool = False


@value_object
class Unknown:
    """Something may have left and no complete response came: reset, time-out, connection closed half-way."""

    why: str
    ms: int
    connect_ms: int | None = None
    first_byte_ms: int | None = None


Result: TypeAlias = Reply | NotSent | Unknown
Landed: TypeAlias = tuple[Call, Result]


class Client(Protocol):
    """Makes calls for a caller that waits for their results."""

    def exchange(self, calls: Iterable[Call], *, guard: Guard | None = None) -> Iterator[Landed]:
        """Carry all calls: take them from the iterable as connections become free, yield results as they arrive.

        For one caller at a time, unless a client documents otherwise. If the generator is closed early, it waits for
        the calls in flight (at most the time-out). After that nothing more leaves. A call may then have been carried
        out exactly if the guard marked its tag and no result shows the contrary.
        """

    def close(self) -> None:
        """Close every connection. Nothing may be in flight."""


class Wire(Client, Protocol):
    """Carries calls over kept-alive connections; each started call lands exactly once, in any order."""

    def start(self, calls: Sequence[Call], *, guard: Guard | None = None) -> None:
        """Start these calls now, at most `room` of them. The guard is asked just before sending, here or in `landed`.

        A call that the guard keeps back results in `NotSent` with `held_back`.
        """

    def landed(self, seconds: float) -> list[Landed]:
        """The calls completed since the last invocation; waits for one until `seconds` have passed or `wake` runs."""

    @property
    def room(self) -> int:
        """How many more calls can be started now."""

    @property
    def flying(self) -> int:
        """How many started calls have not landed yet."""

    def wake(self) -> None:
        """Make a waiting `landed` return; thread-safe."""

    def exchange(self, calls: Iterable[Call], *, guard: Guard | None = None) -> Iterator[Landed]:
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
