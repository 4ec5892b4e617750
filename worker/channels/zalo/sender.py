"""What the three channels to Zalo have in common: the OA's token, the calls, the reading of answers.

The same access token opens both hosts. None of them knows an idempotency key: a repeated call is a second message,
so nothing here ever repeats one.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar, TypeAlias

from pydantic_core import to_json

from worker.channels.cargo import BatchGuard, Cargo
from worker.channels.channel import NotReady, Ready
from worker.channels.zalo.answers import rate_headers, read_send
from worker.channels.zalo.codes import Host
from worker.channels.zalo.tokens import Access, NoAccess, Tokens
from worker.domain.notice import Letter
from worker.domain.outcome import Hold, Outcome, Wait
from worker.wire.protocol import Call, Reply, Result

Body: TypeAlias = Callable[[Letter], Mapping[str, Any]]
CANNOT_CHARGE = frozenset({-320, -321, -136, -137})  # no Zalo Cloud Account, or none that can be charged


class ZaloSender(ABC):
    """A channel of one Zalo app: `host` says whose table of codes reads the answers."""

    name: str
    host: ClassVar[Host]

    def __init__(self, tokens: Tokens, url: str, remaining: Callable[[int], None]) -> None:
        self._tokens = tokens
        self._url = url
        self._remaining = remaining

    @abstractmethod
    def bodies(self, letters: Sequence[Letter]) -> Body:
        """What makes the call's JSON of each letter of a batch."""

    def judge(self, outcome: Outcome) -> Outcome:
        """Money that cannot be charged concerns the channels that cost some: what is free of the same app goes on."""
        if isinstance(outcome, Wait) and outcome.code in CANNOT_CHARGE:
            return replace(outcome, hold=Hold.CHANNEL)
        return outcome

    def ready(self, oa: str) -> Ready | NotReady:
        access = self._tokens.access(oa)
        return NotReady(access.why) if isinstance(access, NoAccess) else Ready(access)

    def refused_pass(self, oa: str, ready: Ready) -> Ready | NotReady:
        if not isinstance(ready.pass_, Access):
            return NotReady("no access token was used")
        renewed = self._tokens.renew(oa, ready.pass_.version)
        return NotReady(renewed.why) if isinstance(renewed, NoAccess) else Ready(renewed)

    def send(self, letters: Iterable[Letter], ready: Ready, *, guard: BatchGuard) -> Cargo:
        batch = list(letters)
        token = ready.pass_.token if isinstance(ready.pass_, Access) else ""
        headers = {"access_token": token, "Content-Type": "application/json"}
        body = self.bodies(batch)
        return Cargo(self.name, guard=guard, read=self._read).load(
            batch, lambda letter: Call(letter.notice.id, "POST", self._url, headers, to_json(body(letter)))
        )

    def _read(self, result: Result, now: datetime) -> Outcome:
        headers = rate_headers(result) if isinstance(result, Reply) else None
        if headers is not None:
            self._remaining(headers[1])
        return self.judge(read_send(self.host, result, now=now, jitter=random.random()))  # noqa: S311 (spreads load)
