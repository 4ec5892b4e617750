"""Channel `zalo_template`: an approved template to a user id, at any time since the last interaction.

Source: Zalo, "Gửi tin template qua UID" (POST /v3.0/oa/message/template): no `recipient` around the fields, data as
strings. A `tracking_id` is not documented here and is left out. What was sent does not surely show in the
conversation, so an uncertain attempt is left to a delivery event or an operator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from worker.channels.zalo.codes import Host
from worker.channels.zalo.sender import Body, ZaloSender
from worker.channels.zalo.tokens import Tokens
from worker.domain.forms import Filled
from worker.domain.notice import Letter, Notice

PATH = "/v3.0/oa/message/template"


class ZaloTemplate(ZaloSender):
    """Approved templates of one Zalo app, by user id."""

    name = "zalo_template"
    host = Host.OPENAPI

    def __init__(
        self,
        tokens: Tokens,
        url: str,
        remaining: Callable[[int], None],
        fill: Callable[[Notice], Filled],
    ) -> None:
        super().__init__(tokens, url, remaining)
        self._fill = fill

    def bodies(self, letters: Sequence[Letter]) -> Body:  # noqa: ARG002 (one by one)
        return self._body

    def _body(self, letter: Letter) -> Mapping[str, Any]:
        filled = self._fill(letter.notice)
        return {
            "user_id": letter.notice.user_id,
            "template_id": filled.template_id,
            "template_data": filled.data,
        }
