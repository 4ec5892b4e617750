"""Who can reach the web process, and nothing else: whatever they send, Zalo's own events are answered in time."""

from __future__ import annotations

import gzip
import json
import resource
import socket
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.abuse.conftest import SECONDS, Attack, Figures, Siege

pytestmark = pytest.mark.journey

_POST = b"POST /hooks/zalo HTTP/1.1\r\nHost: x\r\n"
_BOMB = gzip.compress(b" " * 20_000_000)
_FORGED = b"X-ZEvent-Signature: mac=" + b"0" * 64 + b"\r\n"


def _say(siege: Siege, *parts: bytes, listen: bool = True) -> None:
    with siege.connect() as line:
        for part in parts:
            line.sendall(part)
        if listen:
            line.recv(4096)


def bombs(siege: Siege) -> None:
    """A few kilobytes that unpack to twenty megabytes."""
    head = _POST + _FORGED + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(_BOMB)
    siege.until_over(lambda: _say(siege, head, _BOMB))


def garbage(siege: Siege) -> None:
    """What is no HTTP at all: the library wrote each down, with what was sent."""
    siege.until_over(lambda: _say(siege, b"\x16\x03\x01" + b"0978001001 " * 500 + b"\r\n\r\n"))


def forgeries(siege: Siege) -> None:
    """The largest body that is read, with a signature that looks like one."""
    body = json.dumps({"event_name": "user_send_text", "text": "x" * 60_000}).encode()
    head = _POST + _FORGED + b"Content-Length: %d\r\n\r\n" % len(body)
    siege.until_over(lambda: _say(siege, head, body))


def huge_bodies(siege: Siege) -> None:
    """Gigabytes without a length, unsigned."""
    chunk = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"
    siege.until_over(lambda: _say(siege, _POST + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 40))


def long_heads(siege: Siege) -> None:
    """A head without an end."""
    line = b"X-Long: " + b"x" * 4000 + b"\r\n"
    siege.until_over(lambda: _say(siege, _POST, *[line] * 100))


def many_lines(siege: Siege, part: bytes) -> None:
    """As many connections as this process may open, each with a beginning and no end; those that are cut come again."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 200
    lines: list[socket.socket] = []

    def open_one() -> None:
        line = siege.connect()
        lines.append(line)
        line.sendall(part)
        if len(lines) > min(most, 4000):
            lines.pop(0).close()

    siege.until_over(open_one, pause=0 if SECONDS > 5 else 0.002)  # in the suite others run beside it
    for line in lines:
        line.close()


def slow_heads(siege: Siege) -> None:
    many_lines(siege, _POST)


def silent_lines(siege: Siege) -> None:
    many_lines(siege, b"")


def slow_bodies(siege: Siege) -> None:
    many_lines(siege, _POST + _FORGED + b"Content-Length: 60000\r\n\r\n{")


def unread_answers(siege: Siege) -> None:
    """Requests one behind the other, whose answers nobody takes."""
    ask = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 200
    siege.until_over(lambda: _say(siege, ask, listen=False), pause=0.05)


def drip(siege: Siege) -> None:
    """A letter now and then."""
    with siege.connect() as line:
        line.sendall(_POST)
        while not siege.over.wait(0.5):
            with suppress(OSError):
                line.sendall(b"X")
            siege.blows += 1


ATTACKS: dict[str, Attack] = {
    "compressed bodies": bombs,
    "no HTTP at all": garbage,
    "forged signatures, 60 kB each": forgeries,
    "bodies without an end": huge_bodies,
    "heads without an end": long_heads,
    "thousands of heads that do not come": slow_heads,
    "thousands of silent connections": silent_lines,
    "thousands of bodies that do not come": slow_bodies,
    "answers that nobody reads": unread_answers,
    "a letter now and then": drip,
}


def test_whatever_comes_to_the_door(siege: Siege, survives: Callable[..., Figures]) -> None:
    """One attack after the other, on the same processes."""
    for place, (name, attack) in enumerate(ATTACKS.items()):
        survives(name, attack, people=range(10 + place * 5, 15 + place * 5))
    logged = (siege.world.logs / "web.log").read_text()
    assert "0978" not in logged
    assert "Traceback" not in logged


def test_what_is_compressed_is_not_unpacked_and_what_is_unsigned_is_not_read(siege: Siege) -> None:
    """The answer comes before the body does."""
    for head, status in (
        (b"Content-Encoding: gzip\r\nContent-Length: 9\r\n\r\n", b"415"),
        (b"Content-Length: 5000\r\n\r\n", b"403"),
        (b"X-ZEvent-Signature: short\r\nContent-Length: 5000\r\n\r\n", b"403"),
        (_FORGED + b"Content-Length: 900000\r\n\r\n", b"413"),
    ):
        with siege.connect() as line:
            line.sendall(_POST + head)
            assert status in line.recv(64)
