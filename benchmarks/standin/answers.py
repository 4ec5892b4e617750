"""Defines the calls that the stand-in supports, and Zalo's documented answers to them.

Sources: Zalo, "Gửi tin tư vấn dạng văn bản", "Gửi tin template qua UID", "Gửi tin template qua SĐT", "Lấy danh sách tin
nhắn trong hội thoại", "Access token". Failures are HTTP 200 with a negative code, as Zalo's are.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qs

from benchmarks.standin.tally import Message

INVALID = b'{"error":-201,"message":"Params is invalid"}'
NO_TOKEN = b'{"error":-216,"message":"Access token is invalid"}'
Read = Callable[[Any], tuple[str, str]]


def read_cs(body: Any) -> tuple[str, str]:
    """The recipient and text of a consultation message. Raises `KeyError` or `TypeError` for a malformed body."""
    message = body["message"]
    words = message["text"] if "text" in message else json.dumps(message, sort_keys=True)
    return body["recipient"]["user_id"], words


def read_template(body: Any) -> tuple[str, str]:
    """As `read_cs`, for an approved template by user id."""
    return body["user_id"], _data(body)


def read_zns(body: Any) -> tuple[str, str]:
    """As `read_cs`, for an approved template by phone; the tracking id distinguishes notices with equal words."""
    return body["phone"], f"{_data(body)} {body['tracking_id']}"


def _data(body: Any) -> str:
    return f"{body['template_id']} {json.dumps(body['template_data'], sort_keys=True, ensure_ascii=False)}"


SENDS: dict[bytes, Read] = {
    b"/v3.0/oa/message/cs": read_cs,
    b"/v3.0/oa/message/template": read_template,
    b"/message/template": read_zns,
}
"""Path → the function that reads the body of a send."""

TOKENS = b"/v4/oa/access_token"
CONVERSATION = b"/v2.0/oa/conversation"


def sent(read: Read, message: Message, person: str) -> bytes:
    """The body of a successful answer to a send."""
    when = int(message.at * 1000)
    if read is read_zns:
        return (
            f'{{"error":0,"message":"Success","data":{{"msg_id":"{message.id}","sent_time":"{when}",'
            f'"sending_mode":"1","quota":{{"dailyQuota":"5000000","remainingQuota":"4999999"}}}}}}'
        ).encode()
    return (
        f'{{"data":{{"quota":{{"quota_type":"reply","remain":"8","total":"8"}},"message_id":"{message.id}",'
        f'"user_id":"{person}","sent_time":"{when}"}},"error":0,"message":"Success"}}'
    ).encode()


def tokens() -> bytes:
    """A fresh token pair: a flat object with the life as text, like Zalo's."""
    pair = {"access_token": secrets.token_urlsafe(36), "refresh_token": secrets.token_urlsafe(36)}
    return json.dumps(pair | {"expires_in": "90000"}).encode()


def conversation(oa: str, query: bytes, messages: Callable[[str], Sequence[Message]]) -> bytes:
    """A page of a person's conversation; all messages are ours, since nobody writes to the stand-in."""
    try:
        asked = json.loads(parse_qs(query.decode())["data"][0])
        person, begin, count = str(asked["user_id"]), int(asked["offset"]), int(asked["count"])
    except (ValueError, KeyError, TypeError):
        return INVALID
    rows = [
        {
            "src": 0,
            "time": int(message.at * 1000),
            "from_id": oa,
            "to_id": person,
            "message_id": message.id,
            "type": "text",
            "message": message.words,
        }
        for message in messages(person)[begin : begin + count]
    ]
    return json.dumps({"data": rows, "error": 0, "message": "Success"}, ensure_ascii=False).encode()
