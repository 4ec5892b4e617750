"""Whose turn it is: what can still be in time goes before what is late already, and a backlog drains beside it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import Engine, text

from domain.lane import Lane
from domain.notice import Notice
from ledger.notices import due_accounts, eligibility
from ledger.notices.due_accounts import AgeLimits
from tests.ledger.conftest import BOUNDS, OA, new

Record = Callable[..., set[str]]
Claim = Callable[..., list[Notice]]
AGES = {OA: AgeLimits(72, 14)}


def grow_late(ledger: Engine, code: str, seconds: float = 60) -> None:
    """Let the notices of a dossier have been due for so long."""
    with ledger.begin() as tx:
        late = text("UPDATE notices SET due_at = due_at - make_interval(secs => :seconds) WHERE code = :code")
        tx.execute(late, {"seconds": seconds, "code": code})


def first_lane(ledger: Engine) -> Lane | None:
    with ledger.connect() as connection:
        return eligibility.first_lane(connection, OA, BOUNDS)


def test_what_is_late_yields_to_what_can_still_be_in_time(ledger: Engine, record: Record, claim: Claim) -> None:
    """After an outage of an hour the notices of now go out within seconds, those of the hour when there is room."""
    record(new("LATE"), new("NOW"))
    grow_late(ledger, "LATE")
    assert first_lane(ledger) is Lane.SERVICE
    assert [notice.code for notice in claim(lane=Lane.SERVICE)] == ["NOW"]
    assert first_lane(ledger) is Lane.BULK
    assert [notice.code for notice in claim(lane=Lane.BULK, lease="epoch.second")] == ["LATE"]
    assert first_lane(ledger) is None


def test_late_notices_of_the_day_go_before_replays(ledger: Engine, record: Record, claim: Claim) -> None:
    """Both drain in bulk; one claim may hold some of each."""
    record(new("REPLAY", lane=Lane.BULK), new("LATE"))
    grow_late(ledger, "LATE")
    assert [notice.code for notice in claim(lane=Lane.BULK)] == ["LATE", "REPLAY"]


def test_a_claim_in_bulk_is_no_larger_than_asked_for(ledger: Engine, record: Record, claim: Claim) -> None:
    """Though it is filled from two sides."""
    record(*(new(f"L{number}") for number in range(3)), *(new(f"B{number}", lane=Lane.BULK) for number in range(3)))
    for number in range(3):
        grow_late(ledger, f"L{number}")
    assert [notice.code[0] for notice in claim(lane=Lane.BULK, limit=4)] == ["L", "L", "L", "B"]


def test_whoever_asks_in_the_chat_goes_first_however_late(ledger: Engine, record: Record) -> None:
    """Somebody waits at a screen."""
    record(new("ASKED", lane=Lane.INTERACTIVE), new("NOW"))
    grow_late(ledger, "ASKED")
    assert first_lane(ledger) is Lane.INTERACTIVE


def test_a_bell_is_rung_for_every_lane(ledger: Engine, record: Record) -> None:
    """Late or of now, whatever may be sent calls a worker; what is due later does not."""
    for number, (lane, late) in enumerate(((Lane.SERVICE, 0), (Lane.SERVICE, 60), (Lane.BULK, 0))):
        record(new(f"D{number}", lane=lane))
        grow_late(ledger, f"D{number}", late)
        with ledger.begin() as tx:
            assert due_accounts.to_deliver(tx, AGES, frozenset()) == [OA]
            tx.execute(text("UPDATE notices SET state = 'sent'"))
            assert due_accounts.to_deliver(tx, AGES, frozenset()) == []
    record(new("LATER"))
    grow_late(ledger, "LATER", -timedelta(hours=1).total_seconds())
    assert first_lane(ledger) is None
