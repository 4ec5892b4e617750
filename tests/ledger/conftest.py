"""What the ledger's tests begin with: an OA, and a way to record notices."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from domain.event import event_key
from domain.lane import Lane
from domain.notice import Letter, Notice
from ledger.notices import claims, notices
from ledger.notices.eligibility import Bounds
from ledger.notices.notices import NewNotice

OA = "4024926008133882615"
BOUNDS = Bounds(timedelta(days=365))
START = datetime(2024, 2, 19, 2, 9, tzinfo=UTC)


def new(code: str, kind: str = "accepted", minutes: float = 0, occurrence: str = "1", **more: object) -> NewNotice:
    """An event of `code`, `minutes` after the start."""
    at = START + timedelta(minutes=minutes)
    values = {"unit": None, "facts": {}, "person_id": None, "no_person_because": None, "fresh_at": datetime.now(UTC)}
    return NewNotice(event_key(code, kind, occurrence), code, kind, event_at=at, **(values | more))  # type: ignore[arg-type]


@pytest.fixture
def record(ledger: Engine) -> Callable[..., set[str]]:
    """Record events in one transaction of their own."""

    def recorded(*events: NewNotice) -> set[str]:
        with ledger.begin() as tx:
            return notices.record(tx, OA, events)

    return recorded


@pytest.fixture
def claim(ledger: Engine) -> Callable[..., list[Notice]]:
    """Claim what is due, with words, as a worker does."""

    def claimed(
        lease: str = "epoch.lease", limit: int = 100, seconds: float = 60, lane: Lane = Lane.SERVICE
    ) -> list[Notice]:
        with ledger.begin() as tx:
            found = claims.lock_due(tx, OA, lane, lease, limit, bounds=BOUNDS)
            claims.lease_out(tx, [Letter(n, f"text of {n.key}") for n in found], seconds=seconds, by="test")
            return found

    return claimed
