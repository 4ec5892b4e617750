"""The door to Redis: bounded waits, our own error, our own keys."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest
from redis import Redis, RedisError

from coordination.breaker import Breaker
from coordination.connection import QueueDown, open_redis, redis_errors
from coordination.holds import Holds
from coordination.limits import Limit, Limiter
from coordination.marks import Marks, departure
from coordination.schedule import Schedule
from sandbox.network import Forwarder
from tests.scaling.sentinels import pair


@pytest.fixture
def silent() -> Iterator[str]:
    """The URL of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"


class Refusing:
    """A server that answers every command with one refusal."""

    def __init__(self) -> None:
        self.word, self.connections = "", 0
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                outer.connections += 1
                while head := self.rfile.readline():
                    words = []
                    for _ in range(int(head[1:])):
                        length = int(self.rfile.readline()[1:])
                        words.append(self.rfile.read(length + 2)[:-2])
                    self.wfile.write(b"+OK\r\n" if words[0] != b"SET" else f"-{outer.word} not now\r\n".encode())

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.server.server_address[1]}/0?protocol=2"


@pytest.fixture
def refusing() -> Iterator[Refusing]:
    made = Refusing()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_a_fault_says_what_could_not_be_done_and_why() -> None:
    """In one sentence, with the cause behind it."""
    with (
        pytest.raises(QueueDown, match="Redis could not mark what leaves: RedisError: gone") as caught,
        redis_errors("mark what leaves"),
    ):
        raise RedisError("gone")
    assert isinstance(caught.value.__cause__, RedisError)


def test_a_server_that_is_silent_does_not_hold_a_worker_for_long(silent: str) -> None:
    """Eight seconds at most, not minutes."""
    begin = time.monotonic()
    with pytest.raises(QueueDown), open_redis(silent) as client:
        Limiter(client).take([Limit("app:1", 60)], 1)
    assert time.monotonic() - begin < 10


def test_a_server_that_was_demoted_alive_is_left_though_it_keeps_the_connection() -> None:
    """Its address leads elsewhere by now: no error of a connection would ever tell."""
    with pair() as servers, servers.server(0) as old, servers.server(1) as new:
        port = int(old.connection_pool.connection_kwargs["port"])
        other = int(new.connection_pool.connection_kwargs["port"])
        with Forwarder(port) as address, open_redis(f"redis://127.0.0.1:{address.port}/0") as client:
            client.set("before", "1")
            servers.promote(1)
            address.lead_to(other)  # who is connected stays with the old one
            assert client.set("after", "1") is True
            assert new.get("after") == "1"


@pytest.mark.parametrize("word", ["MISCONF", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "NOREPLICAS"])
def test_a_refusal_is_told_as_what_it_is_and_its_connection_left(refusing: Refusing, word: str) -> None:
    """A server that cannot do its part is asked on a new connection; what it says is in the fault."""
    refusing.word = word
    with open_redis(refusing.url) as client, pytest.raises(QueueDown, match=word), redis_errors("note"):
        client.set("a", "b")
    assert refusing.connections > 1


def test_a_password_in_the_url_is_not_in_the_fault() -> None:
    """Faults go to logs."""
    with pytest.raises(QueueDown) as caught, open_redis("redis://:hush@127.0.0.1:1/0") as client:
        Schedule(client).count("oa")
    assert "hush" not in str(caught.value)


def test_every_key_of_ours_begins_with_our_name(valkey: Redis) -> None:
    """Others may live in the same Redis."""
    Limiter(valkey).take([Limit("app:1", 60)], 1)
    Holds(valkey).hold("app:1", 5, "quota")
    Breaker(valkey).report("zalo", 0, 20)
    marks = Marks(valkey)
    marks.begin("lease", marks.epoch())
    marks.leave("lease", marks.epoch(), [departure(1, "hash", None)])
    Schedule(valkey).replace("oa", [])
    assert {key.split(":")[0] for key in valkey.scan_iter()} == {"hcc"}
