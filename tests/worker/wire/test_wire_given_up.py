"""What a call that is given up leaves behind: nothing that could still arrive; and what may not leave, does not."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Sequence
from contextlib import closing

import pytest

from tests.worker.wire.guards import Watch
from tests.worker.wire.servers import Server, Talk, answer, polite
from worker.wire.ask import ask
from worker.wire.curl import CurlWire
from worker.wire.protocol import Call, Client, NotSent, Reply, Unknown
from worker.wire.sockets import options, promise

Serve = Callable[..., Server]
OpenWire = Callable[..., Client]


def post(server: Server, tag: int = 1) -> Call:
    return Call(tag, "POST", f"{server.url}/{tag}", {}, b"{}")


def test_a_connection_that_is_given_up_is_reset_and_not_closed_politely(serve: Serve, open_wire: OpenWire) -> None:
    """A polite end would leave what has not been acknowledged to the kernel, which goes on sending it for minutes."""
    ends: list[str] = []

    def script(talk: Talk) -> None:
        talk.request()
        try:
            talk.request()
            ends.append("closed")
        except ConnectionResetError:
            ends.append("reset")

    server, wire = serve(script), open_wire(0.3)
    assert isinstance(ask(wire, post(server)), Unknown)
    wire.close()
    server.finished(1)
    assert ends == ["reset"]


def test_a_socket_drops_what_it_holds_when_it_is_closed_and_when_nothing_is_acknowledged_in_time() -> None:
    """The options that the kernel is told, read back from it."""
    with socket.socket() as ours:
        promise(ours.fileno(), options(1.5))
        assert ours.fileno() >= 0, "it was only borrowed"
        linger = ours.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.calcsize("ii"))
        assert struct.unpack("ii", linger) == (1, 0)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            assert ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 1500


def test_of_a_batch_only_what_the_guard_lets_go_leaves(serve: Serve, open_wire: OpenWire) -> None:
    """Those that it keeps are held back, and the others are not delayed."""
    server, wire = serve(polite), open_wire(connections=8)
    for _ in range(2):  # on new connections, and on kept ones
        results = wire.exchange([post(server, tag) for tag in range(8)], guard=Watch(kept=(2, 5)))
        held = {call.tag for call, result in results if isinstance(result, NotSent) and result.held_back}
        assert held == {2, 5}
    assert not {"/2", "/5"} & set(server.paths())
    assert len(server.paths()) == 12


def test_what_was_marked_does_not_leave_once_the_time_is_over(serve: Serve, open_wire: OpenWire) -> None:
    """The process stood still after its mark, on a new connection or a kept one."""
    server, wire = serve(polite), open_wire(connections=1)
    marked: list[int] = []

    def tell(tags: Sequence[int]) -> None:
        marked.extend(tags)

    late = Watch(tell, over=lambda: bool(marked))
    for tag in (1, 2):
        [(_, result)] = wire.exchange([post(server, tag)], guard=late)
        assert isinstance(result, NotSent)
        assert result.held_back
        marked.clear()
        assert isinstance(ask(wire, post(server, tag * 10)), Reply)
    assert server.paths() == ["/10", "/20"]


@pytest.mark.parametrize("looks", [1, 2])
def test_the_time_is_looked_at_until_the_body_is_taken(looks: int, serve: Serve) -> None:
    """After the mark, and when libcurl takes the body, which leaves with the head."""
    server = serve(polite)
    with closing(CurlWire(5, connections=1)) as wire:
        assert isinstance(ask(wire, post(server, 1)), Reply)  # a connection is kept
        seen: list[int] = []

        def over() -> bool:
            seen.append(1)
            return len(seen) >= looks

        [(_, result)] = wire.exchange([post(server, 2)], guard=Watch(over=over))
        assert isinstance(result, NotSent)
        assert (result.held_back, len(seen)) == (True, looks)
        assert isinstance(ask(wire, post(server, 3)), Reply)
    assert server.paths() == ["/1", "/3"]


def proxy(talk: Talk) -> None:
    """Speaks as a proxy for plain HTTP does: it is asked for whole addresses."""
    for request in talk.requests():
        talk.say(answer(b"by the proxy " + request.split(b" ", 2)[1]))


def test_calls_go_by_the_proxy_that_is_set_and_by_no_other(
    serve: Serve, open_wire: OpenWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the environment says of proxies counts for nothing."""
    by, server = serve(proxy), serve(polite)
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9" if "no" not in name.lower() else "*")
    proxied = ask(open_wire(proxy=by.url), Call(1, "GET", "http://zalo.invalid/x", {}))
    assert isinstance(proxied, Reply)
    assert proxied.body == b"by the proxy http://zalo.invalid/x"
    assert isinstance(ask(open_wire(), Call(1, "GET", f"{server.url}/1", {})), Reply)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_where_the_proxy_is_away_or_refuses_nothing_has_left(scheme: str, serve: Serve, open_wire: OpenWire) -> None:
    """A tunnel that is not made carries no byte of the request."""

    def refuses(talk: Talk) -> None:
        for _ in talk.requests():
            talk.say(answer(b"", status="403 Forbidden"))

    with socket.create_server(("127.0.0.1", 0)) as nobody:
        away = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    told: list[int] = []
    for by in (away, serve(refuses).url):
        if (scheme, by) == ("http", by) and by != away:
            continue  # without a tunnel a refusal is an answer
        wire = open_wire(proxy=by)
        [(_, result)] = wire.exchange(
            [Call(1, "POST", f"{scheme}://zalo.invalid/", {}, b"{}")], guard=Watch(told.extend)
        )
        assert isinstance(result, NotSent), (by, result)
