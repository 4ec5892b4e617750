"""The rate bucket: exact, sliding, and a call over it is not executed."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from sandbox.zalo.client import SandboxZalo
from sandbox.zalo.rate import Rate

BODY = {"recipient": {"user_id": "4611686018427390011"}, "message": {"text": "Xin chào"}}


@pytest.fixture(scope="module")
def process() -> Iterator[SandboxZalo]:
    with SandboxZalo(rate_per_minute=5, everybody_known=True) as zalo:
        yield zalo


@pytest.fixture
def zalo(process: SandboxZalo) -> SandboxZalo:
    process.reset()
    return process


def post(zalo: SandboxZalo, token: str) -> requests.Response:
    return requests.post(zalo.api_url + "/v3.0/oa/message/cs", json=BODY, headers={"access_token": token}, timeout=10)


def test_a_window_slides_and_does_not_begin_anew_each_minute() -> None:
    """Two calls at 0 s and 59 s: at 60 s only the first has left the window."""
    rate = Rate()

    admitted = [rate.admit(2, now) for now in (0, 59, 59.9, 60, 60.1, 119, 119.1)]

    assert admitted == [True, True, False, True, False, True, False]
    assert (rate.executed_max, rate.arrived_max, rate.violations) == (2, 5, 3)


def test_a_refused_call_does_not_lengthen_the_wait() -> None:
    """Only executed calls fill the window."""
    rate = Rate()
    rate.admit(1, 0)
    rate.admit(1, 59)

    assert rate.admit(1, 60)


def test_a_call_over_the_limit_is_answered_and_not_executed(zalo: SandboxZalo) -> None:
    """Of eight at once five are accepted; the violations are on record."""
    token = zalo.mint_tokens()["access_token"]

    with ThreadPoolExecutor(8) as threads:
        codes = sorted(answer.json()["error"] for answer in threads.map(post, [zalo] * 8, [token] * 8))

    assert codes == [-32, -32, -32, 0, 0, 0, 0, 0]
    stats = zalo.stats()
    assert (len(zalo.messages()), stats["accepted"], stats["refused"]) == (5, 5, {"-32": 3})
    assert (stats["rate_violations"], stats["max_per_minute"], stats["max_executed_per_minute"]) == (3, 8, 5)


def test_every_reply_tells_the_limit_and_what_remains(zalo: SandboxZalo) -> None:
    """Two headers, the second spelled as Zalo spells it; also on a refusal."""
    answers = [post(zalo, "nobody's") for _ in range(6)]

    assert {answer.headers["X-RateLimit-Limit"] for answer in answers} == {"5"}
    assert [answer.headers["X-RateLimit-Remain"] for answer in answers] == ["4", "3", "2", "1", "0", "0"]
    assert [answer.json()["error"] for answer in answers] == [-216] * 5 + [-32]


def test_the_limit_can_be_changed_while_it_runs(zalo: SandboxZalo) -> None:
    """The switch counts from the next call on."""
    token = zalo.mint_tokens()["access_token"]
    zalo.switch(rate_per_minute=1)

    assert [post(zalo, token).json()["error"] for _ in range(2)] == [0, -32]
    zalo.switch(rate_per_minute=2)
    assert post(zalo, token).json()["error"] == 0
