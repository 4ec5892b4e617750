"""One address in front of a server: changed, cut and silent."""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from sandbox.network import Forwarder
from sandbox.network.held import TRIES_OF_AN_ORPHAN, next_try

PATIENCE = 10.0
SOON = 0.3  # seconds within which what passes has passed


class Echo:
    """A server that answers what it hears with its name before it, and keeps what it heard."""

    def __init__(self, name: bytes) -> None:
        self.name = name
        self.heard: list[bytes] = []
        self.ends: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):  # closed before
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                while heard := connection.recv(1000):
                    self.heard.append(heard)
                    connection.sendall(self.name + heard)
            except ConnectionError:
                self.ends.append("reset")
                return
            self.ends.append("closed")


def until(condition: object) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():  # type: ignore[operator]  # a lambda of the test
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


@pytest.fixture
def server() -> Iterator[Echo]:
    with closing(Echo(b"a:")) as echo:
        yield echo


@pytest.fixture
def forwarder(server: Echo) -> Iterator[Forwarder]:
    with Forwarder(server.port) as forwarder:
        yield forwarder


def connect(forwarder: Forwarder, seconds: float = PATIENCE) -> socket.socket:
    return socket.create_connection(("127.0.0.1", forwarder.port), seconds)


def leave_with_reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def test_what_is_said_passes_both_ways_and_so_does_the_end(forwarder: Forwarder, server: Echo) -> None:
    """A client that has said all still hears the answer."""
    with connect(forwarder) as client:
        client.sendall(b"x" * 100_000)
        client.shutdown(socket.SHUT_WR)
        heard = b"".join(iter(lambda: client.recv(1 << 16), b""))
    assert heard.replace(b"a:", b"") == b"x" * 100_000
    assert server.ends == ["closed"]


def test_a_reset_passes_as_a_reset(forwarder: Forwarder, server: Echo) -> None:
    """Whoever is behind the address is told by RST, and so is who is before it."""
    client = connect(forwarder)
    client.sendall(b"x")
    assert client.recv(10) == b"a:x"
    leave_with_reset(client)
    until(lambda: server.ends == ["reset"])

    with connect(forwarder) as client:
        client.sendall(b"x")
        assert client.recv(10) == b"a:x"
        forwarder.cut()
        with pytest.raises(ConnectionResetError):
            client.recv(10)
    until(lambda: server.ends == ["reset", "reset"])


def test_new_connections_are_led_elsewhere_and_old_ones_stay(forwarder: Forwarder) -> None:
    """The server behind the address changes; who is connected keeps the one they have."""
    with closing(Echo(b"b:")) as other, connect(forwarder) as old:
        old.sendall(b"1")
        assert old.recv(10) == b"a:1"
        forwarder.lead_to(other.port)
        with connect(forwarder) as new:
            new.sendall(b"2")
            assert new.recv(10) == b"b:2"
        old.sendall(b"3")
        assert old.recv(10) == b"a:3"


def test_where_nobody_is_behind_the_address_connections_are_reset(forwarder: Forwarder, server: Echo) -> None:
    """It is not silent then."""
    server.close()
    with pytest.raises(ConnectionResetError), connect(forwarder) as client:
        client.recv(10)


def test_a_silent_network_holds_what_is_said_and_tells_it_later(forwarder: Forwarder, server: Echo) -> None:
    """Nothing is refused and nothing is reset; the answer comes when the silence is over."""
    with connect(forwarder) as client:
        client.sendall(b"1")
        assert client.recv(10) == b"a:1"
        forwarder.silence()
        client.sendall(b"2")
        client.settimeout(SOON)
        with pytest.raises(TimeoutError):
            client.recv(10)
        assert server.heard == [b"1"]
        forwarder.speak()
        client.settimeout(PATIENCE)
        client.sendall(b"3")  # waits behind what is held
        heard = b""
        while b"3" not in heard:
            heard += client.recv(10)
        assert heard.replace(b"a:", b"") == b"23"


def test_who_closed_in_order_is_heard_when_the_silence_is_over(forwarder: Forwarder, server: Echo) -> None:
    """The kernel of a process that closed its socket goes on sending for it."""
    client = connect(forwarder)
    client.sendall(b"1")
    assert client.recv(10) == b"a:1"
    forwarder.silence()
    client.sendall(b"2")
    client.close()
    time.sleep(SOON)
    assert server.heard == [b"1"]
    forwarder.speak()
    until(lambda: server.heard == [b"1", b"2"])


def test_who_reset_takes_the_words_along(forwarder: Forwarder, server: Echo) -> None:
    """RST throws away what the network had not delivered."""
    client = connect(forwarder)
    client.sendall(b"1")
    assert client.recv(10) == b"a:1"
    forwarder.silence()
    client.sendall(b"2")
    time.sleep(SOON)
    leave_with_reset(client)
    time.sleep(SOON)
    forwarder.speak()
    until(lambda: server.ends == ["reset"])
    assert server.heard == [b"1"]


def test_new_connections_hang_while_it_is_silent(forwarder: Forwarder, server: Echo) -> None:
    """None is refused; the next one after the silence is served."""
    forwarder.silence()
    with pytest.raises(TimeoutError):
        connect(forwarder, SOON)
    forwarder.speak()
    with connect(forwarder) as client:
        client.sendall(b"1")
        assert client.recv(10) == b"a:1"
    assert server.heard == [b"1"]


def test_who_began_to_connect_in_the_silence_is_connected_after_it(forwarder: Forwarder) -> None:
    """The kernel knocks again after a second, as it does for every first packet that was dropped."""
    forwarder.silence()
    threading.Timer(SOON, forwarder.speak).start()
    began = time.monotonic()
    with connect(forwarder) as client:
        assert time.monotonic() - began > SOON
        client.sendall(b"1")
        assert client.recv(10) == b"a:1"


def test_bytes_are_sent_again_after_twice_as_long_each_time() -> None:
    """0.2 s, then 0.4 s later, and so on; an orphan's are given up after about a hundred seconds."""
    assert next_try(10.0, 10.0) == (10.2, 1)
    assert next_try(10.0, 30.0) == (pytest.approx(35.4), 7)
    assert next_try(10.0, 60.0) == (pytest.approx(61.0), 8)
    assert next_try(10.0, 61.1)[1] > TRIES_OF_AN_ORPHAN
