"""The benchmarks' stand-in for Zalo: what it understands of HTTP, what it counts."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from benchmarks.standin.answers import INVALID, NO_TOKEN, SENDS
from benchmarks.standin.server import Desk, Talk
from benchmarks.standin.tally import Tally
from benchmarks.standin.trust import server_context
from domain.outcome import Sent
from worker.channels.zalo.codes import Host
from worker.channels.zalo.replies import read_send
from worker.wire.protocol import Reply

CS = "/v3.0/oa/message/cs"


class Loop:
    """Timers that go off when the test says so."""

    def __init__(self) -> None:
        self._timers: list[Callable[[], None]] = []

    def call_later(self, _seconds: float, deed: Callable[[], None]) -> object:
        self._timers.append(deed)
        return deed

    def run(self) -> None:
        while self._timers:
            self._timers.pop(0)()


class Wire:
    """What was written to a connection."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(part.partition(b"\r\n\r\n")[2]) for part in self.written.split(b"HTTP/1.1 200 OK")[1:]]


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def desk(loop: Loop) -> Desk:
    return Desk("900", 0.0, cast(asyncio.AbstractEventLoop, loop))


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def talk(desk: Desk, wire: Wire) -> Talk:
    talk = Talk(desk)
    talk.connection_made(cast(asyncio.Transport, wire))
    return talk


def request(body: object, path: str = CS, headers: str = "access_token: a\r\n") -> bytes:
    said = json.dumps(body, ensure_ascii=False).encode()
    return f"POST {path} HTTP/1.1\r\nHost: x\r\n{headers}content-length: {len(said)}\r\n\r\n".encode() + said


def text(person: str, words: str) -> dict[str, Any]:
    return {"recipient": {"user_id": person}, "message": {"text": words}}


def test_calls_are_understood_wherever_the_network_cuts_them(desk: Desk, loop: Loop) -> None:
    """Three pipelined calls, cut at every place, are three messages; so is one byte at a time."""
    stream = b"".join(request(text(person, "Hồ sơ H27.37-240219-1001")) for person in "123")
    for cut in range(1, len(stream)):
        desk.tally = Tally()
        talk = Talk(desk)
        talk.connection_made(cast(asyncio.Transport, Wire()))
        talk.data_received(stream[:cut])
        talk.data_received(stream[cut:])
        loop.run()
        assert desk.tally.accepted == 3
    desk.tally = Tally()
    talk = Talk(desk)
    talk.connection_made(cast(asyncio.Transport, Wire()))
    for byte in stream:
        talk.data_received(bytes([byte]))
    loop.run()
    assert (desk.tally.accepted, desk.tally.summary()["distinct"]) == (3, 3)


@pytest.mark.parametrize("path", [path.decode() for path in SENDS])
def test_its_success_is_one_for_our_own_channels(path: str, talk: Talk, wire: Wire, loop: Loop) -> None:
    """What it answers to each kind of send is read as `Sent`, each with a message id of its own."""
    body = text("1", "a") | {"user_id": "1", "phone": "84978000001", "template_id": "1", "template_data": {}}
    for mark in ("m1", "m2"):
        talk.data_received(request(body | {"tracking_id": mark}, path))
    loop.run()
    host = Host.BUSINESS if path == "/message/template" else Host.OPENAPI
    now = datetime.now(UTC)
    found = [read_send(host, Reply(200, {}, json.dumps(one).encode(), 1), now=now, jitter=0.5) for one in wire.bodies]
    ids = {one.message_id for one in found if isinstance(one, Sent)}
    assert len(ids) == 2


def test_the_same_words_to_the_same_person_are_a_duplicate(talk: Talk, desk: Desk, loop: Loop) -> None:
    """Not to another person, and not other words."""
    for person, words in (("1", "a"), ("2", "a"), ("1", "b"), ("1", "a")):
        talk.data_received(request(text(person, words)))
    loop.run()
    assert desk.tally.summary()["accepted"] == 4
    assert desk.tally.summary()["distinct"] == 3


def test_what_is_no_proper_call_is_refused_and_not_counted(talk: Talk, wire: Wire, desk: Desk, loop: Loop) -> None:
    """A body that lacks something; a call without a token."""
    talk.data_received(request({"recipient": {}}))
    loop.run()
    talk.data_received(request(text("1", "a"), headers=""))
    assert wire.bodies == [json.loads(INVALID), json.loads(NO_TOKEN)]
    assert desk.tally.accepted == 0


def test_a_conversation_shows_what_was_accepted_newest_first(talk: Talk, wire: Wire, loop: Loop) -> None:
    """As our look-up asks: ten rows from an offset on, from the OA."""
    for number in range(12):
        talk.data_received(request(text("7", f"words {number}")))
    loop.run()
    wire.written = b""
    talk.data_received(
        b"GET /v2.0/oa/conversation?data=%7B%22user_id%22%3A+%227%22%2C+%22offset%22%3A+1%2C+%22count%22%3A+10%7D"
        b" HTTP/1.1\r\naccess_token: a\r\n\r\n"
    )
    rows = wire.bodies[0]["data"]
    assert [row["message"] for row in rows[:2]] == ["words 10", "words 9"]
    assert {row["from_id"] for row in rows} == {"900"}


def test_the_control_counts_and_begins_anew(talk: Talk, wire: Wire, loop: Loop) -> None:
    """By code, and with another latency if wanted."""
    talk.data_received(request(text("1", "hồ sơ H27.37-240219-0000001. Ngày")))
    loop.run()
    wire.written = b""
    talk.data_received(b"GET /bench/moments HTTP/1.1\r\n\r\n")
    talk.data_received(request({"latency_ms": 20}, "/bench/reset"))
    assert list(wire.bodies[0]) == ["H27.37-240219-0000001"]
    assert wire.bodies[1]["accepted"] == 0


def test_its_authority_signs_for_its_address_only(tmp_path: Path) -> None:
    """A client that verifies and trusts the authority accepts the server; one that does not know it refuses."""
    server, ca_file = server_context(tmp_path, "127.0.0.1")
    assert _shake(server, ssl.create_default_context(cafile=str(ca_file)), "127.0.0.1") == "TLSv1.3"
    for context, address in (
        (ssl.create_default_context(cafile=str(ca_file)), "127.0.0.2"),
        (ssl.create_default_context(), "127.0.0.1"),
    ):
        with pytest.raises(ssl.SSLCertVerificationError):
            _shake(server, context, address)


def _shake(server: ssl.SSLContext, client: ssl.SSLContext, address: str) -> str | None:
    """A handshake in memory; the version that both agreed on."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    mine = client.wrap_bio(to_client, to_server, server_hostname=address)
    theirs = server.wrap_bio(to_server, to_client, server_side=True)
    for side in (mine, theirs, mine, theirs, mine):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return mine.version()
