"""Channel `zalo_template`: sends an approved template to a user id, at any time since the last interaction.

Source: Zalo, "Gửi tin template qua UID" (POST /v3.0/oa/message/template): no `recipient` around the fields, data as
strings. A `tracking_id` is not documented here and is omitted. A sent template may not appear in the conversation, so
an uncertain attempt is left to a delivery event or an operator.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from domain.notice import Letter
from worker.channels.conditions import has_template, knows_user, within_budget
from worker.channels.row import ChannelRow, Means
from worker.channels.zalo.codes import OPENAPI_CODES, Host, reason_of
from worker.channels.zalo.sender import ZaloSender

_PATH = "/v3.0/oa/message/template"


def _build(means: Means) -> ZaloSender:
    def body(letter: Letter) -> Mapping[str, Any]:
        filled = means.fill(letter.notice)
        user = letter.notice.user_id
        return {"user_id": user, "template_id": filled.template_id, "template_data": filled.data}

    url = means.openapi_url + _PATH
    return ZaloSender("zalo_template", Host.OPENAPI, url, means.tokens, means.remaining, lambda _: body)


ROW = ChannelRow(
    "zalo_template",
    _build,
    conditions=(knows_user, has_template, within_budget),
    codes=OPENAPI_CODES,
    reason_of=partial(reason_of, Host.OPENAPI),
)
