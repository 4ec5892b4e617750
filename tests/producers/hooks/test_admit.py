"""Who is let in at the door: Zalo, for our app and OA, with an event of now; nobody else, and nothing is shown."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.hooks.admit import AHEAD, OLDEST, Arrived, Keys, Probe, RejectedRequest, RequestFault, admit
from producers.hooks.event_words import KINDS, EventWord
from producers.hooks.read import ZaloEvent
from producers.hooks.signature import is_genuine, signature
from tests.producers.hooks.conftest import APP, KEYS, NOW, OA, SECRET, body, follow, from_user, signed, to_user


def refusal(arrived: Arrived, keys: Keys = KEYS) -> RequestFault:
    """Why this is not let in."""
    admitted = admit(arrived, keys, NOW)
    assert isinstance(admitted, RejectedRequest), admitted
    return admitted.fault


def test_the_signature_is_the_one_of_zalos_sdk() -> None:
    """The vector was computed with the official formula: app id, body, timestamp, secret."""
    wanted = "2f1ef5aabe67e8396a459ca89562e108ad541f82ba5022c85f645bd6b7220cb9"
    assert signature("X", b"BODY", "1234567890", "Y") == wanted
    for header in (wanted, f"mac={wanted}", f" mac={wanted.upper()} "):
        assert is_genuine(header, "X", b"BODY", "1234567890", "Y")
    for header in ("", "mac=", wanted[:-1], "mac=" + "0" * 64, "\udcff"):
        assert not is_genuine(header, "X", b"BODY", "1234567890", "Y")


@pytest.mark.parametrize("raw", [b"{}", b" {\n} ", b""])
@pytest.mark.parametrize("mac", ["", "mac=00"])
def test_the_probe_is_answered_and_nothing_else(raw: bytes, mac: str) -> None:
    """Zalo posts an empty object, unsigned, when the address is saved."""
    assert admit(Arrived(raw, mac), KEYS, NOW) == Probe()


def test_a_genuine_event_is_let_in_with_and_without_mac() -> None:
    arrived = signed(follow())
    bare = Arrived(arrived.body, arrived.signature.removeprefix("mac="))
    for one in (arrived, bare):
        assert isinstance(admit(one, KEYS, NOW), ZaloEvent)


def test_one_changed_byte_is_a_forgery() -> None:
    arrived = signed(follow())
    assert (
        refusal(Arrived(arrived.body.replace(b"oa_profile", b"oa_profilf"), arrived.signature)) is RequestFault.FORGED
    )


def test_json_written_anew_is_a_forgery() -> None:
    """The signature is over the bytes as they came, not over what they mean."""
    arrived = signed(follow())
    assert (
        refusal(Arrived(json.dumps(json.loads(arrived.body), indent=1).encode(), arrived.signature))
        is RequestFault.FORGED
    )


def test_unsigned_events_are_refused() -> None:
    assert refusal(Arrived(follow(), "")) is RequestFault.UNSIGNED


def test_without_a_secret_nothing_is_let_in() -> None:
    """Not even what is signed with an empty one."""
    raw = follow()
    stamp = json.loads(raw)["timestamp"]
    assert refusal(Arrived(raw, signature(APP, raw, stamp, "")), Keys(APP, OA, "")) is RequestFault.NO_SECRET


@pytest.mark.parametrize("raw", [b"{", b"[]", b"null", b"1", b"\xff", b'"x"', b"[" * 100_000, b"9" * 10_000])
def test_what_is_no_json_object_is_malformed(raw: bytes) -> None:
    assert refusal(Arrived(raw, "mac=00")) is RequestFault.MALFORMED


def test_another_app_and_another_oa_are_refused() -> None:
    """Also where the OA is called oaId, or is only one of the parties."""
    assert refusal(signed(follow(app_id="1"))) is RequestFault.FOREIGN_APP
    assert refusal(signed(follow(oa_id="1"))) is RequestFault.FOREIGN_OA
    assert refusal(signed(body("change_oa_daily_quota", oaId="1", quota={}))) is RequestFault.FOREIGN_OA
    foreign = from_user("user_send_text", recipient={"id": "1"}, message={"msg_id": "m", "text": "x"})
    assert refusal(signed(foreign)) is RequestFault.FOREIGN_OA
    foreign = to_user("user_received_message", sender={"id": "1"}, message={"msg_id": "m"})
    assert refusal(signed(foreign)) is RequestFault.FOREIGN_OA


def test_a_group_that_is_written_to_is_not_taken_for_a_foreign_oa() -> None:
    """Events that we do not use are let in whoever their parties are: a refusal would only bring them back."""
    raw = body("user_send_group_text", sender={"id": "1"}, recipient={"id": "2"}, message={"msg_id": "m"})
    assert isinstance(admit(signed(raw), KEYS, NOW), ZaloEvent)


def test_too_old_and_from_the_future_are_refused() -> None:
    """Three hours cover Zalo's last retry; a replay from yesterday changes nothing."""
    second = timedelta(seconds=1)
    assert isinstance(admit(signed(follow(at=NOW - OLDEST + second)), KEYS, NOW), ZaloEvent)
    assert refusal(signed(follow(at=NOW - OLDEST - second))) is RequestFault.STALE
    assert refusal(signed(follow(at=NOW + AHEAD + second))) is RequestFault.AHEAD


@pytest.mark.parametrize("stamp", ["", "soon", "-1", "9" * 40, "1e3", None, {}, 1.5, "١٢٣"])
def test_a_time_that_is_none_is_refused(stamp: Any) -> None:
    assert refusal(signed(follow(timestamp=stamp))) in (RequestFault.FORGED, RequestFault.STALE, RequestFault.AHEAD)


def test_the_time_may_be_a_number_or_stand_in_a_header() -> None:
    """Both are undocumented; what is signed decides."""
    stamp = int(NOW.timestamp() * 1000)
    assert isinstance(admit(signed(follow(timestamp=stamp)), KEYS, NOW), ZaloEvent)
    raw = json.dumps({"event_name": "follow", "app_id": APP, "oa_id": OA, "follower": {"id": "1"}}).encode()
    mac = signature(APP, raw, str(stamp), SECRET)
    assert isinstance(admit(Arrived(raw, mac, timestamp=str(stamp)), KEYS, NOW), ZaloEvent)
    assert refusal(Arrived(raw, mac)) is RequestFault.FORGED


FIELDS = ("event_name", "app_id", "oa_id", "oaId", "sender", "recipient", "follower", "user_id", "message", "info")
BODIES = int(os.environ.get("HCC_ABUSE_BODIES", "1000"))
NASTY = (None, True, 0, -1, 1.5, 10**400, "", "0", "\u0000", "\ud800", "a" * 100, OA, APP, [], {}, [[]], {"id": {}})
INNER = st.dictionaries(
    st.sampled_from(("id", "msg_id", "msg_ids", "text", "phone", "delivery_time", "tracking_id")),
    st.sampled_from((*NASTY, "84978001001", ["m1", None, 5])),
    max_size=4,
)
lifelike = st.dictionaries(
    st.sampled_from(FIELDS), st.sampled_from((*NASTY, *sorted(KINDS))) | INNER | st.text(max_size=5), max_size=6
)


@settings(max_examples=BODIES)
@given(raw=st.binary(max_size=200) | lifelike.map(lambda made: json.dumps(made).encode()), sign=st.booleans())
def test_no_body_at_all_makes_the_door_raise(raw: bytes, sign: bool) -> None:
    """Random bodies, unsigned and signed: each is let in, answered as a probe or refused; `make abuse` tries 10,000."""
    stamp = str(int(NOW.timestamp() * 1000))
    mac = ""
    if sign:
        try:
            made = json.loads(raw)
        except ValueError:
            made = None
        if isinstance(made, dict):
            made |= {"timestamp": stamp, "app_id": APP}
            raw = json.dumps(made).encode()
        mac = signature(APP, raw, stamp, SECRET)
    assert isinstance(admit(Arrived(raw, mac), KEYS, NOW), ZaloEvent | Probe | RejectedRequest)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_every_known_event_has_a_word(name: str) -> None:
    """With the least that its kind needs, it is never `unknown` or `odd`."""
    raw = body(
        name, oa_id=OA, user_id="7", follower={"id": "7"}, info={"phone": "0"}, message={"msg_id": "m", "text": "x"},
        sender={"id": "7"}, recipient={"id": OA},
    )  # fmt: skip
    if name in ("user_received_message", "user_seen_message", "oa_send_text"):
        raw = raw.replace(b'"sender": {"id": "7"}', b'"sender": {"id": "%s"}' % OA.encode()).replace(
            b'"recipient": {"id": "%s"}' % OA.encode(), b'"recipient": {"id": "7"}'
        )
    admitted = admit(signed(raw), KEYS, NOW)
    assert isinstance(admitted, ZaloEvent), admitted
    assert admitted.word is KINDS[name].word
    assert admitted.word not in (EventWord.UNKNOWN, EventWord.ODD)


def test_nothing_personal_shows_in_what_the_door_makes() -> None:
    """What ends in a log or a traceback shows no user, no phone, no words."""
    raw = from_user("user_submit_info", "6142494823000009999", info={"phone": "84978009999", "name": "An"})
    arrived = signed(raw)
    shown = repr((arrived, admit(arrived, KEYS, NOW), KEYS))
    for secret in ("6142494823000009999", "978009999", "An", SECRET):
        assert secret not in shown
