"""Quota, night and limits: what Zalo told us to leave alone waits, just that and just so long; all else goes on."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from config.oas import Oa
from domain.lane import Lane
from tests.delivering import deliver
from tests.journeys.conftest import MORNING, World
from worker.delivery.deliver import load_batch, ready_channels
from worker.services.deployment import Deployment
from worker.upkeep.sweeps import prune_schedules, sweep_all

CS = "/v3.0/oa/message/cs"
TOMORROW = MORNING + timedelta(days=1)


def another_dossier(world: World, number: int, code: str) -> None:
    """Citizen `number` files one more."""
    world.dossiers.file(code, phone=f"0978{number:06}", at=TOMORROW)
    world.dossiers.accept(code, at=TOMORROW, appointment=TOMORROW)


def deliver_all(world: World) -> None:
    """Deliver until nothing is due."""
    deliver(world.services, world.oa)


def told(world: World) -> list[str]:
    """The user ids that got a message."""
    return sorted(message["user_id"] for message in world.zalo.messages())


def held(world: World) -> list[tuple[str, int]]:
    """Reason and attempts of what is due in the future."""
    rows = world.rows("SELECT reason, attempts FROM notices WHERE state = 'due' AND due_at > now() ORDER BY id")
    return [tuple(row) for row in rows]


def refusals(world: World, code: int) -> int:
    """How often Zalo had to say no."""
    return len(world.rows(f"SELECT FROM attempts WHERE code = {code}"))


def test_a_person_who_had_enough_today_waits_and_others_do_not(world: World) -> None:
    """-218 concerns this person: the next dossier is not even tried, and no attempt is counted."""
    full, other = world.follow(1), world.follow(2)
    world.zalo.people([{"user_id": full, "receive_cap": True}])
    poller = world.poller()
    world.accept(1)
    world.accept(2)
    poller.round()
    deliver_all(world)
    another_dossier(world, 1, "H27.37-240220-0001")
    poller.round()
    deliver_all(world)
    assert told(world) == [other]
    assert held(world) == [("has received as many messages as allowed today", 0)] * 2
    assert refusals(world, -218) == 1


def test_a_kind_that_may_not_be_sent_at_night_waits_and_other_kinds_do_not(world: World) -> None:
    """-234 is a property of the kind of message: the fee goes out, the acceptances wait for the morning."""
    people = [world.follow(number) for number in (1, 2, 3)]
    poller = world.poller()
    world.zalo.fault("error", code=-234, count=1, path=CS)
    world.accept(1)
    poller.round()
    deliver_all(world)
    world.accept(2)
    world.dossiers.file("H27.37-240219-0003", phone="0978000003", at=MORNING)
    world.dossiers.request_fee("H27.37-240219-0003", 50_000, at=MORNING)
    poller.round()
    deliver_all(world)
    assert told(world) == people[2:]
    assert held(world) == [("this message may not be sent at night", 0)] * 2
    assert refusals(world, -234) == 1


def test_a_quota_of_the_oa_stops_the_whole_channel_with_one_refusal(world: World) -> None:
    """-211 concerns the OA: nothing more is claimed, so that every notice keeps its place and its attempts."""
    world.follow(1)
    world.follow(2)
    poller = world.poller()
    world.zalo.fault("error", code=-211, count=1, path=CS)
    world.accept(1)
    poller.round()
    deliver_all(world)
    world.accept(2)
    poller.round()
    deliver_all(world)
    assert ready_channels(world.services) == {}
    assert told(world) == []
    assert refusals(world, -211) == 1
    assert [row.state for row in world.rows("SELECT state FROM notices")] == ["due", "due"]


def listed(world: World) -> list[tuple[str | None, int]]:
    """What `hcc retries` has: reason and attempts."""
    return sorted((one.reason, one.attempts) for one in world.services.schedule.page(world.oa, 0, 100))


def test_all_that_waits_for_a_time_is_listed_and_nothing_that_ended_before_it(world: World) -> None:
    """A retry, a quota, a person's hold; one that is withdrawn meanwhile goes with the next sweep."""
    first, *_ = [world.follow(number) for number in (1, 2, 3)]
    world.zalo.people([{"user_id": first, "receive_cap": True}])
    poller = world.poller()
    world.accept(1)
    poller.round()
    deliver_all(world)
    world.zalo.fault("error", code=-234, count=1, path=CS)
    world.accept(2)
    poller.round()
    deliver_all(world)
    world.accept(3)
    poller.round()
    deliver_all(world)
    quota, night = "has received as many messages as allowed today", "this message may not be sent at night"
    assert listed(world) == [(quota, 0), (night, 0), (night, 0)]
    deployment = Deployment({world.oa: Oa(world.oa, world.oa, world.services.settings)})
    with world.services.ledger.begin() as tx:
        tx.execute(text("UPDATE notices SET state = 'suppressed' WHERE reason = :reason"), {"reason": quota})
    prune_schedules(deployment.shared, [world.oa])
    assert listed(world) == [(night, 0), (night, 0)]
    world.services.shared.redis.flushall()
    sweep_all(deployment, 20.0)
    assert listed(world) == [(night, 0), (night, 0)]
    deployment.close()


def test_notices_in_hand_when_a_hold_comes_go_back_untried(world: World) -> None:
    """Another worker was refused while this one had claimed already: what it holds is not sent."""
    user = world.follow(1)
    world.accept(1)
    world.poller().round()
    ready = ready_channels(world.services)
    [person] = world.rows("SELECT person_id FROM notices")
    world.services.holds.hold(f"person:zalo_cs:{person.person_id}", 3600, "quota")
    batch = load_batch(world.services, Lane.SERVICE, ready, 10)
    assert (batch.claimed, batch.outbound) == (1, [])
    assert told(world) == [], user
    assert held(world) == [("quota", 0)]
