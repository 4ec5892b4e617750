"""What every wire makes of a network that fails: certainly not sent, or perhaps; never an exception (law 3)."""

from __future__ import annotations

import gzip
import socket
import time
from collections.abc import Callable

import pytest

from tests.worker.wire.servers import Server, Talk, answer, polite
from worker.wire.ask import ask
from worker.wire.protocol import Call, Client, NotSent, Reply, Unknown

Serve = Callable[..., Server]
OpenWire = Callable[..., Client]

# Stands in the URL, a header and the body of every call here, and in no `why`.
SECRET = "hidden"


def call_to(url: str) -> Call:
    """A call full of what must not be told."""
    return Call(1, "POST", f"{url}/?data={SECRET}", {"access_token": SECRET}, SECRET.encode())


def expect_not_sent(wire: Client, url: str) -> NotSent:
    """Ask, and get a discreet `NotSent`."""
    result = ask(wire, call_to(url))
    assert isinstance(result, NotSent)
    assert result.why
    assert SECRET not in result.why
    assert "://" not in result.why
    return result


def expect_unknown(wire: Client, url: str) -> Unknown:
    """Ask, and get a discreet `Unknown`."""
    result = ask(wire, call_to(url))
    assert isinstance(result, Unknown)
    assert result.why
    assert SECRET not in result.why
    assert "://" not in result.why
    return result


def test_a_refused_connection_is_not_sent(open_wire: OpenWire) -> None:
    """Nobody listens: nothing left, and it is known at once."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    result = expect_not_sent(open_wire(), f"http://127.0.0.1:{port}")
    assert result.why == "connection refused"
    assert result.ms < 5000


def test_a_host_without_an_address_is_not_sent(open_wire: OpenWire) -> None:
    """`.invalid` has no names (RFC 2606)."""
    assert expect_not_sent(open_wire(), "http://zalo.invalid").why == "host name not resolved"


@pytest.mark.parametrize(
    "url", ["", "no-scheme", "ftp://127.0.0.1", "http://", "http://127.0.0.1:port", "http://" + "a" * 70]
)
def test_a_bad_address_is_not_sent(url: str, open_wire: OpenWire) -> None:
    """A slip in the settings is no message on the road."""
    expect_not_sent(open_wire(), url)


def reset_after_reading(talk: Talk) -> None:
    talk.request()
    talk.reset()


def close_after_reading(talk: Talk) -> None:
    talk.request()


def half_a_head(talk: Talk) -> None:
    talk.request()
    talk.say(b"HTTP/1.1 200 OK\r\nContent-Le")


def a_head_without_end(talk: Talk) -> None:
    talk.request()
    talk.say(b"HTTP/1.1 200 OK\r\nServer: x\r\n")


def half_a_body(talk: Talk) -> None:
    talk.request()
    talk.say(answer(b'{"error":0,"data":{}}')[:-5])


def half_a_chunk(talk: Talk) -> None:
    talk.request()
    talk.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n{}")


def reset_in_the_body(talk: Talk) -> None:
    talk.request()
    talk.say(answer(b'{"error":0,"data":{}}')[:-5])
    talk.pause(0.1)
    talk.reset()


def another_protocol(talk: Talk) -> None:
    talk.request()
    talk.say(b"-ERR unknown command\r\n\r\n")


def false_gzip(talk: Talk) -> None:
    talk.request()
    talk.say(answer(b"this is no gzip", more="Content-Encoding: gzip\r\n"))


def too_much(talk: Talk) -> None:
    talk.request()
    talk.say(answer(b" " * (3 << 20)))


def too_much_unpacked(talk: Talk) -> None:
    talk.request()
    talk.say(answer(gzip.compress(b" " * (3 << 20)), more="Content-Encoding: gzip\r\n"))


def without_end(talk: Talk) -> None:
    talk.request()
    talk.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        talk.say(b"1000\r\n" + b" " * 4096 + b"\r\n")


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (reset_after_reading, "connection reset"),
        (close_after_reading, "connection closed without an answer"),
        (half_a_head, "answer cut off"),
        (a_head_without_end, "answer cut off"),
        (half_a_body, "answer cut off"),
        (half_a_chunk, "answer cut off"),
        (reset_in_the_body, "connection reset"),
        (another_protocol, "not an HTTP answer"),
        (false_gzip, "answer cannot be decoded"),
        (too_much, "answer too large"),
        (too_much_unpacked, "answer too large"),
        (without_end, "answer too large"),
    ],
)
def test_what_breaks_after_the_connection_stands_is_unknown(
    script: Callable[[Talk], None], why: str, serve: Serve, open_wire: OpenWire
) -> None:
    """The request may have been carried out: nobody may send it again in the hope that it was not."""
    assert expect_unknown(open_wire(), serve(script).url).why == why


def test_a_reset_before_reading_is_unknown_too(serve: Serve, open_wire: OpenWire) -> None:
    """The client cannot tell it from one after reading; by chance it notices while it still writes."""

    def script(talk: Talk) -> None:
        talk.await_bytes()
        talk.reset()

    result = expect_unknown(open_wire(), serve(script).url)
    assert result.why in {"connection reset", "connection closed without an answer"}


def silence(talk: Talk) -> None:
    talk.request()
    talk.pause(30)


def dripping_head(talk: Talk) -> None:
    talk.request()
    talk.drip(answer(), 0.1)


def dripping_body(talk: Talk) -> None:
    talk.request()
    talk.say(answer(b" " * 100)[:-100])
    talk.drip(b" " * 100, 0.1)


@pytest.mark.parametrize("script", [silence, dripping_head, dripping_body])
def test_the_timeout_bounds_the_whole_call(script: Callable[[Talk], None], serve: Serve, open_wire: OpenWire) -> None:
    """A byte now and then buys a server no more time."""
    started = time.monotonic()
    result = expect_unknown(open_wire(0.6), serve(script).url)
    assert result.why == "no whole answer in time"
    assert 550 <= result.ms < 5000
    assert time.monotonic() - started < 5


def test_a_slow_answer_leaves_the_next_call_its_whole_time(serve: Serve, open_wire: OpenWire) -> None:
    """Two answers on one connection, each just within the timeout."""

    def script(talk: Talk) -> None:
        for _ in talk.requests():
            talk.drip(b"HTTP/1.1 200 OK\r\n", 0.04)
            talk.say(b"Content-Length: 0\r\n\r\n")

    server, wire = serve(script), open_wire(1.2, connections=1)
    assert [type(ask(wire, call_to(server.url))) for _ in range(2)] == [Reply, Reply]
    assert server.connections == 1


@pytest.mark.parametrize(
    "status", ["500 Internal Server Error", "502 Bad Gateway", "404 Not Found", "429 Too Many Requests"]
)
def test_an_answer_of_any_status_is_a_reply(status: str, serve: Serve, open_wire: OpenWire) -> None:
    """What a status means is the channel's to say."""

    def script(talk: Talk) -> None:
        for _ in talk.requests():
            talk.say(answer(b"<html>", status))

    result = ask(open_wire(), call_to(serve(script).url))
    assert isinstance(result, Reply)
    assert (result.status, result.body) == (int(status[:3]), b"<html>")


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "307 Temporary Redirect"])
def test_a_redirect_is_a_reply_and_is_not_followed(status: str, serve: Serve, open_wire: OpenWire) -> None:
    """Following one would send twice, and the token to somebody else."""
    elsewhere = serve(polite)

    def script(talk: Talk) -> None:
        for _ in talk.requests():
            talk.say(answer(b"", status, f"Location: {elsewhere.url}/\r\n"))

    result = ask(open_wire(), call_to(serve(script).url))
    assert isinstance(result, Reply)
    assert result.status == int(status[:3])
    assert elsewhere.connections == 0


def test_a_connection_closed_between_calls_is_replaced(serve: Serve, open_wire: OpenWire) -> None:
    """Servers end idle connections; with or without saying so first."""

    def script(talk: Talk) -> None:
        talk.request()
        talk.say(answer())

    server, wire = serve(script), open_wire(connections=1)
    for _ in range(3):
        assert isinstance(ask(wire, call_to(server.url)), Reply)
        time.sleep(0.05)
    assert server.connections == 3


@pytest.mark.parametrize("end", [close_after_reading, reset_after_reading])
def test_a_kept_connection_that_dies_under_a_request_is_no_reason_to_send_it_again(
    end: Callable[[Talk], None], serve: Serve, open_wire: OpenWire
) -> None:
    """The trap of libraries that mean well: what the server has read and not answered may have been carried out."""

    def script(talk: Talk) -> None:
        talk.request()
        talk.say(answer())
        end(talk)

    server, wire = serve(script), open_wire(connections=1)
    assert isinstance(ask(wire, call_to(server.url)), Reply)
    expect_unknown(wire, server.url)
    time.sleep(0.1)
    assert len(server.requests) == 2


def test_nothing_of_one_call_is_kept_for_the_next(serve: Serve, open_wire: OpenWire) -> None:
    """One OA's cookies are not another's."""

    def script(talk: Talk) -> None:
        for _ in talk.requests():
            talk.say(answer(more="Set-Cookie: session=1; Path=/\r\n"))

    server, wire = serve(script), open_wire(connections=1)
    for _ in range(2):
        ask(wire, call_to(server.url))
    assert not [request for request in server.requests if b"cookie" in request.lower()]


def test_the_environment_cannot_reroute_a_call(
    serve: Serve, open_wire: OpenWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy in somebody's shell must not see tokens."""
    proxy, server = serve(polite), serve(polite)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert isinstance(ask(open_wire(), call_to(server.url)), Reply)
    assert proxy.connections == 0
