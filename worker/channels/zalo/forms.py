"""Builds the JSON of a consultation message: a text, or for some kinds a Zalo card.

Source: Zalo, "Gửi tin yêu cầu thông tin người dùng": one element with a title of at most 100 characters, a subtitle of
at most 500 and an image; all three are required.
"""

from __future__ import annotations

from typing import Any

from domain.kinds import PHONE_REQUEST
from domain.notice import Letter
from domain.proofreading import SUBTITLE_MOST, TITLE_MOST

_IMAGE = "https://developers.zalo.me/web/static/zalo.png"  # from Zalo's own example


def message_of(letter: Letter) -> dict[str, Any]:
    """The value of `message` in the call."""
    text = letter.text or ""
    return _phone_request(text) if letter.notice.kind == PHONE_REQUEST else {"text": text}


def _phone_request(text: str) -> dict[str, Any]:
    """The card: the first line of the text is the title, the rest is the subtitle."""
    title, _, subtitle = text.partition("\n")
    element = {"title": title[:TITLE_MOST], "subtitle": subtitle[:SUBTITLE_MOST], "image_url": _IMAGE}
    return {
        "attachment": {
            "type": "template",
            "payload": {"template_type": "request_user_info", "elements": [element]},
        }
    }
