"""Consultation messages: what goes in, what comes back, and in which words it is refused."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from sandbox.zalo.client import SandboxZalo

USER = "4611686018427390011"
CS = "/v3.0/oa/message/cs"


@pytest.fixture(scope="module")
def process() -> Iterator[SandboxZalo]:
    with SandboxZalo() as zalo:
        yield zalo


@pytest.fixture
def zalo(process: SandboxZalo) -> SandboxZalo:
    process.reset()
    process.people([{"user_id": USER, "name": "Trần Thị Nhẫn"}])
    return process


@pytest.fixture
def headers(zalo: SandboxZalo) -> dict[str, str]:
    return {"access_token": zalo.mint_tokens()["access_token"]}


def text(words: Any, user_id: Any = USER, **more: Any) -> dict[str, Any]:
    return {"recipient": {"user_id": user_id}, "message": {"text": words, **more}}


def attachment(payload: Any, kind: str = "template", **more: Any) -> dict[str, Any]:
    return {"recipient": {"user_id": USER}, "message": {"attachment": {"type": kind, "payload": payload}, **more}}


def post(zalo: SandboxZalo, body: Any, headers: dict[str, str]) -> Any:
    return requests.post(zalo.api_url + CS, json=body, headers=headers, timeout=10).json()


def test_an_accepted_text_comes_back_with_two_string_ids_and_is_kept(
    zalo: SandboxZalo, headers: dict[str, str]
) -> None:
    """The reply has the recorded shape, and control sees the text as it was sent."""
    reply = post(zalo, text("Hồ sơ đã được tiếp nhận."), headers)

    message_id = reply["data"]["message_id"]
    assert reply == {"data": {"message_id": message_id, "user_id": USER}, "error": 0, "message": "Success"}
    assert len(message_id) == 20
    assert set(message_id) <= set("0123456789abcdef")
    [message] = zalo.messages()
    assert (message["seq"], message["message_id"], message["channel"]) == (1, message_id, "zalo_cs")
    assert (message["user_id"], message["text"]) == (USER, "Hồ sơ đã được tiếp nhận.")


def test_rich_replies_add_the_documented_fields_as_strings(zalo: SandboxZalo, headers: dict[str, str]) -> None:
    """With the switch on, sent_time and quota are there, all of them strings."""
    zalo.switch(rich_replies=True)

    data = post(zalo, text("Xin chào"), headers)["data"]

    assert data["sent_time"].isdecimal()
    assert data["quota"] == {"quota_type": "reply", "remain": "8", "total": "8"}


def test_the_same_text_twice_makes_two_messages(zalo: SandboxZalo, headers: dict[str, str]) -> None:
    """Nothing is taken for a repeat."""
    first, second = (post(zalo, text("Mời nộp phí."), headers)["data"]["message_id"] for _ in range(2))

    assert first != second
    assert [message["message_id"] for message in zalo.messages()] == [first, second]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(text("a" * 2000), 0, id="2000 characters"),
        pytest.param(text("ế" * 2001), -210, id="2001 characters"),
        pytest.param(text(""), -201, id="an empty text"),
        pytest.param(text("a", user_id=int(USER)), -201, id="a user id as a number"),
        pytest.param({"recipient": {"user_id": USER}}, -201, id="no message"),
        pytest.param({"message": {"text": "a"}}, -201, id="no recipient"),
        pytest.param([], -201, id="a list"),
        pytest.param(text("a", quote_message_id="48687128d04c9410cd5f"), 0, id="a quote"),
        pytest.param(attachment({"template_type": "list", "elements": [{"title": "a"}]}), -233, id="a list form"),
        pytest.param(attachment({"token": "t"}, kind="file"), 0, id="a file"),
        pytest.param(attachment({}, kind="audio"), -233, id="an unknown attachment"),
        pytest.param(attachment({"template_type": ["list"]}), -233, id="a form that is no word"),
        pytest.param(
            attachment({"template_type": "media", "elements": [{"media_type": "image", "url": "https://a.vn/b.png"}]}),
            0,
            id="an image",
        ),
    ],
)
def test_a_form_is_accepted_or_refused_by_its_own_code(
    zalo: SandboxZalo, headers: dict[str, str], body: Any, code: int
) -> None:
    """Fields are -201, limits are -210, forms are -233; and a refusal leaves no message and no data."""
    reply = post(zalo, body, headers)

    assert reply["error"] == code
    assert ("data" in reply, len(zalo.messages())) == ((True, 1) if code == 0 else (False, 0))


def test_a_request_for_user_info_needs_title_subtitle_and_picture(zalo: SandboxZalo, headers: dict[str, str]) -> None:
    """The form that asks for a phone is accepted whole and refused without its picture."""
    element = {"title": "Liên kết số điện thoại", "subtitle": "Để nhận tin hồ sơ", "image_url": "https://a.vn/b.png"}
    whole = {"template_type": "request_user_info", "elements": [element]}
    broken = {"template_type": "request_user_info", "elements": [element | {"image_url": ""}]}

    assert post(zalo, attachment(whole), headers)["error"] == 0
    assert post(zalo, attachment(broken), headers) == {"error": -201, "message": "image_url is invalid!"}


def test_buttons_need_a_text_a_known_type_and_are_at_most_five(zalo: SandboxZalo, headers: dict[str, str]) -> None:
    """Each kind of button has its payload; a sixth is too many."""
    button = {"title": "Xem hồ sơ", "type": "oa.open.url", "payload": {"url": "https://dichvucong.gov.vn"}}
    query = {"title": "Hỏi", "type": "oa.query.show", "payload": "#tra-cuu"}

    assert post(zalo, attachment({"buttons": [button, query]}, text="Mời xem"), headers)["error"] == 0
    assert post(zalo, attachment({"buttons": [button]}), headers)["error"] == -201
    assert post(zalo, attachment({"buttons": [button] * 6}, text="Mời xem"), headers)["error"] == -210
    assert post(zalo, attachment({"buttons": [{**button, "type": "oa.jump"}]}, text="a"), headers)["error"] == -201


def test_a_bearer_is_nobody(zalo: SandboxZalo, headers: dict[str, str]) -> None:
    """The token belongs in the header access_token; elsewhere it is not seen."""
    bearer = {"Authorization": f"Bearer {headers['access_token']}"}

    assert post(zalo, text("a"), bearer) == {"error": -216, "message": "Access token is invalid"}


def test_a_body_that_is_no_json_is_refused_with_http_200(zalo: SandboxZalo, headers: dict[str, str]) -> None:
    """Failures are never HTTP errors."""
    answer = requests.post(zalo.api_url + CS, data=b"\xff{", headers=headers, timeout=10)

    assert (answer.status_code, answer.json()["error"]) == (200, -201)


def test_get_parameters_outside_data_are_refused(zalo: SandboxZalo, headers: dict[str, str]) -> None:
    """Zalo documents one query parameter that holds JSON."""
    url = zalo.api_url + "/v3.0/oa/user/detail"

    outside = requests.get(url, params={"user_id": USER}, headers=headers, timeout=10).json()
    inside = requests.get(url, params={"data": f'{{"user_id":"{USER}"}}'}, headers=headers, timeout=10).json()

    assert outside == {"error": -201, "message": "user_id is invalid!"}
    assert inside["data"]["display_name"] == "Trần Thị Nhẫn"
    assert "shared_info" not in inside["data"]


def test_people_and_the_oa_can_be_asked_for(zalo: SandboxZalo, headers: dict[str, str]) -> None:
    """The list echoes the count, its cap holds, and the OA answers with its name."""
    listed = f"{zalo.api_url}/v3.0/oa/user/getlist"

    page = requests.get(listed, params={"data": '{"offset":0,"count":15}'}, headers=headers, timeout=10).json()
    over = requests.get(listed, params={"data": '{"offset":0,"count":51}'}, headers=headers, timeout=10).json()
    oa = requests.get(f"{zalo.api_url}/v2.0/oa/getoa", headers=headers, timeout=10).json()

    assert page["data"] == {"total": 1, "count": 15, "offset": 0, "users": [{"user_id": USER}]}
    assert over["error"] == -210
    assert oa["data"]["name"] == "Hành chính công tỉnh Hà Tĩnh"


@pytest.mark.parametrize(
    ("path", "code"),
    [("/v2.0/oa/message", -240), ("/v3.0/oa/message/transaction", -233), ("/v3.0/oa/message/promotion", -233)],
)
def test_what_was_shut_down_is_refused(zalo: SandboxZalo, headers: dict[str, str], path: str, code: int) -> None:
    """The paths of earlier years send nothing."""
    answer = requests.post(zalo.api_url + path, json=text("a"), headers=headers, timeout=10)

    assert (answer.status_code, answer.json()["error"]) == (200, code)
    assert zalo.messages() == []


def test_a_state_of_the_app_refuses_every_call(zalo: SandboxZalo, headers: dict[str, str]) -> None:
    """The switch stands for an App that lost its grant, or an OA that is not verified."""
    zalo.switch(oa_state=-221)

    reply = post(zalo, text("a"), headers)

    assert reply == {"error": -221, "message": "The OA needs to be verified to use this feature"}
