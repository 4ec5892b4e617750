"""A channel that no other file has heard of: a room with its row, and its facts, and every room serves it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from config.channels import CHANNEL_FACTS, ChannelFacts, shown_in_conversation
from config.settings import Settings
from domain.notice import Attempt, Letter
from domain.outcome import HoldScope, Outcome, Unreachable, Wait
from ledger.people.people import Link
from sandbox.zalo.client import SandboxZalo
from tests.worker.channels.cases import NOTICE, OA, letter, terms
from tests.worker.channels.conftest import made
from worker.channels import CHANNELS
from worker.channels.cargo import BatchGuard, Cargo
from worker.channels.channel import Ready
from worker.channels.conditions import knows_user, window_is_open, within_budget
from worker.channels.policy import choose
from worker.channels.row import ChannelRow, CodeEffect
from worker.delivery.costs import account_for
from worker.delivery.feedback import channel_hold, update_holds
from worker.services.bootstrap import Services

USER = "6142494823000000001"
FULL, COLD, STRANGER = 7001, 7002, 7003


class Pigeon:
    """A channel without a wire; what it sends is not the matter here."""

    name = "pigeon"

    def ready(self, oa: str) -> Ready:
        return Ready(oa)

    def renew_access(self, oa: str, ready: Ready) -> Ready:  # noqa: ARG002 (it has no access)
        return ready

    def prepare(self, letters: Iterable[Letter], ready: Ready, *, guard: BatchGuard) -> Cargo:
        raise NotImplementedError


ROW = ChannelRow(
    "pigeon",
    lambda _: Pigeon(),
    conditions=(knows_user, window_is_open, within_budget),
    free_window=True,
    units=lambda letter, _: len(letter.text or ""),
    codes={FULL: CodeEffect.LIMIT_REACHED, COLD: CodeEffect.WINDOW_CLOSED, STRANGER: CodeEffect.UNKNOWN_USER},
)


@pytest.fixture(autouse=True)
def pigeon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The two rows."""
    facts = ChannelFacts(price=3, needs=("mail_from",), cure="hỏi người nuôi bồ câu", in_conversation=True)
    monkeypatch.setitem(CHANNEL_FACTS, "pigeon", facts)
    monkeypatch.setitem(CHANNELS, "pigeon", ROW)  # type: ignore[arg-type]  # a dict, for everybody else a Mapping


@pytest.fixture
def services(settings: dict[str, Any], box: SandboxZalo) -> Iterator[Services]:
    """Services whose first channel is the pigeon."""
    yield from made(settings | {"channels": ["pigeon", "paper"], "mail_from": "bo-cau@hatinh.gov.vn"}, box)


def attempt(outcome: Outcome) -> Attempt:
    """An attempt by pigeon, of a notice to a user."""
    return Attempt(replace(NOTICE, user_id=USER), "pigeon", datetime.now(UTC), outcome, 1)


def test_the_settings_know_it_and_say_what_it_lacks() -> None:
    """Names are checked by the table."""
    with pytest.raises(ValueError, match=r"kênh lạ: dove; có: .*pigeon"):
        Settings(_env_file=None, channels=["pigeon", "dove"])  # type: ignore[call-arg]  # as everywhere
    with pytest.raises(ValueError, match="kênh pigeon cần HCC_MAIL_FROM: hỏi người nuôi bồ câu"):
        Settings(_env_file=None, channels=["pigeon"])  # type: ignore[call-arg]


@pytest.mark.parametrize(("hours_ago", "channel", "dong"), [(1, "pigeon", 0), (49, "pigeon", 6), (200, "paper", 6)])
def test_the_policy_asks_its_conditions_its_window_and_its_price(hours_ago: float, channel: str, dong: int) -> None:
    """Free, then charged by its own units, then the last resort."""
    one = letter("ru", user_id=USER, hours_ago=hours_ago)
    now = terms(order=lambda _: ["pigeon", "paper"], prices={"pigeon": 3})
    assert (choose(one, now), ROW.price(one, now)) == (channel, dong)


def test_it_is_built_and_its_doubts_can_be_looked_up(services: Services) -> None:
    """By the tables alone."""
    assert isinstance(services.channels["pigeon"], Pigeon)
    assert shown_in_conversation("pigeon")


@pytest.mark.parametrize("scope", [HoldScope.APP, HoldScope.CHANNEL])
def test_its_code_for_a_full_limit_holds_the_limit_of_its_scope(services: Services, scope: HoldScope) -> None:
    """The app's for all workers, or the OA's own; an ordinary hold of the channel is not set."""
    app, own = (limit.key for limit in services.limits(OA))
    update_holds(services, services.channels["pigeon"], [attempt(Wait("too many flights", 60.0, scope, FULL))])
    held = services.holds.of([app, own, channel_hold(OA, "pigeon")])
    assert list(held) == [app if scope is HoldScope.APP else own]


def test_its_codes_about_a_person_are_noted(services: Services) -> None:
    """A closed window and an unknown user, for the policy and the claims of phones."""
    with services.ledger.begin() as tx:
        services.people.link(tx, OA, [Link(USER, "+84978001001")], source="test")
        account_for(tx, services, [attempt(Unreachable("cold", COLD)), attempt(Unreachable("stranger", STRANGER))])
        found = tx.execute(text("SELECT last_interaction_at < now() - interval '7 days', unknown_at FROM followers"))
        closed, unknown_at = found.one()
    assert closed
    assert unknown_at is not None
