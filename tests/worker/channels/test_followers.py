"""`hcc follower sync`: missed events are made good, phones learnt, the place kept; within the shared limit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from coordination.limits import Limit
from ledger.notices import notices
from ledger.notices.notices import NewNotice
from ledger.people.people import Link
from operators.cli.exits import ExitCode
from operators.cli.main import hcc
from sandbox.zalo.client import SandboxZalo
from tests.worker.channels.cases import OA
from worker.channels.zalo import users
from worker.services.bootstrap import Services
from worker.upkeep.follower_sync import FEED, Sync, SyncStopped, SyncTally

LIST, DETAIL = "/v3.0/oa/user/getlist", "/v3.0/oa/user/detail"


def person(number: int, **more: Any) -> dict[str, Any]:
    """A follower that Zalo knows."""
    return {"user_id": str(6_142_494_823_000_000_000 + number), **more}


def sync(services: Services) -> SyncTally:
    """One run."""
    return Sync(services, OA, by="test").run(lambda *_: None)


def followers(services: Services) -> dict[int, tuple[bool, bool]]:
    """By number: whether they follow, whether their phone is known."""
    with services.ledger.connect() as connection:
        found = connection.execute(text("SELECT user_id, follows, person_id IS NOT NULL FROM followers")).all()
    return {int(row[0]) - 6_142_494_823_000_000_000: (row[1], row[2]) for row in found}


def link(services: Services, *links: tuple[int, str]) -> None:
    """Pairs that were known before."""
    with services.ledger.begin() as tx:
        services.people.link(tx, OA, [Link(person(n)["user_id"], phone) for n, phone in links], source="test")


def test_missed_follows_and_unfollows_are_made_good(services: Services, box: SandboxZalo) -> None:
    """Who follows is known afterwards; who does not any more, or is unknown to Zalo, is left alone from now on."""
    box.people([person(1), person(2, follows=False), *(person(n) for n in range(10, 130))])
    link(services, (2, "+84978000002"), (3, "+84978000003"))
    tally = sync(services)
    known = followers(services)
    assert (tally.met, tally.looked_up, tally.left) == (121, 123, 2)
    assert (known[1], known[2], known[3]) == ((True, False), (False, True), (False, True))


@pytest.mark.parametrize(("proof", "goes_out"), [("none", 1), ("code", 0)])
def test_a_shared_phone_is_linked_and_what_was_held_goes_out_where_no_proof_is_asked_for(
    services: Services, box: SandboxZalo, monkeypatch: pytest.MonkeyPatch, proof: str, goes_out: int
) -> None:
    """R8: the number from the profile; an empty one is the number 0 and links nobody."""
    monkeypatch.setattr(services, "settings", services.settings.model_copy(update={"phone_proof": proof}))
    box.people([person(1, shared={"phone": "84978000001"}), person(2, shared={"name": "Công dân"})])
    now = datetime.now(UTC)
    with services.ledger.begin() as tx:
        owner = services.people.ids(tx, OA, ["+84978000001"])["+84978000001"]
        notices.record(tx, OA, [NewNotice("H-1/accepted/1", "H-1", "accepted", None, {}, owner, None, now, now)])
        tx.execute(text("UPDATE notices SET state = 'unreachable'"))
    rung: list[str] = []
    monkeypatch.setattr("worker.upkeep.follower_sync.ring", rung.append)
    tally = sync(services)
    assert followers(services) == {1: (True, True), 2: (True, False)}
    assert (tally.linked, tally.reopened, rung) == (1, goes_out, [OA])


def test_a_profile_never_takes_a_phone_from_a_claim(services: Services, box: SandboxZalo) -> None:
    """R29: what a profile holds is older than the claim that we know of; neither phone nor user is moved."""
    box.people([person(1, shared={"phone": "84978000001"}), person(2, shared={"phone": "84978000001"})])
    link(services, (2, "+84978000001"), (1, "+84978000009"))
    assert sync(services).linked == 0
    assert followers(services) == {1: (True, True), 2: (True, True)}


def test_the_last_interaction_is_exact_where_the_window_may_be_open(services: Services, box: SandboxZalo) -> None:
    """A bare day for old ones, the quota look-up's moment for recent ones; an event that is newer stands."""
    recent, old = datetime.now(UTC) - timedelta(days=3), datetime.now(UTC) - timedelta(days=30)
    box.people([person(1, last_interaction=recent.timestamp()), person(2, last_interaction=old.timestamp())])
    link(services, (3, "+84978000003"))
    box.people([person(3, last_interaction=recent.timestamp())])
    sync(services)
    with services.ledger.connect() as connection:
        rows = connection.execute(text("SELECT user_id, last_interaction_at FROM followers")).all()
    last = {int(row[0]) % 10: row[1] for row in rows}
    assert abs((last[1] - recent).total_seconds()) < 1
    assert timedelta(0) <= old - last[2] < timedelta(days=1)
    assert last[3] > datetime.now(UTC) - timedelta(minutes=1)  # the link was an interaction of just now
    assert box.stats()["requests"]["/v3.0/oa/quota/message"] == 2


def test_more_than_can_be_paged_are_fetched_by_period(
    services: Services, box: SandboxZalo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The period is halved until each part can be paged; those of one day beyond that are counted."""
    monkeypatch.setattr(users, "REACH", 100)
    monkeypatch.setattr(users, "LAST_OFFSET", 51)
    now = datetime.now(UTC)
    box.people([person(n, last_interaction=(now - timedelta(days=n % 40)).timestamp()) for n in range(700)])
    box.people([person(1000 + n, last_interaction=(now - timedelta(days=50)).timestamp()) for n in range(120)])
    tally = sync(services)
    assert tally.met == 800
    assert tally.out_of_reach == 20


def test_a_run_that_is_cut_short_goes_on_where_it_was(services: Services, box: SandboxZalo) -> None:
    """The place stands in the ledger: nobody is asked about twice, and the cursor is gone at the end."""
    box.people([person(n) for n in range(450)])
    seen: list[int] = []

    def stop(done: int, _total: int) -> None:
        seen.append(done)
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Sync(services, OA, by="test").run(stop)
    listed = box.stats()["requests"][LIST]
    tally = sync(services)
    assert box.stats()["requests"][LIST] == listed
    assert box.stats()["requests"][DETAIL] == 450
    assert tally.looked_up == 450 - seen[-1]
    with services.ledger.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM cursors WHERE feed = :f"), {"f": FEED}).scalar_one() == 0


@pytest.mark.parametrize("fault", [{"kind": "error", "code": -32}, {"kind": "reset_after"}, {"kind": "expire_tokens"}])
def test_a_passing_trouble_is_asked_again(
    services: Services, box: SandboxZalo, fault: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look-up changes nothing, so it may be repeated: a full limit, a lost answer, a token that ends."""
    told: list[Limit] = []
    monkeypatch.setattr(services.limiter, "over", told.append)  # it would wait for a whole minute
    box.people([person(n) for n in range(3)])
    box.fault(count=1, path=DETAIL, **fault)
    assert sync(services).looked_up == 3
    assert bool(told) == (fault.get("code") == -32)


def test_a_lasting_trouble_stops_with_a_sentence(services: Services, box: SandboxZalo) -> None:
    """The OA has not granted the app: said, and nobody is marked as gone."""
    link(services, (1, "+84978000001"))
    box.switch(oa_state=-223)
    with pytest.raises(SyncStopped, match="-223"):
        sync(services)
    assert followers(services) == {1: (True, True)}


@pytest.mark.parametrize("code", [-9999, -201])
def test_one_user_that_zalo_is_odd_about_does_not_stop_the_others(
    services: Services, box: SandboxZalo, code: int
) -> None:
    """An answer that says nothing about the user changes nothing about them; -201 of another field is such a one."""
    box.people([person(n) for n in range(3)])
    link(services, (1, "+84978000001"))
    box.fault("error", code=code, path=DETAIL, user_id=person(1)["user_id"])
    assert sync(services).looked_up == 3
    assert followers(services)[1] == (True, True)


def test_it_keeps_within_the_shared_limit(services: Services, box: SandboxZalo) -> None:
    """600 a minute: the calls are spread over the permits, and Zalo refuses none."""
    services.settings = services.settings.model_copy(update={"zalo_rate_per_minute": 600})
    box.switch(rate_per_minute=600)
    box.people([person(n, last_interaction="2020-01-01") for n in range(40)])
    assert sync(services).looked_up == 40
    assert box.stats()["rate_violations"] == 0


def test_the_command_tells_what_it_found_and_leaves_a_name(
    settings: dict[str, Any], services: Services, box: SandboxZalo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`hcc follower sync`: a sentence for people, a row in the audit; without a name and a why it does nothing."""
    box.people([person(1), person(2, shared={"phone": "84978000002"})])
    for name in ("database_url", "redis_url", "zalo_app_id", "zalo_app_secret", "zalo_oa_id", "zalo_openapi_url"):
        monkeypatch.setenv(f"HCC_{name.upper()}", str(settings[name]))
    monkeypatch.setenv("HCC_SECRET_KEYS", settings["secret_keys"][0])
    assert CliRunner().invoke(hcc, ["follower", "sync"]).exit_code == 2
    result = CliRunner().invoke(hcc, ["follower", "sync", "--by", "Lan", "--why", "mất sự kiện"])
    assert result.exit_code == 0, result.output
    assert result.stdout == (
        "Đã hỏi 2 người: 2 người mới biết, 0 người không còn quan tâm, nối thêm 1 số điện thoại; "
        "0 thông báo được gửi tiếp.\n"
    )
    with services.ledger.connect() as connection:
        row = connection.execute(text("SELECT verb, subject, by, why FROM audit WHERE by = 'Lan'")).one()
    assert tuple(row) == ("follower sync", "2 người", "Lan", "mất sự kiện")
    box.switch(oa_state=-223)
    refused = CliRunner().invoke(hcc, ["follower", "sync", "--by", "Lan", "--why", "lần hai"])
    assert refused.exit_code == ExitCode.PARTLY
    assert "Chưa xong" in refused.output
