"""Sends by one of Zalo's hosts: the OA's access token, the calls, and the parsing of answers.

The same access token is valid for both hosts. Neither supports an idempotency key: a repeated call is a second message,
so nothing here ever repeats one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeAlias

from pydantic_core import to_json

from domain.notice import Letter
from domain.outcome import HoldScope, Outcome, Wait
from worker.channels.cargo import BatchGuard, Cargo
from worker.channels.channel import NotReady, Ready
from worker.channels.zalo.codes import Host
from worker.channels.zalo.replies import rate_headers, read_send
from worker.channels.zalo.tokens import Access, NoAccess, Tokens
from worker.wire.protocol import Call, Reply, Result

Body: TypeAlias = Callable[[Letter], Mapping[str, Any]]
_CANNOT_CHARGE = frozenset({-320, -321, -136, -137})  # no Zalo Cloud Account, or one that cannot be charged


@dataclass
class ZaloSender:
    """A channel of one Zalo app; `host` selects the table of codes for its answers.

    `bodies` returns a function that makes the JSON body of the call for each letter of a batch. `unpaid` is what is
    held if money cannot be charged: only this channel, so that free messages of the same app go on.
    """

    name: str
    host: Host
    url: str
    tokens: Tokens
    remaining: Callable[[int], None]
    bodies: Callable[[Sequence[Letter]], Body]
    unpaid: HoldScope = HoldScope.CHANNEL

    def ready(self, oa: str) -> Ready | NotReady:
        access = self.tokens.access(oa)
        return NotReady(access.why) if isinstance(access, NoAccess) else Ready(access)

    def renew_access(self, oa: str, ready: Ready) -> Ready | NotReady:
        if not isinstance(ready.access, Access):
            return NotReady("no access token was used")
        renewed = self.tokens.renew(oa, ready.access.version)
        return NotReady(renewed.why) if isinstance(renewed, NoAccess) else Ready(renewed)

    def prepare(self, letters: Iterable[Letter], ready: Ready, *, guard: BatchGuard) -> Cargo:
        batch = list(letters)
        token = ready.access.token if isinstance(ready.access, Access) else ""
        headers = {"access_token": token, "Content-Type": "application/json"}
        body = self.bodies(batch)
        return Cargo(self.name, guard=guard, read=self._read).load(
            batch, lambda letter: Call(letter.notice.id, "POST", self.url, headers, to_json(body(letter)))
        )

    def _read(self, result: Result, now: datetime) -> Outcome:
        headers = rate_headers(result) if isinstance(result, Reply) else None
        if headers is not None:
            self.remaining(headers[1])
        outcome = read_send(self.host, result, now=now, jitter=random.random())  # noqa: S311 (jitter)
        if isinstance(outcome, Wait) and outcome.code in _CANNOT_CHARGE:
            return replace(outcome, hold=self.unpaid)
        return outcome
