"""Channel `zns`: sends an approved template to a phone number, whether or not its owner follows the OA.

Source: Zalo, "Gửi tin template qua SĐT" (POST /message/template on business.openapi.zalo.me): the phone as 84…, data
as strings, `tracking_id` of at most 48 plain characters. Only the delivery event returns that id. There is no look-up
by it, and a repeated call is a second, charged message. So an uncertain attempt is settled by that event or by an
operator, never by a look-up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from domain.notice import Letter
from domain.tracking import tracking_id
from worker.channels.conditions import (
    by_day,
    has_not_left,
    has_template,
    is_a_living_code,
    knows_phone,
    within_budget,
)
from worker.channels.phones import phones_of
from worker.channels.row import ChannelRow, Means
from worker.channels.zalo.codes import BUSINESS_CODES, Host, reason_of
from worker.channels.zalo.sender import Body, ZaloSender

_PATH = "/message/template"


def _build(means: Means) -> ZaloSender:
    def bodies(letters: Sequence[Letter]) -> Body:
        phone = phones_of(letters, means.open_phones)
        return lambda letter: body(letter, phone(letter))

    def body(letter: Letter, phone: str) -> Mapping[str, Any]:
        notice = letter.notice
        filled = means.fill(notice)
        return {
            "phone": phone.lstrip("+"),
            "template_id": filled.template_id,
            "template_data": filled.data,
            "tracking_id": tracking_id(notice.id, notice.oa, notice.key),
        }

    return ZaloSender("zns", Host.BUSINESS, means.business_url + _PATH, means.tokens, means.remaining, bodies)


ROW = ChannelRow(
    "zns",
    _build,
    conditions=(has_not_left, knows_phone, has_template, within_budget, by_day),
    # A one-time code goes to the phone itself, also at night: a person who may not be a follower is waiting for it.
    code_conditions=(knows_phone, is_a_living_code, has_template, within_budget),
    codes=BUSINESS_CODES,
    reason_of=partial(reason_of, Host.BUSINESS),
)
