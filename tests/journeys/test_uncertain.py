"""What may have reached Zalo is settled by asking, never sent again by guess (law 3)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.journeys.conftest import MORNING, World, until

pytestmark = pytest.mark.journey
SEND = "/v3.0/oa/message"


def test_a_reset_after_acceptance_is_found_in_the_conversation_and_not_sent_again(world: World) -> None:
    """Incident 1: Zalo accepted, we never heard; the look-up finds the exact text."""
    world.follow(1001)
    world.zalo.fault("reset_after", count=1, path=SEND)
    world.start("worker", "beat")
    code = world.accept(1001)
    until(lambda: world.states() == {f"{code}/accepted/1": "uncertain"}, "the doubt", world=world)
    world.dossiers.finish(code, at=MORNING + timedelta(minutes=32))
    assert [message["text"][-9:] for message in world.messages(2)] == ["6/02/2024", "quyết xong."[-9:]]
    until(lambda: set(world.states().values()) == {"sent"}, "all to be settled", world=world)
    assert len(world.zalo.messages()) == 2


def test_a_reset_before_acceptance_is_sent_again_only_after_zalo_was_asked(world: World) -> None:
    """The conversation does not show it, also not after a while: it did not arrive, and goes out once."""
    world.follow(1001)
    world.zalo.fault("reset_before", count=1, path=SEND)
    world.start("worker", "beat")
    code = world.accept(1001)
    until(lambda: world.states() == {f"{code}/accepted/1": "uncertain"}, "the doubt", world=world)
    looks = "/v2.0/oa/conversation"
    until(lambda: world.zalo.stats()["requests"].get(looks, 0) >= 2, "two looks that prove nothing", world=world)
    assert world.zalo.messages() == []
    world.let_doubts_age()
    world.messages(1)
    until(lambda: set(world.states().values()) == {"sent"}, "all to be settled", world=world)
    assert len(world.zalo.messages()) == 1
    assert world.zalo.stats()["requests"][looks] >= 3


def test_two_fee_requests_that_read_alike_are_told_apart(world: World) -> None:
    """R12: the same words to the same person twice; the second is not taken for the first."""
    user = world.follow(1001)
    world.start("worker", "beat")
    code = world.accept(1001)
    world.messages(1)
    world.dossiers.request_fee(code, 50_000, at=MORNING + timedelta(minutes=5))
    world.messages(2)
    world.zalo.fault("reset_before", count=1, path=SEND)
    world.dossiers.request_fee(code, 50_000, at=MORNING + timedelta(minutes=6))
    until(lambda: "uncertain" in world.states().values(), "the doubt", world=world)
    world.let_doubts_age()
    texts = [message["text"] for message in world.messages(3)]
    assert texts[1] == texts[2]
    until(lambda: set(world.states().values()) == {"sent"}, "all to be settled", world=world)
    assert len(world.zalo.messages(user_id=user)) == 3
