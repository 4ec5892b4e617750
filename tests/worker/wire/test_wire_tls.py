"""What every wire asks of TLS: whoever cannot prove to be Zalo gets nothing, not even a request."""

from __future__ import annotations

import ssl
from collections.abc import Callable

from tests.worker.wire.servers import Server, Talk, polite
from worker.wire.ask import ask
from worker.wire.protocol import Call, Client, NotSent, Reply

Serve = Callable[..., Server]
OpenWire = Callable[..., Client]
Certificate = Callable[[str], tuple[ssl.SSLContext, str]]


def call_to(server: Server) -> Call:
    """A call over TLS, whatever the server speaks."""
    return Call(1, "POST", f"https://127.0.0.1:{server.port}/", {"access_token": "t0ken"}, b"{}")


def test_a_trusted_certificate_carries_calls_and_is_kept_alive(
    serve: Serve, open_wire: OpenWire, certificate: Certificate
) -> None:
    """The good case, so that the refusals below mean something."""
    context, trust = certificate("127.0.0.1")
    server, wire = serve(polite, context), open_wire(connections=1, ca_file=trust)
    assert [type(ask(wire, call_to(server))) for _ in range(3)] == [Reply] * 3
    assert server.connections == 1


def test_a_self_signed_certificate_is_not_sent_to(serve: Serve, open_wire: OpenWire, certificate: Certificate) -> None:
    """Nobody vouches for it."""
    server = serve(polite, certificate("127.0.0.1")[0])
    result = ask(open_wire(), call_to(server))
    assert isinstance(result, NotSent)
    assert result.why == "certificate not trusted"
    assert not server.requests


def test_a_certificate_of_another_host_is_not_sent_to(
    serve: Serve, open_wire: OpenWire, certificate: Certificate
) -> None:
    """Trusted, but for somebody else."""
    context, trust = certificate("127.0.0.2")
    server = serve(polite, context)
    assert isinstance(ask(open_wire(ca_file=trust), call_to(server)), NotSent)
    assert not server.requests


def test_a_server_without_tls_is_not_sent_to(serve: Serve, open_wire: OpenWire) -> None:
    """The hello of a handshake is no request."""

    def script(talk: Talk) -> None:
        talk.say(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        talk.pause(0.2)

    assert isinstance(ask(open_wire(), call_to(serve(script))), NotSent)


def test_a_handshake_without_end_is_not_sent(serve: Serve, open_wire: OpenWire) -> None:
    """It ends in time, and is not taken for a request without an answer."""
    result = ask(open_wire(0.5), call_to(serve(lambda talk: talk.pause(30))))
    assert isinstance(result, NotSent)
    assert result.ms < 5000


def test_a_reset_handshake_is_not_sent(serve: Serve, open_wire: OpenWire) -> None:
    """The same reset after the handshake would be unknown."""

    def script(talk: Talk) -> None:
        talk.await_bytes()
        talk.reset()

    assert isinstance(ask(open_wire(), call_to(serve(script))), NotSent)


def test_a_reset_after_the_handshake_is_unknown(serve: Serve, open_wire: OpenWire, certificate: Certificate) -> None:
    """From here on the request may have been read."""
    context, trust = certificate("127.0.0.1")

    def script(talk: Talk) -> None:
        talk.request()
        talk.reset()

    result = ask(open_wire(ca_file=trust), call_to(serve(script, context)))
    assert not isinstance(result, NotSent | Reply)


def test_dripping_over_tls_ends_in_time(serve: Serve, open_wire: OpenWire, certificate: Certificate) -> None:
    """The deadline holds for encrypted answers too."""
    context, trust = certificate("127.0.0.1")

    def script(talk: Talk) -> None:
        talk.request()
        talk.drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + b" " * 100, 0.1)

    result = ask(open_wire(0.6, ca_file=trust), call_to(serve(script, context)))
    assert not isinstance(result, NotSent | Reply)
    assert result.ms < 5000
