"""A fee that is paid between the claim and the sending is not asked for (R12)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from config.settings import Settings
from domain.event import Retraction
from domain.notice import Letter
from ledger.notices import notices, retractions
from ledger.notices.notices import NewNotice
from tests import delivering
from worker.channels.paper import Paper
from worker.delivery import deliver
from worker.services.bootstrap import Services

OA = "4024926008133882615"
EVENTS = (("A", "accepted", "1", {}), ("B", "fee_requested", "7", {"amount": 500}), ("C", "fee_reminder", "8", {}))


@pytest.fixture
def services(ledger_url: str, redis_url: str, tmp_path: Path) -> Iterator[Services]:
    """A worker's services whose only channel is paper."""
    settings = Settings(  # type: ignore[call-arg]
        _env_file=None, database_url=ledger_url, redis_url=redis_url, zalo_oa_id=OA, zalo_app_id="1",
        secret_keys=["0123456789abcdef"], channels=["paper"],
    )  # fmt: skip
    made = Services(settings)
    made.channels["paper"] = Paper(tmp_path)
    yield made
    made.close()


def record(services: Services, **more: datetime) -> None:
    """One notice of each of EVENTS."""
    now = datetime.now(UTC)
    new = [
        NewNotice(f"{code}/{kind}/{n}", code, kind, None, facts, None, None, now, more.get("fresh_at", now))
        for code, kind, n, facts in EVENTS
    ]
    with services.ledger.begin() as tx:
        notices.record(tx, OA, new)


def deliver_all(services: Services) -> None:
    """Deliver until nothing may go."""
    delivering.deliver(services, OA)


def states(services: Services) -> dict[str, tuple[str, str | None]]:
    """State and reason by dossier."""
    with services.ledger.connect() as connection:
        found = connection.execute(text("SELECT code, state, reason FROM notices"))
        return {row.code: (row.state, row.reason) for row in found}


def test_a_fee_that_is_paid_after_the_claim_is_let_go_before_it_is_sent(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The poll commits while the batch is in a worker's hands; the rest of the batch goes out."""
    record(services)
    choose = deliver.choose_channels

    def choose_while_the_poll_withdraws(services: Services, letters: Sequence[Letter]) -> dict[str, list[Letter]]:
        with services.ledger.begin() as tx:
            assert retractions.retract(tx, OA, [Retraction("B", "B/fee_requested/7", "fee paid")], by="producer")
        assert states(services)["B"] == ("sending", None)
        return choose(services, letters)

    monkeypatch.setattr(deliver, "choose_channels", choose_while_the_poll_withdraws)
    monkeypatch.setattr(deliver, "asleep", lambda _now: frozenset({"fee_reminder"}))
    deliver_all(services)
    assert states(services) == {"A": ("sent", None), "B": ("suppressed", "fee paid"), "C": ("due", None)}
    assert "thu phí" not in (tmp_path / f"{OA}.txt").read_text()


def test_r15_what_is_too_old_does_not_leave_before_the_sweep_comes(services: Services) -> None:
    """R15: after an outage of days the worker is faster than the sweep, and nothing old is sent all the same."""
    record(services, fresh_at=datetime.now(UTC) - timedelta(hours=73))
    deliver_all(services)
    assert {state for state, _ in states(services).values()} == {"due"}
