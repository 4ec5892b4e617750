"""Channel `zalo_cs`: the text as a consultation message to the user id of a follower, inside the interaction window.

Source: Zalo, "Gửi tin tư vấn dạng văn bản" (POST /v3.0/oa/message/cs).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from worker.channels.zalo.codes import Host
from worker.channels.zalo.forms import message_of
from worker.channels.zalo.sender import CANNOT_CHARGE, Body, ZaloSender
from worker.domain.notice import Letter
from worker.domain.outcome import Hold, Outcome, Wait

PATH = "/v3.0/oa/message/cs"


class ZaloCs(ZaloSender):
    """Consultation messages of one Zalo app."""

    name = "zalo_cs"
    host = Host.OPENAPI

    def bodies(self, letters: Sequence[Letter]) -> Body:  # noqa: ARG002 (one by one)
        return _body

    def judge(self, outcome: Outcome) -> Outcome:
        """Only texts after 48 hours are charged: of those one is held, and no free one."""
        if isinstance(outcome, Wait) and outcome.code in CANNOT_CHARGE:
            return replace(outcome, hold=Hold.PERSON)
        return outcome


def _body(letter: Letter) -> Mapping[str, Any]:
    return {"recipient": {"user_id": letter.notice.user_id}, "message": message_of(letter)}
