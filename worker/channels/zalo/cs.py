"""Channel `zalo_cs`: sends the text as a consultation message to a follower's user id, in the interaction window.

Source: Zalo, "Gửi tin tư vấn dạng văn bản" (POST /v3.0/oa/message/cs).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from domain.notice import Letter
from domain.outcome import HoldScope
from worker.channels.conditions import knows_user, window_is_open, within_budget
from worker.channels.row import ChannelRow, Means
from worker.channels.zalo.codes import INTERACTION_CODES, OPENAPI_CODES, Host, reason_of
from worker.channels.zalo.forms import message_of
from worker.channels.zalo.sender import ZaloSender

_PATH = "/v3.0/oa/message/cs"


def _build(means: Means) -> ZaloSender:
    """Only texts after 48 hours are charged: if they cannot be, hold that person only, so that free texts go on."""
    url = means.openapi_url + _PATH
    unpaid = HoldScope.PERSON
    return ZaloSender("zalo_cs", Host.OPENAPI, url, means.tokens, means.remaining, lambda _: _body, unpaid)


def _body(letter: Letter) -> Mapping[str, Any]:
    return {"recipient": {"user_id": letter.notice.user_id}, "message": message_of(letter)}


ROW = ChannelRow(
    "zalo_cs",
    _build,
    conditions=(knows_user, window_is_open, within_budget),
    free_window=True,
    codes=OPENAPI_CODES | INTERACTION_CODES,
    reason_of=partial(reason_of, Host.OPENAPI),
)
