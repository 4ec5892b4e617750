"""Control and the page: what tests and people look at."""

import threading
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from sandbox.zalo.client import SandboxZalo, SandboxZaloError

ANNA, BINH = "4611686018427390011", "4611686018427390022"


@pytest.fixture(scope="module")
def process() -> Iterator[SandboxZalo]:
    with SandboxZalo(everybody_known=True, oa_name="Một <cửa> & Hà Tĩnh") as zalo:
        yield zalo


@pytest.fixture
def zalo(process: SandboxZalo) -> SandboxZalo:
    process.reset()
    return process


def send(zalo: SandboxZalo, user_id: str, words: str) -> None:
    requests.post(
        zalo.api_url + "/v3.0/oa/message/cs",
        json={"recipient": {"user_id": user_id}, "message": {"text": words}},
        headers={"access_token": zalo.mint_tokens()["access_token"]},
        timeout=10,
    )


def texts(messages: list[dict[str, Any]]) -> list[str]:
    return [message["text"] for message in messages]


def test_messages_come_in_the_order_of_acceptance(zalo: SandboxZalo) -> None:
    """With numbers to go on from, and the real time of each."""
    began = time.time()
    for user_id, words in ((ANNA, "một"), (BINH, "hai"), (ANNA, "ba")):
        send(zalo, user_id, words)

    everything = zalo.messages()

    assert [(m["seq"], m["text"]) for m in everything] == [(1, "một"), (2, "hai"), (3, "ba")]
    assert all(began <= m["at"] <= time.time() for m in everything)
    assert texts(zalo.messages(since=1)) == ["hai", "ba"]
    assert texts(zalo.messages(user_id=ANNA)) == ["một", "ba"]
    assert texts(zalo.messages(since=-2)) == ["hai", "ba"]


def test_a_long_list_is_read_page_by_page(zalo: SandboxZalo) -> None:
    """The client puts it together."""
    for number in range(5):
        send(zalo, ANNA, str(number))

    page = requests.get(zalo.control_url + "/messages", params={"limit": 2}, timeout=10).json()

    assert (texts(page["messages"]), page["next"], page["last"]) == (["0", "1"], 2, 5)
    assert len(zalo.messages()) == 5


def test_a_reader_may_wait_for_the_next_message(zalo: SandboxZalo) -> None:
    """It is answered when the message is accepted, long before the wait is over."""
    late = threading.Timer(0.2, send, (zalo, ANNA, "đến rồi"))
    late.start()
    began = time.monotonic()

    found = zalo.messages(wait=30)

    assert (texts(found), time.monotonic() - began < 10) == (["đến rồi"], True)
    late.join()


def test_a_wait_ends_with_nothing(zalo: SandboxZalo) -> None:
    """After so many seconds."""
    assert zalo.messages(wait=0.1) == []


def test_stats_count_what_happened(zalo: SandboxZalo) -> None:
    """Accepted by channel, refused by code, asked by path."""
    send(zalo, ANNA, "a")
    send(zalo, "no number", "b")

    stats = zalo.stats()

    assert (stats["accepted"], stats["accepted_by_channel"], stats["refused"]) == (1, {"zalo_cs": 1}, {"-201": 1})
    assert (stats["requests"], stats["max_per_minute"]) == ({"/v3.0/oa/message/cs": 2}, 2)
    assert stats["connections"] == 2


def test_a_reset_forgets_everything_but_the_tokens(zalo: SandboxZalo) -> None:
    """A running client goes on."""
    token = zalo.mint_tokens()["access_token"]
    send(zalo, ANNA, "a")
    zalo.fault("http_500")
    zalo.switch(latency_ms=900)
    zalo.down()

    zalo.reset()

    assert (zalo.messages(), zalo.faults(), zalo.switch()["latency_ms"]) == ([], [], 0)
    answer = requests.get(zalo.api_url + "/v2.0/oa/getoa", headers={"access_token": token}, timeout=10)
    assert answer.json()["error"] == 0
    assert zalo.stats()["requests"] == {"/v2.0/oa/getoa": 1}


def test_a_misspelt_switch_is_explained(zalo: SandboxZalo) -> None:
    """By name and by type, and nothing is changed."""
    with pytest.raises(SandboxZaloError, match="no switch 'latency'"):
        zalo.switch(oa_src=1, latency=5)
    with pytest.raises(SandboxZaloError, match="takes a int"):
        zalo.switch(latency_ms="5")
    assert zalo.switch()["oa_src"] == 0


def test_all_that_was_said_can_be_made_older(zalo: SandboxZalo) -> None:
    """As if an hour had passed since, and for the look-ups, too."""
    send(zalo, ANNA, "a")
    [message] = zalo.messages()

    zalo.age_messages(3600)

    [aged] = zalo.messages(user_id=ANNA)
    assert (aged["moment"], aged["at"]) == (message["moment"] - 3600, message["at"])
    headers = {"access_token": zalo.mint_tokens()["access_token"]}
    shown = requests.get(f"{zalo.api_url}/v2.0/oa/listrecentchat", headers=headers, params={"data": "{}"}, timeout=10)
    assert [row["time"] for row in shown.json()["data"]] == [int(aged["moment"] * 1000)]


def test_every_answer_is_dated_by_its_own_clock(zalo: SandboxZalo) -> None:
    """Also pages, refusals and bodies that drip: a client may compare clocks."""
    headers = {"access_token": zalo.mint_tokens()["access_token"]}
    for now, kind in (("2026-02-26T09:09:00+07:00", "slow_body"), ("2026-02-25T09:09:00+07:00", "http_503")):
        zalo.clock(now=now, stopped=True)
        told = parsedate_to_datetime(f"{now[8:10]} Feb 2026 02:09:00 GMT")
        for path in ("/v2.0/oa/getoa", "/no/such/path", "/v2.0/oa/conversation"):
            answer = requests.get(zalo.api_url + path, headers=headers, timeout=10)
            assert parsedate_to_datetime(answer.headers["Date"]) == told
        zalo.fault(kind, ms=10, path="/v2.0/oa/getoa")
        answer = requests.get(zalo.api_url + "/v2.0/oa/getoa", headers=headers, timeout=10)
        assert parsedate_to_datetime(answer.headers["Date"]) == told


def test_latency_passes_before_and_after_acceptance(zalo: SandboxZalo) -> None:
    """A reply takes as long as it is told to."""
    zalo.switch(latency_ms=200)
    began = time.time()

    send(zalo, ANNA, "a")

    [message] = zalo.messages()
    assert message["at"] - began >= 0.1
    assert time.time() - message["at"] >= 0.1


def test_the_page_stands_alone_and_names_the_account(zalo: SandboxZalo) -> None:
    """Nothing is fetched from elsewhere, and the name is escaped."""
    answer = requests.get(zalo.control_url + "/", timeout=10)

    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "<b>Một &lt;cửa&gt; &amp; Hà Tĩnh</b>" in answer.text
    assert "{{" not in answer.text
    assert not any(outside in answer.text for outside in ("src=", "@import", "innerHTML", "url("))
