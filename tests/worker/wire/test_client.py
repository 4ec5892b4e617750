"""What only the client on `requests` promises: to try again at once where nothing can have left."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.worker.wire.guards import Watch
from tests.worker.wire.servers import Server, polite
from worker.wire.ask import ask
from worker.wire.client import RequestsClient
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

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        return asked

    return fail


@pytest.fixture
def client() -> Iterator[RequestsClient]:
    """A client with its usual habits."""
    client = RequestsClient(5, connections=1)
    yield client
    client.close()


def test_a_failed_look_up_is_tried_again_at_once(
    serve: Serve, client: RequestsClient, names_fail: Callable[[int], list[int]]
) -> None:
    """Two hiccups of a resolver cost no attempt, and the mark is set once."""
    server, told = serve(polite), []
    names_fail(2)
    [(_, result)] = client.exchange([Call(7, "GET", server.url, {})], guard=Watch(told.extend))
    assert isinstance(result, Reply)
    assert told == [7]


def test_it_is_not_tried_for_ever(client: RequestsClient, names_fail: Callable[[int], list[int]]) -> None:
    """Three times in all, within half a second or so."""
    asked = names_fail(100)
    result = ask(client, Call(1, "GET", "http://127.0.0.1:9", {}))
    assert isinstance(result, NotSent)
    assert len(asked) == 3
    assert result.ms < 5000


def test_what_may_have_left_is_never_tried_again(serve: Serve, client: RequestsClient) -> None:
    """One reset, one connection."""
    server = serve(lambda talk: (talk.await_bytes(), talk.reset()))
    ask(client, Call(1, "GET", server.url, {}))
    assert server.connections == 1


def test_a_second_address_is_tried_when_the_first_refuses(
    serve: Serve, client: RequestsClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host with two addresses is reached by either."""
    server = serve(polite)
    both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in ("127.0.0.9", "127.0.0.1")]
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *more: both if host == "two.invalid" else real(host, *more))
    assert isinstance(ask(client, Call(1, "GET", f"http://two.invalid:{server.port}/", {})), Reply)
