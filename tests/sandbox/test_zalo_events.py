"""Signed webhooks, and what the event changes."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import requests

from sandbox.zalo.client import SandboxZalo, SandboxZaloError
from sandbox.zalo.events import signature

USER, APP, OA, SECRET = "4611686018427390011", "3605180934221887501", "2893352839501541173", "oa-key"


class Hook(HTTPServer):
    """Keeps what it is sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Receiver)
        self.seen: list[tuple[dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hooks/zalo"


class Receiver(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def hook() -> Iterator[Hook]:
    with Hook() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def process() -> Iterator[SandboxZalo]:
    with SandboxZalo(app_id=APP, oa_id=OA, oa_secret=SECRET) as zalo:
        yield zalo


@pytest.fixture
def zalo(process: SandboxZalo) -> SandboxZalo:
    process.reset()
    return process


def send(zalo: SandboxZalo) -> Any:
    return requests.post(
        zalo.api_url + "/v3.0/oa/message/cs",
        json={"recipient": {"user_id": USER}, "message": {"text": "Xin chào"}},
        headers={"access_token": zalo.mint_tokens()["access_token"]},
        timeout=10,
    ).json()


def test_the_signature_is_a_plain_hash_of_a_concatenation() -> None:
    """The known vector: app X, body BODY, time 1234567890, key Y."""
    expected = "mac=2f1ef5aabe67e8396a459ca89562e108ad541f82ba5022c85f645bd6b7220cb9"

    assert signature("X", b"BODY", "1234567890", "Y") == expected


def test_a_follow_is_told_signed_over_the_exact_bytes(zalo: SandboxZalo, hook: Hook) -> None:
    """And from then on the person can be written to."""
    assert send(zalo)["error"] == -201

    sent = zalo.event("follow", hook.url, user_id=USER)

    [(headers, body)] = hook.seen
    event = json.loads(body)
    assert (sent["statuses"], sent["body"]) == ([200], body.decode())
    assert headers["x-zevent-signature"] == signature(APP, body, event["timestamp"], SECRET)
    assert (event["event_name"], event["follower"], event["oa_id"], event["app_id"]) == (
        "follow",
        {"id": USER},
        OA,
        APP,
    )
    assert send(zalo)["error"] == 0


def test_a_text_of_a_person_opens_the_window_and_enters_the_chat(zalo: SandboxZalo, hook: Hook) -> None:
    """The row is from the user, and the event carries its id."""
    zalo.people([{"user_id": USER, "last_interaction": None}])
    assert send(zalo)["error"] == -230

    zalo.event("user_send_text", hook.url, user_id=USER, text="Hồ sơ của tôi đâu?")

    event = json.loads(hook.seen[0][1])
    assert (event["sender"], event["recipient"]) == ({"id": USER}, {"id": OA})
    assert event["message"]["text"] == "Hồ sơ của tôi đâu?"
    assert send(zalo)["error"] == 0
    chat = requests.get(
        zalo.api_url + "/v2.0/oa/conversation",
        params={"data": json.dumps({"user_id": USER})},
        headers={"access_token": zalo.mint_tokens()["access_token"]},
        timeout=10,
    ).json()["data"]
    assert [(row["src"], row["from_id"]) for row in chat] == [(0, OA), (1, USER)]
    assert chat[1]["message_id"] == event["message"]["msg_id"]


def test_submitted_info_is_told_and_remembered(zalo: SandboxZalo, hook: Hook) -> None:
    """The phone is in the event as text, and in the detail as a number."""
    zalo.event("user_submit_info", hook.url, user_id=USER, name="Trần Thị Nhẫn", phone="84912345678")

    info = json.loads(hook.seen[0][1])["info"]
    detail = requests.get(
        zalo.api_url + "/v3.0/oa/user/detail",
        params={"data": json.dumps({"user_id": USER})},
        headers={"access_token": zalo.mint_tokens()["access_token"]},
        timeout=10,
    ).json()["data"]

    assert (info["name"], info["phone"]) == ("Trần Thị Nhẫn", "84912345678")
    assert detail["shared_info"]["phone"] == 84912345678


def test_receipts_name_the_message(zalo: SandboxZalo, hook: Hook) -> None:
    """Received by one id, seen by a list of them; OA to user."""
    zalo.people([{"user_id": USER}])
    message_id = send(zalo)["data"]["message_id"]

    zalo.event("user_received_message", hook.url, message_id=message_id)
    zalo.event("user_seen_message", hook.url, message_id=message_id)

    received, seen = (json.loads(body) for _, body in hook.seen)
    assert (received["sender"], received["recipient"]) == ({"id": OA}, {"id": USER})
    assert (received["message"], seen["message"]) == ({"msg_id": message_id}, {"msg_ids": [message_id]})


def test_a_receipt_by_phone_names_phone_time_and_tracking_id(zalo: SandboxZalo, hook: Hook) -> None:
    """It is marked by a header of its own."""
    zalo.people([{"phone": "84912345678"}])
    zalo.templates([{"template_id": "331", "params": ["ma"]}])
    message_id = requests.post(
        zalo.api_url + "/message/template",
        json={"phone": "84912345678", "template_id": "331", "template_data": {"ma": "1"}, "tracking_id": "hs-1"},
        headers={"access_token": zalo.mint_tokens()["access_token"]},
        timeout=10,
    ).json()["data"]["msg_id"]

    zalo.event("user_received_message", hook.url, message_id=message_id, delivery_time=1795442709000)

    [(headers, body)] = hook.seen
    assert headers["x-zevent-server"] == "ZNS"
    assert json.loads(body)["recipient"] == {"id": "84912345678"}
    assert json.loads(body)["message"] == {
        "delivery_time": "1795442709000",
        "msg_id": message_id,
        "tracking_id": "hs-1",
    }


def test_an_event_may_be_doubled_or_signed_wrongly(zalo: SandboxZalo, hook: Hook) -> None:
    """At least once means more than once, and not everyone who knocks is Zalo."""
    zalo.event("unfollow", hook.url, user_id=USER, times=2)
    zalo.event("unfollow", hook.url, user_id=USER, signature="mac=0")

    assert hook.seen[0] == hook.seen[1]
    assert hook.seen[2][0]["x-zevent-signature"] == "mac=0"


def test_a_hook_that_is_not_there_is_status_0(zalo: SandboxZalo) -> None:
    """And an unknown event is explained."""
    assert zalo.event("follow", zalo.api_url.replace("http:", "https:"), user_id=USER)["statuses"] == [0]
    with pytest.raises(SandboxZaloError, match="no event 'dance'"):
        zalo.event("dance", "http://localhost", user_id=USER)


def test_the_echo_of_a_message_has_its_id_and_words(zalo: SandboxZalo, hook: Hook) -> None:
    """Zalo tells the App what its OA sent, also what the App sent itself."""
    zalo.people([{"user_id": USER}])
    message_id = send(zalo)["data"]["message_id"]
    zalo.event("oa_send_text", hook.url, message_id=message_id)
    body = json.loads(hook.seen[-1][1])
    assert body["message"] == {"msg_id": message_id, "text": "Xin chào"}
    assert (body["sender"], body["recipient"]) == ({"id": OA}, {"id": USER})


def test_who_withdraws_follows_no_more(zalo: SandboxZalo, hook: Hook) -> None:
    zalo.people([{"user_id": USER}])
    zalo.event("user_withdraw", hook.url, user_id=USER)
    body = json.loads(hook.seen[-1][1])
    assert (body["event_name"], body["user_id"], body["oa_id"]) == ("user_withdraw", USER, OA)
