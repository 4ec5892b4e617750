"""Looking up what was said, as a client does whose request was cut off."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from sandbox.zalo.client import SandboxZalo

ANNA, BINH = "4611686018427390011", "4611686018427390022"
OA = "2893352839501541173"


@pytest.fixture(scope="module")
def process() -> Iterator[SandboxZalo]:
    with SandboxZalo(everybody_known=True, oa_id=OA) as zalo:
        yield zalo


@pytest.fixture
def zalo(process: SandboxZalo) -> SandboxZalo:
    process.reset()
    return process


@pytest.fixture
def headers(zalo: SandboxZalo) -> dict[str, str]:
    return {"access_token": zalo.mint_tokens()["access_token"]}


def send(zalo: SandboxZalo, headers: dict[str, str], user_id: str, words: str) -> str:
    body = {"recipient": {"user_id": user_id}, "message": {"text": words}}
    reply = requests.post(zalo.api_url + "/v3.0/oa/message/cs", json=body, headers=headers, timeout=10).json()
    message_id: str = reply["data"]["message_id"]
    return message_id


def look(zalo: SandboxZalo, headers: dict[str, str], path: str = "conversation", **data: Any) -> Any:
    return requests.get(
        f"{zalo.api_url}/v2.0/oa/{path}", params={"data": json.dumps(data)}, headers=headers, timeout=10
    ).json()


def texts(reply: Any) -> list[str]:
    return [row["message"] for row in reply["data"]]


def test_a_row_has_the_recorded_fields(zalo: SandboxZalo, headers: dict[str, str]) -> None:
    """Numbers are numbers, ids are strings, the written time is Vietnam's."""
    zalo.clock(now="2026-11-23T21:05:09+07:00", stopped=True)
    zalo.people([{"user_id": ANNA, "name": "Anna"}])
    message_id = send(zalo, headers, ANNA, "Hồ sơ đã có kết quả.")

    [row] = look(zalo, headers, user_id=ANNA)["data"]

    avatars = {row.pop("from_avatar"), row.pop("to_avatar")}
    assert len(avatars) == 2
    assert row == {
        "src": 0,
        "time": 1795442709000,
        "sent_time": "21:05:09 23/11/2026",
        "from_id": OA,
        "from_display_name": "Hành chính công tỉnh Hà Tĩnh",
        "to_id": ANNA,
        "to_display_name": "Anna",
        "message_id": message_id,
        "type": "text",
        "message": "Hồ sơ đã có kết quả.",
    }


def test_rows_come_newest_first_and_ten_at_most(zalo: SandboxZalo, headers: dict[str, str]) -> None:
    """The rest is behind the offset; more than ten at once is refused."""
    for number in range(12):
        send(zalo, headers, ANNA, f"tin {number}")
    send(zalo, headers, BINH, "tin khác")

    first = look(zalo, headers, user_id=ANNA, offset=0, count=10)
    rest = look(zalo, headers, user_id=ANNA, offset=10, count=10)

    assert texts(first) == [f"tin {number}" for number in range(11, 1, -1)]
    assert texts(rest) == ["tin 1", "tin 0"]
    assert look(zalo, headers, user_id=ANNA, count=11)["error"] == -210


def test_the_recent_list_mixes_people(zalo: SandboxZalo, headers: dict[str, str]) -> None:
    """Rows are messages, not threads."""
    send(zalo, headers, ANNA, "một")
    send(zalo, headers, BINH, "hai")
    send(zalo, headers, ANNA, "ba")

    assert texts(look(zalo, headers, "listrecentchat", offset=0, count=10)) == ["ba", "hai", "một"]


def test_a_message_appears_after_the_delay(zalo: SandboxZalo, headers: dict[str, str]) -> None:
    """Read-after-write is not documented; the switch makes it late."""
    zalo.switch(read_delay_ms=30_000)
    zalo.clock(now="2026-11-23T09:00:00+07:00", stopped=True)
    send(zalo, headers, ANNA, "chậm")
    assert texts(look(zalo, headers, user_id=ANNA)) == []

    zalo.clock(now="2026-11-23T09:00:30+07:00", stopped=True)

    assert texts(look(zalo, headers, user_id=ANNA)) == ["chậm"]


def test_the_source_of_our_rows_can_be_switched(zalo: SandboxZalo, headers: dict[str, str]) -> None:
    """Nobody recorded a row of the OA."""
    zalo.switch(oa_src=1)
    send(zalo, headers, ANNA, "a")

    assert look(zalo, headers, user_id=ANNA)["data"][0]["src"] == 1


def test_an_account_sees_its_own_chats(zalo: SandboxZalo, headers: dict[str, str]) -> None:
    """Another OA's token finds nothing."""
    send(zalo, headers, ANNA, "a")
    other = {"access_token": zalo.mint_tokens(oa_id="2893352839501549999")["access_token"]}

    assert texts(look(zalo, other, user_id=ANNA)) == []
