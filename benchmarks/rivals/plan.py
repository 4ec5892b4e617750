"""What every contestant sends: the same words to the same people, by number. Nothing of the product is in here."""

from __future__ import annotations

import json

PATH = "/v3.0/oa/message/cs"
HEADERS = {"access_token": "a-token-of-the-benchmark", "Content-Type": "application/json"}
PEOPLE = 10_000  # who get the messages in turn

_WORDS = (
    "Hệ thống giải quyết TTHC tỉnh Hà Tĩnh đã tiếp nhận hồ sơ {code}. Ngày hẹn trả: sau 9 giờ 9 phút, ngày 26/02/2024"
)
"""What our template of `accepted` comes to."""


def user_of(number: int) -> str:
    """The Zalo user id of notice `number`."""
    return str(6_142_494_823_000_000_000 + number % PEOPLE)


def code_of(number: int) -> str:
    """Its dossier."""
    return f"H27.37-240219-{number:07}"


def words_of(number: int) -> str:
    """Its text."""
    return _WORDS.format(code=code_of(number))


def body_of(number: int) -> bytes:
    """The call's JSON, as a channel would make it."""
    return json.dumps(message(user_of(number), words_of(number)), ensure_ascii=False).encode()


def message(user_id: str, text: str) -> dict[str, dict[str, str]]:
    """A consultation message."""
    return {"recipient": {"user_id": user_id}, "message": {"text": text}}
