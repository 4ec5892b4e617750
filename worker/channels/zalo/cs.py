"""Channel `zalo_cs`: the text as a consultation message to the user id of a follower.

Source: Zalo, "Gửi tin tư vấn dạng văn bản" (POST /v3.0/oa/message/cs). There is no idempotency key: a repeated
call is a second message, so nothing here ever repeats one.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Iterator, Sequence

from worker.channels.channel import NotReady, Ready, now_utc
from worker.channels.zalo.answers import rate_headers, read_send
from worker.channels.zalo.codes import Host
from worker.channels.zalo.tokens import Access, NoAccess, Tokens
from worker.domain.notice import Attempt, Letter, Notice
from worker.wire.protocol import Call, Reply, Result, Wire


class ZaloCs:
    """Consultation messages of one Zalo app."""

    name = "zalo_cs"

    def __init__(self, wire: Wire, tokens: Tokens, openapi_url: str, remaining: Callable[[int], None]) -> None:
        self._wire = wire
        self._tokens = tokens
        self._remaining = remaining
        self._url = f"{openapi_url}/v3.0/oa/message/cs"

    def reaches(self, notice: Notice) -> bool:
        return notice.user_id is not None

    def ready(self, oa: str) -> Ready | NotReady:
        access = self._tokens.access(oa)
        return NotReady(access.why) if isinstance(access, NoAccess) else Ready(access)

    def refused_pass(self, oa: str, ready: Ready) -> Ready | NotReady:
        if not isinstance(ready.pass_, Access):
            return NotReady("no access token was used")
        renewed = self._tokens.renew(oa, ready.pass_.version)
        return NotReady(renewed.why) if isinstance(renewed, NoAccess) else Ready(renewed)

    def send(
        self, letters: Iterable[Letter], ready: Ready, *, leaving: Callable[[Sequence[int]], None]
    ) -> Iterator[Attempt]:
        sending = {letter.notice.id: letter for letter in letters}
        token = ready.pass_.token if isinstance(ready.pass_, Access) else ""
        calls = (self._call(letter, token) for letter in sending.values())
        began = {}
        least: int | None = None

        def note(tags: Sequence[int]) -> None:
            leaving(tags)
            began.update(dict.fromkeys(tags, now_utc()))

        for call, result in self._wire.exchange(calls, leaving=note):
            at = now_utc()
            least = fewest(least, result)
            yield Attempt(
                notice=sending[call.tag].notice,
                channel=self.name,
                at=began.get(call.tag, at),
                outcome=read_send(Host.OPENAPI, result, now=at, jitter=random.random()),  # noqa: S311 (spreads load, guards nothing)
                ms=result.ms,
            )
        if least is not None:
            self._remaining(least)

    def _call(self, letter: Letter, token: str) -> Call:
        body = {"recipient": {"user_id": letter.notice.user_id}, "message": {"text": letter.text}}
        return Call(
            tag=letter.notice.id,
            method="POST",
            url=self._url,
            headers={"access_token": token, "Content-Type": "application/json"},
            body=json.dumps(body, ensure_ascii=False).encode(),
        )


def fewest(least: int | None, result: Result) -> int | None:
    """The smallest X-RateLimit-Remain so far: what Zalo says is left of the limit in this minute."""
    found = rate_headers(result) if isinstance(result, Reply) else None
    return least if found is None else min(found[1], found[1] if least is None else least)
