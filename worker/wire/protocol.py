"""Many HTTP calls at once: one protocol, so that the channels do not know which library carries them.

A wire never raises for what the network does, never retries, never follows a redirect, and tells apart what
law 3 needs: a call of which certainly no byte of the request left, and one that may have been carried out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias


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
    """The whole answer arrived. `ms` counts from the start of the call."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    ms: int


@dataclass(frozen=True, slots=True)
class NotSent:
    """Certainly nothing left: connection refused, no route, DNS failure, TLS not agreed, connect timeout.

    `held_back` where `leaving` raised: then the network was not even asked.
    """

    why: str
    ms: int
    held_back: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something may have left and no whole answer came: reset, timeout, connection closed half-way."""

    why: str
    ms: int


Result: TypeAlias = Reply | NotSent | Unknown


class Wire(Protocol):
    """Carries calls; results come as they arrive, in any order, each call exactly once."""

    def exchange(
        self, calls: Iterable[Call], *, leaving: Callable[[Sequence[int]], None] | None = None
    ) -> Iterator[tuple[Call, Result]]:
        """Carry all calls over kept-alive connections; `leaving(tags)` is called just before bytes of these may leave.

        Where `leaving` raises, none of them is made and the result of each is `NotSent`, held back.

        Left early, the generator waits for the calls in flight (at most the timeout): afterwards nothing leaves any
        more, and a call may have been carried out exactly if `leaving` saw its tag and no result told otherwise.
        """

    def close(self) -> None:
        """Close every connection."""
