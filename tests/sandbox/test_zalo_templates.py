"""Approved templates, by user id and by phone."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from sandbox.zalo.client import SandboxZalo

USER, PHONE = "4611686018427390011", "84912345678"
DATA = {"ma_ho_so": "H36.19-261123-0001", "nguoi_nop": "Trần Thị Nhẫn"}
PARAMS = [{"name": "ma_ho_so", "max_length": 30}, {"name": "nguoi_nop", "max_length": 30}]
NOON, NIGHT = "2026-11-23T12:00:00+07:00", "2026-11-23T22:00:00+07:00"


@pytest.fixture(scope="module")
def process() -> Iterator[SandboxZalo]:
    with SandboxZalo() as zalo:
        yield zalo


@pytest.fixture
def zalo(process: SandboxZalo) -> SandboxZalo:
    process.reset()
    process.clock(now=NOON)
    process.people([{"user_id": USER, "phone": PHONE, "last_interaction": None}])
    process.templates(
        [
            {"template_id": "331", "name": "Tiếp nhận", "params": PARAMS},
            {"template_id": "332", "params": PARAMS, "by_user_id": False},
            {"template_id": "333", "params": PARAMS, "tag": "3"},
            {"template_id": "334", "params": PARAMS, "status": "PENDING_REVIEW"},
            {"template_id": "335", "params": PARAMS, "daytime_only": True},
        ]
    )
    return process


@pytest.fixture
def headers(zalo: SandboxZalo) -> dict[str, str]:
    return {"access_token": zalo.mint_tokens()["access_token"]}


def by_user_id(zalo: SandboxZalo, headers: dict[str, str], **changes: Any) -> Any:
    body = {"user_id": USER, "template_id": "331", "template_data": DATA} | changes
    return requests.post(zalo.api_url + "/v3.0/oa/message/template", json=body, headers=headers, timeout=10).json()


def by_phone(zalo: SandboxZalo, headers: dict[str, str], **changes: Any) -> Any:
    body = {"phone": PHONE, "template_id": "331", "template_data": DATA} | changes
    return requests.post(zalo.api_url + "/message/template", json=body, headers=headers, timeout=10).json()


def get(zalo: SandboxZalo, headers: dict[str, str], path: str, **parameters: Any) -> Any:
    return requests.get(zalo.api_url + path, params=parameters, headers=headers, timeout=10).json()


def test_a_template_by_user_id_needs_no_window(zalo: SandboxZalo, headers: dict[str, str]) -> None:
    """Who never wrote gets it all the same."""
    reply = by_user_id(zalo, headers)

    assert (reply["error"], reply["data"]["user_id"], reply["data"]["sent_time"].isdecimal()) == (0, USER, True)
    [message] = zalo.messages()
    assert (message["channel"], message["template_id"], message["template_data"]) == ("zalo_template", "331", DATA)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"template_id": "332"}, -249),
        ({"template_id": "334"}, -201),
        ({"template_id": 331}, -201),
        ({"user_id": "4611686018427390099"}, -201),
        ({"template_data": {"ma_ho_so": "x"}}, -201),
        ({"template_data": DATA | {"la": "x"}}, -201),
        ({"template_data": DATA | {"nguoi_nop": "x" * 31}}, -210),
    ],
)
def test_a_template_by_user_id_is_refused(
    zalo: SandboxZalo, headers: dict[str, str], changes: dict[str, Any], code: int
) -> None:
    """In the codes of the OA host."""
    assert by_user_id(zalo, headers, **changes)["error"] == code


def test_promotion_keeps_the_night(zalo: SandboxZalo, headers: dict[str, str]) -> None:
    """From 22:00 to 06:00 in Vietnam, and only tag 3."""
    assert by_user_id(zalo, headers, template_id="333")["error"] == 0

    zalo.clock(now=NIGHT)

    assert by_user_id(zalo, headers, template_id="333")["error"] == -234
    assert by_user_id(zalo, headers)["error"] == 0


def test_a_send_by_phone_has_string_numbers_and_a_falling_quota(zalo: SandboxZalo, headers: dict[str, str]) -> None:
    """The template id may be a number; the tracking id comes through and does not deduplicate."""
    zalo.switch(zns_daily_quota=500)

    first, second = (by_phone(zalo, headers, template_id=331, tracking_id="hs-1") for _ in range(2))

    assert first["data"]["quota"] == {"remainingQuota": "499", "dailyQuota": "500"}
    assert second["data"]["quota"]["remainingQuota"] == "498"
    assert first["data"]["msg_id"] != second["data"]["msg_id"]
    assert first["data"]["sending_mode"] == "1"
    assert [(m["channel"], m["phone"], m["tracking_id"]) for m in zalo.messages()] == [("zns", PHONE, "hs-1")] * 2


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"phone": "+84912345678"}, 0),
        ({"phone": "0912345678"}, -108),
        ({"phone": 84912345678}, -108),
        ({"phone": "84999999999"}, -118),
        ({"template_id": "999"}, -109),
        ({"template_id": "334"}, -131),
        ({"template_data": {}}, -111),
        ({"template_data": {"ma_ho_so": "x"}}, -1122),
        ({"template_data": DATA | {"nguoi_nop": 7}}, -112),
        ({"template_data": DATA | {"nguoi_nop": "x" * 31}}, -1121),
        ({"template_data": DATA | {"la": "x"}}, -1124),
        ({"tracking_id": "x" * 49}, -132),
        ({"sending_mode": "3"}, -161),
    ],
)
def test_a_send_by_phone_is_judged_in_the_codes_of_its_host(
    zalo: SandboxZalo, headers: dict[str, str], changes: dict[str, Any], code: int
) -> None:
    """The same faults, other numbers."""
    assert by_phone(zalo, headers, **changes)["error"] == code


@pytest.mark.parametrize(("raw", "code"), [(b"", -121), (b"{", -122)])
def test_a_body_by_phone_that_cannot_be_read_is_refused(
    zalo: SandboxZalo, headers: dict[str, str], raw: bytes, code: int
) -> None:
    """Empty and broken have a code each."""
    answer = requests.post(zalo.api_url + "/message/template", data=raw, headers=headers, timeout=10)

    assert answer.json()["error"] == code


@pytest.mark.parametrize(("trouble", "code"), [("no_zalo", -118), ("inactive", -114), ("refuses_oa", -141)])
def test_a_phone_may_be_out_of_reach(zalo: SandboxZalo, headers: dict[str, str], trouble: str, code: int) -> None:
    """By what is the matter with the person."""
    zalo.people([{"phone": PHONE, trouble: True}])

    assert by_phone(zalo, headers)["error"] == code


def test_tokens_are_answered_with_one_code_by_phone(zalo: SandboxZalo, headers: dict[str, str]) -> None:
    """Unknown and expired alike."""
    wanted = {"error": -124, "message": "Access token invalid"}
    assert by_phone(zalo, {}) == wanted

    zalo.expire_tokens()

    assert by_phone(zalo, headers) == wanted


def test_the_day_s_quota_ends_and_begins_again(zalo: SandboxZalo, headers: dict[str, str]) -> None:
    """At midnight in Vietnam."""
    zalo.switch(zns_daily_quota=1)

    assert [by_phone(zalo, headers)["error"] for _ in range(2)] == [0, -144]
    zalo.clock(now="2026-11-24T00:00:01+07:00")
    assert by_phone(zalo, headers)["error"] == 0
    assert get(zalo, headers, "/message/quota")["data"]["remainingQuota"] == 0


def test_a_template_may_be_for_the_day_only(zalo: SandboxZalo, headers: dict[str, str]) -> None:
    """A property of the template."""
    zalo.clock(now=NIGHT)

    assert by_phone(zalo, headers, template_id="335")["error"] == -133


def test_a_status_can_be_asked_by_message_id_only(zalo: SandboxZalo, headers: dict[str, str]) -> None:
    """Delivered, waiting for a phone that is off, unknown, and no id at all."""
    delivered = by_phone(zalo, headers)["data"]["msg_id"]
    zalo.people([{"phone": "84987654321", "phone_off": True}])
    waiting = by_phone(zalo, headers, phone="84987654321")["data"]["msg_id"]

    replies = [get(zalo, headers, "/message/status", message_id=i) for i in (delivered, waiting, "0" * 20, "x")]

    assert [reply.get("data", reply).get("status", reply["error"]) for reply in replies] == [1, 0, -1, -107]
    assert replies[0]["data"]["delivery_time"].isdecimal()
    assert replies[1]["data"]["delivery_time"] is None


def test_the_register_lists_and_describes_templates(zalo: SandboxZalo, headers: dict[str, str]) -> None:
    """A status is asked for by number; a word is refused."""
    page = get(zalo, headers, "/template/all", offset=0, limit=100, status=1)
    info = get(zalo, headers, "/template/info/v2", template_id="331")["data"]

    assert ([row["templateId"] for row in page["data"]], page["metadata"]) == (
        ["331", "332", "333", "335"],
        {"total": 4},
    )
    assert (info["templateName"], info["listParams"][0]["name"]) == ("Tiếp nhận", "ma_ho_so")
    assert (info["listParams"][0]["maxLength"], info["price_uid"]) == (30, "140")
    assert get(zalo, headers, "/template/all", status="ENABLE") == {"error": -132, "message": "Invalid status"}


def test_chats_show_templates_only_when_switched_on(zalo: SandboxZalo, headers: dict[str, str]) -> None:
    """Whether Zalo shows them is not known."""
    by_user_id(zalo, headers)
    data = json.dumps({"user_id": USER})

    assert get(zalo, headers, "/v2.0/oa/conversation", data=data)["data"] == []
    zalo.switch(templates_in_conversation=True)
    assert len(get(zalo, headers, "/v2.0/oa/conversation", data=data)["data"]) == 1
