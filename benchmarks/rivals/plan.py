"""Defines the messages of every contestant: the same words to the same people, by number. Imports no product code."""

from __future__ import annotations

import json

PATH = "/v3.0/oa/message/cs"
HEADERS = {"access_token": "a-token-of-the-benchmark", "Content-Type": "application/json"}
PEOPLE = 10_000  # they get the messages in turn

_WORDS = (
    "Hệ thống giải quyết TTHC tỉnh Hà Tĩnh đã tiếp nhận hồ sơ {code}. Ngày hẹn trả: sau 9 giờ 9 phút, ngày 26/02/2024"
)
"""The text that our template of `accepted` renders."""


def user_of(number: int) -> str:
    """The Zalo user id of notice `number`."""
    return str(6_142_494_823_000_000_000 + number % PEOPLE)


def code_of(number: int) -> str:
    """The dossier's code of notice `number`."""
    return f"H27.37-240219-{number:07}"


def words_of(number: int) -> str:
    """The text of notice `number`."""
    return _WORDS.format(code=code_of(number))


def body_of(number: int) -> bytes:
    """The call's JSON, as a channel would encode it."""
    return json.dumps(message(user_of(number), words_of(number)), ensure_ascii=False).encode()


def message(user_id: str, text: str) -> dict[str, dict[str, str]]:
    """The body of a consultation message."""
    return {"recipient": {"user_id": user_id}, "message": {"text": text}}
