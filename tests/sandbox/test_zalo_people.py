"""Who can be written to: known, willing, inside seven days."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from sandbox.zalo.client import SandboxZalo, SandboxZaloError

USER = "4611686018427390011"
DAY = 86_400


@pytest.fixture(scope="module")
def process() -> Iterator[SandboxZalo]:
    with SandboxZalo() as zalo:
        yield zalo


@pytest.fixture
def zalo(process: SandboxZalo) -> SandboxZalo:
    process.reset()
    return process


def send(zalo: SandboxZalo, user_id: str = USER) -> Any:
    return requests.post(
        zalo.api_url + "/v3.0/oa/message/cs",
        json={"recipient": {"user_id": user_id}, "message": {"text": "Xin chào"}},
        headers={"access_token": zalo.mint_tokens()["access_token"]},
        timeout=10,
    ).json()


def test_an_unknown_person_is_an_invalid_field(zalo: SandboxZalo) -> None:
    """As for any other wrong field."""
    assert send(zalo) == {"error": -201, "message": "user_id is invalid!"}


def test_everybody_can_be_known(zalo: SandboxZalo) -> None:
    """Then any numeric id will do, and no other."""
    zalo.switch(everybody_known=True)

    assert send(zalo)["error"] == 0
    assert send(zalo, "abc")["error"] == -201


@pytest.mark.parametrize(("age", "code"), [(7 * DAY - 60, 0), (7 * DAY + 60, -230), (None, -230)])
def test_the_window_is_seven_days(zalo: SandboxZalo, age: float | None, code: int) -> None:
    """Counted from the last interaction, whatever it was; never is outside."""
    last = None if age is None else time.time() - age
    zalo.people([{"user_id": USER, "last_interaction": last}])

    assert send(zalo)["error"] == code


def test_the_window_closes_as_the_clock_runs(zalo: SandboxZalo) -> None:
    """A moved clock is enough, and the refusal has Zalo's words."""
    zalo.people([{"user_id": USER}])
    assert send(zalo)["error"] == 0

    zalo.clock(advance=7 * DAY + 1)

    assert send(zalo) == {"error": -230, "message": "User has not interacted with the OA in the past 7 days"}


def test_who_does_not_follow_may_be_written_to_inside_the_window(zalo: SandboxZalo) -> None:
    """Following is one way to interact, not a condition."""
    zalo.people([{"user_id": USER, "follows": False, "last_interaction": time.time() - DAY}])

    assert send(zalo)["error"] == 0


@pytest.mark.parametrize(
    ("trouble", "code"), [("banned", -227), ("restricted", -244), ("blocked", -217), ("receive_cap", -218)]
)
def test_a_trouble_comes_before_the_window(zalo: SandboxZalo, trouble: str, code: int) -> None:
    """The order of the checks is the order of the codes."""
    zalo.people([{"user_id": USER, "last_interaction": None, trouble: True}])

    assert send(zalo)["error"] == code


def test_an_empty_purse_comes_after_the_person(zalo: SandboxZalo) -> None:
    """Money is the last thing that is looked at."""
    zalo.switch(oa_money=-211)
    assert send(zalo)["error"] == -201

    zalo.people([{"user_id": USER}])

    assert send(zalo) == {"error": -211, "message": "Out of quota"}


def test_a_mistyped_field_of_a_person_is_explained(zalo: SandboxZalo) -> None:
    """A test that misspells a wish learns of it."""
    with pytest.raises(SandboxZaloError, match="a person has no baned"):
        zalo.people([{"user_id": USER, "baned": True}])


def test_the_last_interaction_can_be_asked_for_exactly(zalo: SandboxZalo) -> None:
    """The quota look-up tells it in milliseconds, the detail only the day in Vietnam."""
    zalo.people([{"user_id": USER, "last_interaction": "2026-11-23T00:30:00+07:00"}])
    headers = {"access_token": zalo.mint_tokens()["access_token"]}

    quota = requests.post(
        zalo.api_url + "/v3.0/oa/quota/message", json={"user_id": USER}, headers=headers, timeout=10
    ).json()
    detail = requests.get(
        zalo.api_url + "/v3.0/oa/user/detail",
        params={"data": json.dumps({"user_id": USER})},
        headers=headers,
        timeout=10,
    ).json()

    assert quota["data"]["last_interaction"] == "1795368600000"
    assert detail["data"]["user_last_interaction_date"] == "23/11/2026"
