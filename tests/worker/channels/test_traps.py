"""What has caught others in Zalo's bodies, each with a body of our own in that shape: ids, empty phones, numbers."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from domain.outcome import HoldScope, Sent, Wait
from worker.channels.zalo import users
from worker.channels.zalo.codes import Host, Meaning, Scope, look_up
from worker.channels.zalo.register import Registered, RegisteredParam, read_template
from worker.channels.zalo.replies import rate_headers, read_send
from worker.channels.zalo.users import Detail, Listed
from worker.wire.protocol import NotSent, Reply

NOW = datetime(2026, 3, 10, 5, tzinfo=UTC)
OK = {"error": 0, "message": "Success"}
PERSON = {
    "user_id": "6142494823000000001",
    "display_name": "Công dân Mẫu",
    "is_sensitive": False,
    "user_last_interaction_date": "09/03/2026",
    "user_is_follower": True,
    "avatars": {"120": "https://example.org/120.jpg", "240": "https://example.org/240.jpg"},
    "tags_and_notes_info": {"notes": [], "tag_names": []},
}
SHARED = {"address": "", "city": "", "district": "", "name": "", "user_dob": ""}


def detail(**fields: Any) -> Detail | None:
    """The detail of a person with these fields changed."""
    return users.read_detail(OK | {"data": PERSON | fields})


@pytest.mark.parametrize(
    ("shared", "phone"),
    [
        ({"phone": 0}, None),  # the number 0 means: nothing
        ({"phone": "0"}, None),
        ({"phone": ""}, None),
        ({"phone": None}, None),
        ({}, None),
        ({"phone": 84978362918}, "+84978362918"),
        ({"phone": "84978362918"}, "+84978362918"),
        ({"phone": "0978 362 918"}, "+84978362918"),
        ({"phone": 842393855555}, None),  # a landline
    ],
)
def test_an_empty_phone_is_the_number_zero(shared: dict[str, Any], phone: str | None) -> None:
    """A number, a text, nothing at all: only what is a mobile is kept."""
    assert detail(shared_info=SHARED | shared) == Detail(follows=True, phone=phone, interacted_on=date(2026, 3, 9))


def test_recorded_details_lack_what_was_never_shared() -> None:
    """No `shared_info`, no `user_id_by_app`, no `dynamic_param`: not an error."""
    assert detail() == Detail(follows=True, phone=None, interacted_on=date(2026, 3, 9))
    assert detail(user_last_interaction_date="") == Detail(follows=True, phone=None, interacted_on=None)
    assert detail(user_is_follower=False, shared_info=None) == Detail(
        follows=False, phone=None, interacted_on=date(2026, 3, 9)
    )


@pytest.mark.parametrize("data", [None, [], "x", {"users": {}}])
def test_a_body_in_another_shape_is_no_page(data: object) -> None:
    """Neither a guess nor a traceback."""
    assert users.read_list(OK | {"data": data}) is None


def test_ids_are_texts_and_stay_exact() -> None:
    """Above 2^53 a float would change the person; a number in the JSON survives as its digits."""
    page = {"total": "2", "count": 50, "users": [{"user_id": "6142494823000000001"}, {"user_id": 6142494823000000003}]}
    assert users.read_list(OK | {"data": page}) == Listed(2, ["6142494823000000001", "6142494823000000003"])


def test_count_echoes_the_request_and_an_empty_page_may_have_no_list() -> None:
    """The rows are counted, not believed."""
    assert users.read_list(OK | {"data": {"total": 0, "count": 50, "offset": 0}}) == Listed(0, [])


@pytest.mark.parametrize(
    ("last", "moment"),
    [
        ("1773118800000", datetime(2026, 3, 10, 5, tzinfo=UTC)),
        (1773118800000, datetime(2026, 3, 10, 5, tzinfo=UTC)),
        ("", None),
        (None, None),
        ("soon", None),
        (10**40, None),
    ],
)
def test_quotas_and_times_are_numbers_or_texts(last: object, moment: datetime | None) -> None:
    """The last interaction, beside quotas that may be numbers, texts or missing (since 2026-03)."""
    for quota in ({"remain": 8, "total": 8}, {"remain": "8"}, None):
        assert users.read_interaction(OK | {"data": {"last_interaction": last, "cs_reply": quota}}) == moment


@pytest.mark.parametrize(
    "data",
    [
        {"message_id": "0f1e2d3c4b5a69788796", "quota": {"quota_type": "reply", "remain": "8", "total": "8"}},
        {"message_id": "0f1e2d3c4b5a69788796", "quota": {"quota_type": "purchase_quota", "remain": 4821}},
        {"message_id": "0f1e2d3c4b5a69788796"},
    ],
)
def test_a_quota_in_a_send_reply_is_never_needed(data: dict[str, Any]) -> None:
    """As text, as number, not at all."""
    body = json.dumps({"data": data, "error": 0, "message": "Success"}).encode()
    assert read_send(Host.OPENAPI, Reply(200, {}, body, 5), now=NOW, jitter=0) == Sent("0f1e2d3c4b5a69788796")


@pytest.mark.parametrize(
    ("message", "scope"),
    [
        ("Your application reached limit call api", Scope.APP),
        ("Your OA reached limit call api", Scope.OA),
    ],
)
def test_the_limit_is_said_in_two_wordings(message: str, scope: Scope) -> None:
    """One number, two limits; both were not executed."""
    row = look_up(Host.OPENAPI, -32, message)
    assert (row.meaning, row.scope) == (Meaning.RATE, scope)
    body = json.dumps({"error": -32, "message": message}).encode()
    outcome = read_send(Host.OPENAPI, Reply(200, {}, body, 5), now=NOW, jitter=0)
    assert isinstance(outcome, Wait)
    assert outcome.hold is not HoldScope.NOTICE


def test_the_rate_header_is_spelt_remain() -> None:
    """X-RateLimit-Remain, without -ing."""
    assert rate_headers(Reply(200, {"x-ratelimit-limit": "4000", "x-ratelimit-remain": "17"}, b"", 5)) == (4000, 17)
    assert rate_headers(Reply(200, {"x-ratelimit-limit": "4000", "x-ratelimit-remaining": "17"}, b"", 5)) is None


def test_a_get_carries_its_parameters_as_one_json_parameter() -> None:
    """Not `?user_id=…`; the id stays a text in it."""
    call = users.detail_of("6142494823000000001").call("https://openapi.zalo.me", 3, "token")
    assert (
        call.url == "https://openapi.zalo.me/v3.0/oa/user/detail?data=%7B%22user_id%22%3A+%226142494823000000001%22%7D"
    )
    assert (call.headers, call.body) == ({"access_token": "token"}, None)


@pytest.mark.parametrize("result", [NotSent("x", 1), Reply(500, {}, b"{}", 1), Reply(200, {}, b"<html>", 1)])
def test_an_answer_that_is_none_is_none(result: Reply | NotSent) -> None:
    """Look-ups may be asked again."""
    assert users.read_answer(result) is None


def test_a_template_of_the_register_has_strings_where_numbers_would_be() -> None:
    """Prices are texts, limits numbers or texts, an old tag has a long name, lists may be missing."""
    data = {
        "templateId": 331,
        "status": "ENABLE",
        "templateTag": "IN_TRANSACTION",
        "listParams": [{"name": "ma", "require": True, "maxLength": "30"}, {"name": "khac", "require": "false"}],
        "price_uid": "140",
        "price_sdt": "200",
    }
    assert read_template(json.dumps(OK | {"data": data}).encode()) == Registered(
        "ENABLE",
        "IN_TRANSACTION",
        (RegisteredParam("ma", required=True, longest=30), RegisteredParam("khac", required=False, longest=None)),
        prices={"price_uid": "140", "price_sdt": "200"},
    )
    assert read_template(b'{"error": "-109", "message": "Template id is invalid"}') == (
        "Zalo trả mã -109: the template id is invalid"
    )
    assert read_template(b"[]") == "Zalo trả lời không đúng dạng"
