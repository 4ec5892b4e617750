"""The form of a consultation message: a text, or for some kinds a card of Zalo's.

Source: Zalo, "Gửi tin yêu cầu thông tin người dùng": one element; title at most 100 characters, subtitle 500, and an
image, all three required.
"""

from __future__ import annotations

from typing import Any

from worker.domain.kinds import PHONE_REQUEST
from worker.domain.notice import Letter

_IMAGE = "https://developers.zalo.me/web/static/zalo.png"  # the one of Zalo's own example
_TITLE_MOST = 100
_SUBTITLE_MOST = 500


def message_of(letter: Letter) -> dict[str, Any]:
    """What stands under `message` in the call."""
    text = letter.text or ""
    return _phone_request(text) if letter.notice.kind == PHONE_REQUEST else {"text": text}


def _phone_request(text: str) -> dict[str, Any]:
    """The first line is the title of the card, the others explain."""
    title, _, subtitle = text.partition("\n")
    element = {"title": title[:_TITLE_MOST], "subtitle": subtitle[:_SUBTITLE_MOST], "image_url": _IMAGE}
    return {
        "attachment": {
            "type": "template",
            "payload": {"template_type": "request_user_info", "elements": [element]},
        }
    }
