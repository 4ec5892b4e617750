"""An event that is true again is told, however soon; what was read before the withdrawal does not bring it back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from domain.event import Retraction
from ledger.notices import retractions
from producers.dossiers.poll import Poller
from tests.producers.dossiers.conftest import MORNING, World
from tests.producers.dossiers.test_optional_kinds import TestAFeeThatComesAsAStatus as ByStatus
from tests.producers.dossiers.test_optional_kinds import started
from tests.producers.dossiers.test_rules import fee_states, now_there

CODE = "H27.37-240219-1001"
OA = "1234567890123456789"
MINUTE = timedelta(minutes=1)
ASKED, PAID = "Chờ thanh toán", "Đã thanh toán"
AT_REST = {"due", "waiting"}


def fee(world: World) -> tuple[Poller, int]:
    """A dossier whose fee was asked for and cancelled, both known."""
    poller = world.started()
    world.accept(CODE)
    request = world.dossiers.request_fee(CODE, 500, at=now_there(world))
    poller.round()
    world.dossiers.change_fee(request, "Hủy thanh toán", at=now_there(world))
    poller.round()
    assert fee_states(world) == ["suppressed"]
    return poller, request


def stopped(world: World) -> str:
    """Where the notice is that says that the dossier is stopped."""
    [state] = [row.state for row in world.rows("SELECT state FROM notices WHERE kind = 'stopped'")]
    return str(state)


def test_r12_a_fee_that_is_asked_for_again_within_a_minute_is_told(world: World) -> None:
    """R12: cancelled by mistake and put right at once; as often as it happens."""
    poller, request = fee(world)
    for _ in range(3):
        world.dossiers.change_fee(request, ASKED, at=now_there(world))
        poller.round()
        assert fee_states(world) == ["waiting"]  # behind the acceptance, which is due
        world.dossiers.change_fee(request, PAID, at=now_there(world))
        poller.round()
        assert fee_states(world) == ["suppressed"]


@pytest.mark.parametrize("feeds", [("snapshot",), ("history",)], ids=["history alone", "snapshot alone"])
def test_a_dossier_that_is_stopped_again_within_a_minute_is_told(world: World, feeds: tuple[str, ...]) -> None:
    """A row of the history is read once: what is not believed then is never told."""
    world.without(*feeds)
    poller = started(world, "stopped")
    world.accept(CODE)
    for number, status in enumerate((8, 4, 8)):
        world.dossiers.move(CODE, status, at=MORNING + number * MINUTE)
        poller.round()
    assert stopped(world) in AT_REST


def test_a_dossier_that_is_stopped_again_by_another_process_is_told(world: World) -> None:
    """Who recorded the withdrawal need not be who reads that it is over."""
    started(world, "stopped")
    one, other = world.poller(), world.poller()
    world.accept(CODE)
    for number, (status, poller) in enumerate(((8, one), (4, other), (8, one))):
        world.dossiers.move(CODE, status, at=MORNING + number * MINUTE)
        poller.round()
    assert stopped(world) in AT_REST


def meanwhile(poller: Poller, deed: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Do something once the reconcile has read its page, and before the feeds are read that it waits for."""
    reconcile = poller._reconcile
    catch_up = reconcile._catch_up

    def after(*given: object, **more: object) -> bool:
        deed()
        return catch_up(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(reconcile, "_catch_up", after)


def test_r12_what_a_slow_pass_read_before_the_payment_does_not_bring_the_fee_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R12: it read "asked for again", then the fee was paid, and only then it records: money."""
    poller, request = fee(world)
    with world.ledger.begin() as tx:
        tx.exec_driver_sql("UPDATE notices SET withdrawn_at = withdrawn_at - interval '1 hour'")
    world.dossiers.change_fee(request, ASKED, at=now_there(world))
    slow = world.poller()
    meanwhile(slow, lambda: world.dossiers.change_fee(request, PAID, at=now_there(world)), monkeypatch)
    slow.reconcile(whole=True)
    assert fee_states(world) == ["suppressed"]
    poller.round()
    assert fee_states(world) == ["suppressed"]


def test_what_could_not_be_believed_is_looked_at_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pass read the truth while another process was withdrawing; nothing else would ever tell of it again."""
    world.without("history", "snapshot")
    poller = started(world, "stopped")
    world.accept(CODE)
    world.dossiers.move(CODE, 8, at=MORNING)
    poller.reconcile(whole=True)
    assert stopped(world) == "due"
    world.dossiers.move(CODE, 4, at=MORNING + MINUTE)
    poller.reconcile(whole=True)
    assert stopped(world) == "suppressed"
    world.dossiers.move(CODE, 8, at=MORNING + 2 * MINUTE)

    def withdraw() -> None:
        with world.ledger.begin() as tx:
            tx.exec_driver_sql("UPDATE notices SET withdrawn = NULL")
            tx.exec_driver_sql("UPDATE notices SET state = 'due' WHERE kind = 'stopped'")
            over = Retraction(CODE, f"{CODE}/stopped/*", "the dossier went on")
            assert retractions.retract(tx, OA, [over], by="producer")

    with monkeypatch.context() as patch:
        meanwhile(poller, withdraw, patch)
        poller.reconcile(whole=True)
    assert stopped(world) == "suppressed"
    poller.reconcile(whole=True)
    assert stopped(world) == "due"


def test_a_fee_that_was_paid_by_its_row_is_not_asked_for_because_the_status_lags(world: World) -> None:
    """Two voices for one fee: the dossier is touched while it still says "fee"; the row says it is paid."""
    poller = ByStatus().poller(world, "row", "status")
    world.accept(CODE)
    world.dossiers.move(CODE, 6, at=MORNING + MINUTE)
    poller.round()
    request = world.dossiers.request_fee(CODE, 500, at=now_there(world))
    poller.round()
    world.dossiers.change_fee(request, PAID, at=now_there(world))
    poller.round()
    world.sql(
        "UPDATE ho_so SET ngay_hen_tra = ngay_hen_tra + interval '1 day', cap_nhat_luc = :at", at=now_there(world)
    )
    for _ in range(2):
        poller.round()
        poller.reconcile(whole=True)
    assert fee_states(world) == ["suppressed"]
