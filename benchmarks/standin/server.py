"""A minimal HTTP/1.1 server, kept alive and pipelined, and the desk that delays the answer to each send.

All sends are delayed equally, so they are answered in order of arrival: one queue and one timer, not one timer each.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque
from dataclasses import dataclass, field
from itertools import count
from time import monotonic, time
from typing import cast

from benchmarks.standin import answers
from benchmarks.standin.answers import Read
from benchmarks.standin.control import PREFIX, control
from benchmarks.standin.tally import Message, Tally

_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *([0-9]+)")
_TOKEN = re.compile(rb"(?i)\r\naccess_token: *[^\r ]")
_CLOSE = re.compile(rb"(?i)\r\nconnection: *close")
_HEAD_END = b"\r\n\r\n"
_LARGEST_HEAD = 16_384
_SLACK = 0.0005  # seconds: sends due within this time are answered along with the others
_OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json;charset=utf-8\r\nContent-Length: %d\r\n\r\n%b"
_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


@dataclass
class Desk:
    """Accepts sends: counts and answers each one `latency` seconds after its arrival."""

    oa: str
    latency: float
    loop: asyncio.AbstractEventLoop
    tally: Tally = field(default_factory=Tally)
    _numbers: count[int] = field(default_factory=lambda: count(1))
    _waiting: deque[tuple[float, Talk, Read, bytes]] = field(default_factory=deque)
    _timer: asyncio.TimerHandle | None = None

    def put(self, talk: Talk, read: Read, body: bytes) -> None:
        """Take a send that has arrived; `talk` gets the answer after the latency."""
        self._waiting.append((monotonic() + self.latency, talk, read, body))
        self.tally.most = max(self.tally.most, len(self._waiting))
        if self._timer is None:
            self._timer = self.loop.call_later(self.latency, self._release)

    def _release(self) -> None:
        now = monotonic() + _SLACK
        while self._waiting and self._waiting[0][0] <= now:
            _, talk, read, body = self._waiting.popleft()
            talk.say(self._accept(read, body))
        wait = self._waiting[0][0] - monotonic() if self._waiting else 0.0
        self._timer = self.loop.call_later(max(0.0, wait), self._release) if self._waiting else None

    def _accept(self, read: Read, body: bytes) -> bytes:
        try:
            person, words = read(json.loads(body))
        except (ValueError, KeyError, TypeError):
            return answers.INVALID
        message = Message(next(self._numbers), words, time())
        self.tally.accept(message, person)
        return answers.sent(read, message, person)


class Talk(asyncio.Protocol):
    """One connection."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._rest = b""
        self._transport: asyncio.Transport | None = None
        self._last = False  # the client closes after the next answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # a stream server gives no other; uvloop's is no subclass

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (asyncio's signature)
        self._transport = None  # sends in flight are accepted all the same, but not answered

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        at = 0
        while (end := data.find(_HEAD_END, at)) >= 0:
            head, begin = data[at:end], end + len(_HEAD_END)
            length = _LENGTH.search(head)
            at_end = begin + int(length[1]) if length else begin
            if at_end > len(data):
                break
            self._hear(head, data[begin:at_end])
            at = at_end
        self._rest = data[at:]
        if len(self._rest) > _LARGEST_HEAD and _HEAD_END not in self._rest:
            self._close()

    def say(self, body: bytes) -> None:
        """Answer the oldest unanswered call."""
        if self._transport is not None:
            self._transport.write(_OK % (len(body), body))
            if self._last:
                self._close()

    def _hear(self, head: bytes, body: bytes) -> None:
        _method, _, rest = head.partition(b" ")
        path = rest.partition(b" ")[0]
        self._last = _CLOSE.search(head) is not None
        if (read := answers.SENDS.get(path)) is None:
            self._hear_another(path, body)
        elif _TOKEN.search(head) is None:
            self.say(answers.NO_TOKEN)
        else:
            self._desk.put(self, read, body)

    def _hear_another(self, target: bytes, body: bytes) -> None:
        path, _, query = target.partition(b"?")
        if path == answers.TOKENS:
            self.say(answers.tokens())
        elif path == answers.CONVERSATION:
            self.say(answers.conversation(self._desk.oa, query, self._desk.tally.conversation))
        elif path.startswith(PREFIX):
            self.say(control(self._desk, path.removeprefix(PREFIX), body))
        elif self._transport is not None:
            self._transport.write(_NOT_FOUND)

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()
