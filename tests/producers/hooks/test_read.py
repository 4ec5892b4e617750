"""Bodies in the shapes that Zalo documents or that were recorded, and in the shapes that trapped its SDKs."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta

import pytest

from domain.tracking import tracking_id
from producers.hooks.event_words import EventWord
from tests.producers.hooks.conftest import NOW, OA, PHONE, USER, body, event, follow, from_user, ms, submit, to_user

MARK = tracking_id(77, OA, "H27-1/accepted/1")


def test_a_follow_without_user_id_by_app_is_a_follow() -> None:
    """Recorded bodies lack it, the documented ones have it; the id stays text above 2^53."""
    for more in ({}, {"user_id_by_app": "552172779717587730"}):
        read = event(follow(**more))
        assert (read.word, read.user_id, read.at) == (EventWord.FOLLOWED, USER, NOW)


def test_an_id_that_comes_as_a_number_keeps_all_its_digits() -> None:
    assert event(follow(follower={"id": int(USER)})).user_id == USER


@pytest.mark.parametrize(
    "info",
    [
        {"phone": PHONE, "user_dob": "30/10/1999", "gender": "Nam", "full_address": {"user_city": "Hà Tĩnh"}},
        {"phone": PHONE, "address": "", "city": "", "district": ""},
        {"phone": int(PHONE)},
        {"phone": "0978001001"},
        {"phone": "+84 978 001 001"},
    ],
)
def test_both_forms_of_info_give_the_phone(info: dict[str, object]) -> None:
    """The documented form, the older one, and what people type into it."""
    read = event(from_user("user_submit_info", info=info))
    assert (read.word, read.phone) == (EventWord.SUBMITTED, f"+{PHONE}")


@pytest.mark.parametrize("phone", [0, "0", "", None, "02393855555", "không có", {"x": 1}, "9" * 5000, 10**400])
def test_a_phone_that_is_none_is_not_learnt(phone: object) -> None:
    """An empty phone is the number 0; a landline has no Zalo."""
    read = event(submit(phone))
    assert (read.word, read.phone) == (EventWord.SUBMITTED, None)


def test_a_receipt_by_phone_keeps_the_true_time_and_no_phone() -> None:
    """ZNS names the phone as recipient; `delivery_time` is when it was delivered, `timestamp` is not."""
    at = NOW - timedelta(minutes=5)
    message = {"delivery_time": ms(at), "msg_id": "15a0cc0bbb13bd4ce403", "tracking_id": MARK}
    for by_phone in (True, False):
        read = event(to_user("user_received_message", PHONE, message=message), by_phone=by_phone)
        assert (read.word, read.at, read.user_id) == (EventWord.RECEIVED, at, None)
        assert (read.message_ids, read.mark) == (("15a0cc0bbb13bd4ce403",), MARK)


@pytest.mark.parametrize("tracking", ["order-77", "77", "hcc77", "hcc0k000000000000", 77])
def test_the_tracking_id_of_another_system_is_no_notice_of_ours(tracking: object) -> None:
    message = {"delivery_time": ms(NOW), "msg_id": "m", "tracking_id": tracking}
    assert event(to_user("user_received_message", PHONE, message=message)).mark is None


def test_seen_ids_are_a_set() -> None:
    read = event(to_user("user_seen_message", message={"msg_ids": ["m2", "m1", "m2", None, {}]}))
    assert (read.word, read.message_ids) == (EventWord.SEEN, ("m1", "m2"))


def test_an_echo_has_its_words_composed_and_storable() -> None:
    """A Mac writes decomposed letters; JSON can spell half a character."""
    text = unicodedata.normalize("NFD", "Hồ sơ") + "\ud800"
    raw = to_user("oa_send_text", message={"msg_id": "m1", "text": "TEXT"}).replace(b"TEXT", b"Ho\\u0302\\ud800")
    assert event(raw).text == "Hô?"
    assert event(to_user("oa_send_text", message={"msg_id": "m1", "text": text[:-1]})).text == "Hồ sơ"


@pytest.mark.parametrize(
    ("message", "text", "ids"),
    [
        ({"msg_id": "m1", "text": "Ho\u0302\u0300 sơ"}, "Hồ sơ", ("m1",)),
        ({"msg_id": "m1", "text": "x" * 5000, "quote_msg_id": "m0"}, "x" * 200, ("m1",)),
        ({"msg_id": "m1", "text": 240219}, "240219", ("m1",)),
        ({"text": "Xin chào"}, "Xin chào", ()),
        ({"msg_id": "m1", "text": ["x"]}, None, ("m1",)),
        ({}, None, ()),
    ],
)
def test_what_somebody_wrote_is_composed_short_and_may_be_missing(
    message: dict[str, object], text: str | None, ids: tuple[str, ...]
) -> None:
    """An interaction whatever stands in it; no more of it is kept than is looked at."""
    read = event(from_user("user_send_text", message=message))
    assert (read.word, read.user_id, read.text, read.message_ids) == (EventWord.WROTE, USER, text, ids)


def test_the_same_event_with_other_bytes_is_the_same_event() -> None:
    """Nobody documents that a retry has the same bytes: message ids tell, or user and time."""
    text = {"msg_id": "m1", "text": "Xin chào"}
    later = NOW + timedelta(seconds=1)
    assert (
        event(from_user("user_send_text", message=text)).key
        == event(from_user("user_send_text", at=later, message=text)).key
    )
    assert event(follow()).key == event(follow(user_id_by_app="1")).key
    assert event(follow()).key != event(follow(at=later)).key
    assert event(follow()).key != event(follow("unfollow")).key
    assert event(follow()).key != event(follow(user="1")).key


@pytest.mark.parametrize(
    "raw",
    [
        follow(follower={}),
        follow(follower={"id": "a b"}),
        follow(follower={"id": "\u0000"}),
        from_user("user_submit_info", sender="x"),
        to_user("user_received_message", message={}),
        to_user("user_received_message", message={"msg_id": ["m"]}),
        to_user("user_seen_message", message={"msg_ids": "m1"}),
        to_user("oa_send_text", message={"msg_id": "m1"}),
        body("user_withdraw", oa_id=OA),
    ],
)
def test_a_genuine_event_in_an_odd_shape_is_odd_and_nothing_more(raw: bytes) -> None:
    """Zalo would come again for an hour and then end the subscription: it is taken, counted, and changes nothing."""
    read = event(raw)
    assert (read.word, read.user_id, read.phone, read.message_ids) == (EventWord.ODD, None, None, ())


def test_unknown_events_keep_their_name_only() -> None:
    assert (event(body("user_dances", oa_id=OA)).word, event(body("user_dances", oa_id=OA)).name) == (
        EventWord.UNKNOWN,
        "user_dances",
    )
    for name in ("x" * 65, "A\u0000", "", 5, None):
        assert event(body("", oa_id=OA, event_name=name)).name in ("nameless", "5")


def test_times_are_utc() -> None:
    assert event(follow()).at.tzinfo is UTC
    assert isinstance(event(follow()).at, datetime)
