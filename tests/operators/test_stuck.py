"""Is it really leaving? A notice that may go and does not is told everywhere; one that something holds is not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from config.settings import Settings
from domain.alarm import AlarmCause
from domain.lane import Lane
from ledger.notices import notices
from ledger.notices.notices import NewNotice
from ledger.source import cursors
from operators import stuck as looks
from operators.checks.fault import CheckFault
from operators.checks.leaving import check_leaving
from operators.checks.zalo import unsendable
from operators.stuck import stuck_now
from tests.journeys.conftest import until
from tests.operators.conftest import Run
from tests.operators.test_web import OA, get
from worker.services.bootstrap import Services

DUE, SOURCE, EVENTS, FEED, DOUBTS = (AlarmCause(word) for word in ("due", "source", "events", "feed", "doubts"))
CODE = "H27.37-240219-1001"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What seems stuck is looked at again at once."""
    monkeypatch.setattr(looks, "_PAUSE", 0.0)


@pytest.fixture
def services(ledger_url: str, redis_url: str) -> Iterator[Services]:
    """Services on real servers, whose one channel needs no token."""
    settings = Settings(
        _env_file=None,  # type: ignore[call-arg]
        database_url=ledger_url,
        redis_url=redis_url,
        secret_keys=["0123456789abcdef"],
        zalo_oa_id=OA,
        channels=["paper"],
    )
    made = Services(settings)
    until(lambda: made.limiter.peek(made.limits(OA), 1, lane=Lane.BULK).granted == 1, "permits after a flush")
    yield made
    made.close()


@pytest.fixture
def run(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Commands of an office that writes letters only."""
    monkeypatch.setenv("HCC_CHANNELS", "paper")
    return run


def due(ledger: Engine, seconds: float, code: str = CODE, state: str = "due") -> None:
    """A notice that has been due for so long."""
    now = datetime.now(UTC)
    new = NewNotice(f"{code}/accepted/1", code, "accepted", None, {}, None, "phone: missing", now, now)
    with ledger.begin() as tx:
        notices.record(tx, OA, [new])
        change = (
            "UPDATE notices SET state = :state, due_at = now() - :back, lease_until = now() + :back WHERE code = :code"
        )
        tx.execute(text(change), {"state": state, "back": timedelta(seconds=seconds), "code": code})


def causes(services: Services) -> list[AlarmCause]:
    """What is stuck."""
    return [one.cause for one in stuck_now(services)]


def test_a_notice_that_may_go_and_does_not_is_told_by_doctor_and_readiness_and_metrics(
    services: Services, ledger: Engine
) -> None:
    assert get(services, "/readyz") == (200, "ready\n")
    due(ledger, 400)
    assert causes(services) == [DUE]
    with pytest.raises(CheckFault, match="đến hạn đã 7 phút mà không đi"):
        list(check_leaving(services))
    status, text = get(services, "/readyz")
    assert (status, text.split(" seconds")[0]) == (503, f"stuck due service oa={OA}")
    shown = get(services, "/metrics")[1]
    [service] = [line for line in shown.splitlines() if line.startswith("hcc_oldest_due_seconds") and "service" in line]
    assert 400 <= float(service.split()[1]) < 460
    assert f'hcc_oldest_due_seconds{{lane="bulk",oa="{OA}"}} 0.0' in shown


def test_what_is_due_for_less_is_on_its_way(services: Services, ledger: Engine) -> None:
    due(ledger, 250)
    assert causes(services) == []


def test_a_limit_that_is_held_or_used_up_holds_it(services: Services, ledger: Engine) -> None:
    due(ledger, 400)
    app, _ = services.limits(OA)
    services.holds.hold(app.key, 60.0, "Zalo says so")
    assert causes(services) == []
    services.holds.lift(app.key)
    assert causes(services) == [DUE]
    services.limiter.take(services.limits(OA), 10_000)
    assert causes(services) == []


def test_a_switch_holds_it(services: Services, ledger: Engine, run: Run) -> None:
    due(ledger, 400)
    assert run("switch", "off", "kind", "accepted", "--by", "lan", "--why", "bảo trì").exit_code == 0
    assert causes(services) == []


def test_those_before_it_that_are_being_sent_are_no_fault_and_those_behind_it_are(
    services: Services, ledger: Engine
) -> None:
    """A backlog drains in its order; who is overtaken is stuck."""
    due(ledger, 400)
    due(ledger, 500, "H27.37-240219-1002", "sending")
    assert causes(services) == []
    with ledger.begin() as tx:
        tx.execute(text("UPDATE notices SET due_at = now() WHERE state = 'sending'"))
    assert causes(services) == [DUE]


def test_what_is_not_compared_with_a_source_that_is_read_is_stuck(services: Services, ledger: Engine) -> None:
    due(ledger, 1000)
    with ledger.begin() as tx:
        tx.execute(text("UPDATE notices SET true_at = now() - interval '20 minutes'"))
    assert causes(services) == [SOURCE]


def test_a_feed_that_is_not_read_to_its_end_is_stuck(services: Services, ledger: Engine) -> None:
    with ledger.begin() as tx:
        cursors.begin(tx, OA, "history", {"id": 1}, datetime.now(UTC) - timedelta(seconds=400))
        cursors.begin(tx, OA, "reconcile", {"id": 1}, datetime.now(UTC) - timedelta(seconds=4000))
    assert [(one.cause, one.what) for one in stuck_now(services)] == [(FEED, "history")]


def test_an_event_of_zalos_that_nobody_applies_is_stuck(services: Services, ledger: Engine) -> None:
    with ledger.begin() as tx:
        tx.execute(
            text("""INSERT INTO zalo_events (oa, key, name, word, at, received_at)
                    VALUES (:oa, '\\x01', 'follow', 'follow', now(), now() - interval '400 seconds')"""),
            {"oa": OA},
        )
    assert causes(services) == [EVENTS]


def test_a_doubt_that_nobody_looks_up_is_stuck(services: Services, ledger: Engine) -> None:
    due(ledger, 400, state="uncertain")
    assert causes(services) == [DOUBTS]


def test_a_dossiers_story_says_what_holds_each_notice_and_until_when(
    services: Services, ledger: Engine, run: Run
) -> None:
    due(ledger, -600)
    with ledger.begin() as tx:
        tx.execute(text("UPDATE notices SET reason = 'quiet hours'"))
    [notice] = json.loads(run("dossier", CODE, "--json").output)["notices"]
    assert notice["held_by"]["by"] == "night"
    until = datetime.fromisoformat(notice["held_by"]["until"])
    assert 590 < (until - datetime.now(UTC)).total_seconds() <= 600
    assert "giữ bởi: giờ nghỉ (giờ nghỉ ban đêm), có thể đi từ" in run("dossier", CODE).output


@pytest.mark.parametrize(
    ("given", "lacking"),
    [
        ({}, 0),  # the preset channels, of which one needs templates: it is not used
        ({"channels": ["zns"]}, 3),
        ({"channels": ["zalo_cs", "zns"], "zalo_templates": {"accepted": "331"}}, 2),
        ({"zalo_templates": {"accepted": "331", "fee_requested": "332"}}, 1),
        ({"kind_channels": {"accepted": ["zns", "zalo_cs"]}, "channels": ["zalo_cs"]}, 1),
        ({"zalo_templates": {"accepted": "331", "fee_requested": "332", "result_ready": "333"}}, 0),
    ],
)
def test_a_channel_that_was_asked_for_and_has_no_template_of_a_kind_that_is_on_is_a_fault(
    given: dict[str, object], lacking: int
) -> None:
    settings = Settings(_env_file=None, zalo_oa_id=OA, **given)  # type: ignore[call-arg, arg-type]
    assert len(list(unsendable(settings))) == lacking
