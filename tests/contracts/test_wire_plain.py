"""What only the wire on `requests` promises: to try again at once where nothing can have left."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.contracts.guards import Watch
from tests.contracts.servers import Server, polite
from worker.wire import deadline
from worker.wire.ask import ask
from worker.wire.plain import RequestsWire
from worker.wire.protocol import Call, NotSent, Reply

Serve = Callable[..., Server]


@pytest.fixture
def names_fail(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[int]]:
    """Makes the next look-ups of a name fail; gives a list that grows by one each look-up."""

    def fail(times: int) -> list[int]:
        asked: list[int] = []
        real = socket.getaddrinfo

        def look_up(host: Any, port: Any, *more: Any) -> Any:
            asked.append(len(asked))
            if len(asked) <= times:
                raise socket.gaierror(socket.EAI_AGAIN, "try again")
            return real(host, port, *more)

        monkeypatch.setattr(deadline.socket, "getaddrinfo", look_up)
        return asked

    return fail


@pytest.fixture
def wire() -> Iterator[RequestsWire]:
    """A wire with its usual habits."""
    wire = RequestsWire(5, connections=1)
    yield wire
    wire.close()


def test_a_failed_look_up_is_tried_again_at_once(
    serve: Serve, wire: RequestsWire, names_fail: Callable[[int], list[int]]
) -> None:
    """Two hiccups of a resolver cost no attempt, and the mark is set once."""
    server, told = serve(polite), []
    names_fail(2)
    [(_, result)] = wire.exchange([Call(7, "GET", server.url, {})], guard=Watch(told.extend))
    assert isinstance(result, Reply)
    assert told == [7]


def test_it_is_not_tried_for_ever(wire: RequestsWire, names_fail: Callable[[int], list[int]]) -> None:
    """Three times in all, within half a second or so."""
    asked = names_fail(100)
    result = ask(wire, Call(1, "GET", "http://127.0.0.1:9", {}))
    assert isinstance(result, NotSent)
    assert len(asked) == 3
    assert result.ms < 1500


def test_trying_again_can_be_switched_off(names_fail: Callable[[int], list[int]]) -> None:
    """For those who keep their own schedule."""
    asked, wire = names_fail(100), RequestsWire(5, connections=1, retry_unsent=False)
    assert isinstance(ask(wire, Call(1, "GET", "http://127.0.0.1:9", {})), NotSent)
    wire.close()
    assert len(asked) == 1


def test_what_may_have_left_is_never_tried_again(serve: Serve, wire: RequestsWire) -> None:
    """One reset, one connection."""
    server = serve(lambda talk: (talk.await_bytes(), talk.reset()))
    ask(wire, Call(1, "GET", server.url, {}))
    assert server.connections == 1


def test_a_second_address_is_tried_when_the_first_refuses(
    serve: Serve, wire: RequestsWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host with two addresses is reached by either."""
    server = serve(polite)
    both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in ("127.0.0.9", "127.0.0.1")]
    real = socket.getaddrinfo
    monkeypatch.setattr(
        deadline.socket, "getaddrinfo", lambda host, *more: both if host == "two.invalid" else real(host, *more)
    )
    assert isinstance(ask(wire, Call(1, "GET", f"http://two.invalid:{server.port}/", {})), Reply)
