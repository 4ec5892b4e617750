"""Misbehaviour on demand: what the client sees, and whether the message was accepted."""

import time
from collections.abc import Iterator

import pytest
import requests

from sandbox.zalo.client import SandboxZalo, SandboxZaloError

ANNA, BINH = "4611686018427390011", "4611686018427390022"
CS = "/v3.0/oa/message/cs"


@pytest.fixture(scope="module")
def process() -> Iterator[SandboxZalo]:
    with SandboxZalo(everybody_known=True) as zalo:
        yield zalo


@pytest.fixture
def zalo(process: SandboxZalo) -> SandboxZalo:
    process.reset()
    return process


def send(zalo: SandboxZalo, user_id: str = ANNA, timeout: float = 10) -> requests.Response:
    return requests.post(
        zalo.api_url + CS,
        json={"recipient": {"user_id": user_id}, "message": {"text": "Xin chào"}},
        headers={"access_token": zalo.mint_tokens()["access_token"]},
        timeout=timeout,
    )


@pytest.mark.parametrize(
    ("kind", "accepted"),
    [("reset_before", 0), ("reset_after", 1), ("empty", 1), ("garbage", 1), ("cut_short", 1)],
)
def test_a_broken_connection_is_an_error_for_the_client(zalo: SandboxZalo, kind: str, accepted: int) -> None:
    """Only control knows whether the message was accepted; the next call is whole again."""
    zalo.fault(kind, count=1)

    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        send(zalo)

    assert len(zalo.messages()) == accepted
    assert send(zalo).json()["error"] == 0


def test_a_reset_is_a_reset_and_not_an_orderly_end(zalo: SandboxZalo) -> None:
    """The client's kernel is told by RST."""
    zalo.fault("reset_after", count=1)

    with pytest.raises(requests.ConnectionError, match="ConnectionResetError"):
        send(zalo)


@pytest.mark.parametrize("status", [500, 502, 503])
@pytest.mark.parametrize(("when", "accepted"), [("before", 0), ("after", 1)])
def test_a_gateway_answers_with_html(zalo: SandboxZalo, status: int, when: str, accepted: int) -> None:
    """Before or after acceptance, which the client cannot see."""
    zalo.fault(f"http_{status}", when=when)

    answer = send(zalo)

    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert len(zalo.messages()) == accepted


@pytest.mark.parametrize("kind", ["truncated_json", "empty_body", "not_json"])
def test_a_reply_of_200_may_not_be_json(zalo: SandboxZalo, kind: str) -> None:
    """The message was accepted, and the reply says nothing of it."""
    zalo.fault(kind)

    answer = send(zalo)

    assert answer.status_code == 200
    with pytest.raises(requests.JSONDecodeError):
        answer.json()
    assert len(zalo.messages()) == 1


def test_a_code_on_demand_is_not_executed(zalo: SandboxZalo) -> None:
    """The wording is that of the host."""
    zalo.fault("error", code=-248)

    assert send(zalo).json() == {"error": -248, "message": "Violates our platform standards"}
    assert zalo.messages() == []


def test_a_delay_and_a_slow_body_outlast_an_impatient_client(zalo: SandboxZalo) -> None:
    """A delay ends before acceptance begins; a slow body is accepted first."""
    zalo.fault("slow_body", ms=600, count=1)
    began = time.monotonic()
    assert send(zalo).json()["error"] == 0
    assert time.monotonic() - began >= 0.6

    zalo.fault("delay", ms=2000, count=1)
    with pytest.raises(requests.ReadTimeout):
        send(zalo, timeout=0.2)
    assert len(zalo.messages()) == 1
    assert len(zalo.messages(since=1, wait=10)) == 1


@pytest.mark.parametrize("kind", ["late", "late_reset"])
def test_a_call_may_be_carried_out_when_its_client_has_gone(zalo: SandboxZalo, kind: str) -> None:
    """It is checked when it comes and never answered; the deed is done later, at its own time."""
    zalo.fault(kind, ms=800, count=1)
    began = time.time()

    with pytest.raises((requests.ReadTimeout, requests.ConnectionError)):
        send(zalo, timeout=0.2)

    assert (zalo.messages(), time.time() - began < 0.8) == ([], True)
    [message] = zalo.messages(wait=10)
    assert 0.8 <= message["moment"] - began < 5
    assert send(zalo).json()["error"] == 0


def test_what_the_checks_refuse_is_not_put_off(zalo: SandboxZalo) -> None:
    """Zalo looks at a call when it comes."""
    zalo.fault("late", ms=300)

    assert send(zalo, "no number").json()["error"] == -201


def test_a_fresh_start_forgets_what_was_put_off(zalo: SandboxZalo) -> None:
    """Nothing of before is carried out after a reset."""
    zalo.fault("late_reset", ms=200)
    with pytest.raises(requests.ConnectionError):
        send(zalo)
    zalo.reset()

    assert zalo.messages(wait=0.5) == []


def test_tokens_can_expire_in_the_middle_of_the_work(zalo: SandboxZalo) -> None:
    """The call that is struck is refused, a new token works."""
    zalo.fault("expire_tokens", count=1)

    assert [send(zalo).json()["error"] for _ in range(2)] == [-220, 0]


def test_a_count_ends_a_fault(zalo: SandboxZalo) -> None:
    """Two strikes, then peace; control tells how many there were."""
    zalo.fault("error", code=-200, count=2)

    assert [send(zalo).json()["error"] for _ in range(3)] == [-200, -200, 0]
    [fault] = zalo.faults()
    assert (fault["hits"], fault["count"]) == (2, 0)


def test_a_fault_may_concern_one_person_or_one_path(zalo: SandboxZalo) -> None:
    """All others are served."""
    zalo.fault("error", code=-200, user_id=BINH)
    zalo.fault("error", code=-204, path="/v2.0/oa")

    assert [send(zalo, who).json()["error"] for who in (ANNA, BINH)] == [0, -200]


def test_a_probability_is_thrown_with_seeded_dice(zalo: SandboxZalo) -> None:
    """The same seed gives the same misfortunes."""
    runs = []
    for _ in range(2):
        zalo.clear_faults()
        zalo.fault("error", code=-200, probability=0.5, seed=7)
        runs.append([send(zalo).json()["error"] for _ in range(20)])

    assert runs[0] == runs[1]
    assert set(runs[0]) == {0, -200}


def test_faults_can_be_switched_off(zalo: SandboxZalo) -> None:
    """All at once."""
    zalo.fault("reset_before")
    zalo.fault("http_500")

    zalo.clear_faults()

    assert send(zalo).json()["error"] == 0
    assert zalo.faults() == []


def test_a_lost_reply_to_a_refresh_has_used_the_token_up(zalo: SandboxZalo) -> None:
    """The worst that can happen to a client, on demand."""
    tokens = zalo.mint_tokens()
    zalo.fault("reset_after", path="/v4/oa/access_token", count=1)
    order = {"app_id": "3605180934221887501", "grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}

    def refresh() -> requests.Response:
        return requests.post(
            zalo.api_url + "/v4/oa/access_token", data=order, headers={"secret_key": "hop-cat-app-secret"}, timeout=10
        )

    with pytest.raises(requests.ConnectionError):
        refresh()
    assert refresh().json()["error"] == -14014


def test_an_unknown_fault_is_explained(zalo: SandboxZalo) -> None:
    """A misspelt wish is an error, not a quiet nothing."""
    with pytest.raises(SandboxZaloError, match="no fault 'reset'"):
        zalo.fault("reset")
    with pytest.raises(SandboxZaloError, match="a fault has no time"):
        zalo.fault("delay", time=3)
