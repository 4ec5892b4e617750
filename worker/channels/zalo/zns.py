"""Channel `zns`: an approved template to a phone number, whether or not its owner follows the OA.

Source: Zalo, "Gửi tin template qua SĐT" (POST /message/template on business.openapi.zalo.me): the phone as 84…, data
as strings, `tracking_id` of at most 48 plain characters. The mark comes back in the delivery event and in nothing else:
there is no look-up by it and a repeat is a second, charged message. So an uncertain attempt is settled by that event
or by an operator, never by asking.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from worker.channels.phones import OpenAll, phones_of
from worker.channels.zalo.codes import Host
from worker.channels.zalo.sender import Body, ZaloSender
from worker.channels.zalo.tokens import Tokens
from worker.domain.forms import Filled
from worker.domain.notice import Letter, Notice
from worker.domain.tracking import tracking_id

PATH = "/message/template"


class Zns(ZaloSender):
    """Approved templates of one Zalo app, by phone; `open_phones` unseals those of a batch."""

    name = "zns"
    host = Host.BUSINESS

    def __init__(
        self,
        tokens: Tokens,
        url: str,
        remaining: Callable[[int], None],
        *,
        fill: Callable[[Notice], Filled],
        open_phones: OpenAll,
    ) -> None:
        super().__init__(tokens, url, remaining)
        self._fill = fill
        self._open_phones = open_phones

    def bodies(self, letters: Sequence[Letter]) -> Body:
        phone = phones_of(letters, self._open_phones)
        return lambda letter: self._body(letter, phone(letter))

    def _body(self, letter: Letter, phone: str) -> Mapping[str, Any]:
        notice = letter.notice
        filled = self._fill(notice)
        return {
            "phone": phone.lstrip("+"),
            "template_id": filled.template_id,
            "template_data": filled.data,
            "tracking_id": tracking_id(notice.id, notice.oa, notice.key),
        }
