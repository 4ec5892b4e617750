"""The welcome and the card that asks for the phone, on their way through the worker's story."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from config.settings import Settings
from domain.lane import Lane
from domain.notice import Letter
from domain.settling import DoubtQuestion
from ledger.notices.uncertain import Doubt
from tests.producers.hooks.conftest import APP, NOW, OA, USER, Office, follow, submit
from tests.producers.hooks.test_consequences import SECOND, tell
from worker.channels.zalo.forms import message_of
from worker.delivery.deliver import Lease, claim_and_compose, still_wanted
from worker.services.bootstrap import Services
from worker.upkeep.settle import can_be_looked_up


@pytest.fixture
def services(ledger_url: str, redis_url: str) -> Iterator[Services]:
    settings = Settings(
        _env_file=None, database_url=ledger_url, redis_url=redis_url, secret_keys=["0123456789abcdef"],
        zalo_app_id=APP, zalo_oa_id=OA,
    )  # type: ignore[call-arg]  # fmt: skip
    made = Services(settings)
    yield made
    made.close()


def claim(services: Services) -> list[Letter]:
    """Claim what is due, with its words."""
    return claim_and_compose(services, Lane.SERVICE, Lease.begin(services), 10)


def greet(services: Services, office: Office) -> list[Letter]:
    """Somebody follows; both notices are claimed, one after the other."""
    office.receive(follow(at=NOW - SECOND))
    letters = claim(services)
    with office.ledger.begin() as tx:
        tx.exec_driver_sql("UPDATE notices SET state = 'due' WHERE state = 'waiting'")
        tx.exec_driver_sql("UPDATE notices SET state = 'sent', lease = NULL WHERE state = 'sending'")
    return letters + claim(services)


def test_the_welcome_is_a_text_and_the_request_a_card_of_zalos_form(services: Services, office: Office) -> None:
    """One element with title (100), subtitle (500) and image, all three required."""
    welcome, request = (message_of(letter) for letter in greet(services, office))
    assert set(welcome) == {"text"}
    payload = request["attachment"]["payload"]
    assert set(request) == {"attachment"}
    assert (request["attachment"]["type"], payload["template_type"]) == ("template", "request_user_info")
    [element] = payload["elements"]
    assert set(element) == {"title", "subtitle", "image_url"}
    assert 0 < len(element["title"]) <= 100
    assert 0 < len(element["subtitle"]) <= 500
    assert element["image_url"].startswith("https://")


def test_a_card_in_doubt_is_not_judged_by_a_conversation_that_cannot_show_it() -> None:
    """It would never be found there, and be sent again by guess (law 3)."""
    question = DoubtQuestion("Chia sẻ", "follower-1", datetime.now(UTC) - timedelta(minutes=5), 300.0)
    doubt = Doubt(1, OA, "follower-1", "follower-1/phone_request/1", USER, "zalo_cs", question, kind="phone_request")
    assert not can_be_looked_up(doubt)
    assert can_be_looked_up(replace(doubt, kind="welcome"))


def test_who_unfollows_after_the_claim_is_told_nothing(services: Services, office: Office) -> None:
    """R28: the notices go back untried, and the next claim finds nobody to tell."""
    office.receive(follow(at=NOW - 9 * SECOND), submit(at=NOW - 8 * SECOND))
    tell(office)
    letters = claim(services)
    assert len(letters) == 2
    assert still_wanted(services, letters) == letters
    office.receive(follow("unfollow"))
    assert still_wanted(services, letters) == []
    assert set(office.states().values()) == {"due"}
    assert {row.reason for row in office.rows("SELECT reason FROM notices")} == {"unfollowed meanwhile"}
    assert {letter.notice.user_id for letter in claim(services)} == {None}


def test_nothing_of_the_person_is_in_a_greetings_key(services: Services, office: Office) -> None:
    """Keys stand in Redis and in logs."""
    keys = json.dumps(sorted(letter.notice.key for letter in greet(services, office)))
    assert USER not in keys
