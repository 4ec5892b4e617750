"""The rules, pure: whatever a dossier looks like, each speaks of its own kind, at the statuses that the table names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.dossier import Change, Dossier, Payment, PaymentState, Reason, Status
from domain.event import Event, Oddity, Retraction
from domain.kinds import DEFAULT, KINDS, RANK, REMINDERS, Finding, findings

NINE = datetime(2024, 2, 19, 2, 9, tzinfo=UTC)
MARKS = {"paused", "fee_asked"}  # remembered, never told
SWITCHABLE = frozenset(kind.name for kind in KINDS if kind.rule and not kind.follows)

moments = st.sampled_from([NINE + timedelta(days=days) for days in (-1, 0, 7)])
dossiers = st.builds(
    Dossier,
    code=st.just("H27.37-240219-1001"),
    unit=st.none() | st.just("H27.37"),
    status=st.sampled_from(Status),
    phone=st.none() | st.just("0978362918"),
    accepted_at=st.none() | moments,
    appointment_at=st.none() | moments,
    finished_at=st.none() | moments,
    result_given=st.booleans(),
    given_back=st.booleans(),
    apologised=st.booleans(),
    submitted_at=st.none() | moments,
    returned_at=st.none() | moments,
    deadline_at=st.none() | moments,
    step=st.none() | st.just("2"),
    reason=st.none() | st.sampled_from(Reason),
)
payments = st.builds(
    Payment,
    id=st.sampled_from(["17", "6-500"]),
    state=st.sampled_from(PaymentState),
    amount=st.none() | st.sampled_from([0, 500]),
    requested_at=moments,
    changed_at=st.none() | moments,
    both=st.booleans(),
)
by_rows = st.builds(Change, dossier=dossiers, at=moments, payment=payments)
by_status = st.builds(
    Change,
    dossier=dossiers,
    at=moments,
    status=st.none() | st.sampled_from(Status),
    taken_back=st.none() | st.booleans(),
)
changes = st.one_of(by_rows, by_status)


def events(found: Iterable[Finding]) -> list[Event]:
    """The events among findings, without the marks."""
    return [one for one in found if isinstance(one, Event) and one.kind not in MARKS]


@given(changes)
def test_a_rule_tells_its_own_kind_at_the_statuses_of_its_row_and_leaves_marks_untold(change: Change) -> None:
    """The table's `at` spares the others from being asked; it must not hide an event."""
    for kind in KINDS:
        found = list(kind.rule(change)) if kind.rule else []
        assert {event.kind for event in events(found)} <= {kind.name}
        assert all(not one.told for one in found if isinstance(one, Event) and one.kind in MARKS)
        if events(found) and not kind.follows:
            assert change.status in kind.at


@given(changes)
def test_a_kind_that_is_off_is_remembered_and_one_that_is_on_is_told(change: Change) -> None:
    """The same events, whichever switch: only `told` differs; what the ledger has to compare is told or nothing."""
    on = events(findings(replace(change, told=SWITCHABLE)))
    off = events(findings(replace(change, told=frozenset())))
    assert all(event.told for event in on)
    assert not any(event.told for event in off)
    compared = {kind.name for kind in KINDS if kind.compares}
    assert {event.key for event in off} == {event.key for event in on if event.kind not in compared}


@given(changes)
def test_by_default_nothing_is_told_but_the_three_of_the_seed(change: Change) -> None:
    """R1: and nothing optional is withdrawn or warned of either."""
    found = list(findings(change))
    assert {event.kind for event in events(found) if event.told} <= DEFAULT
    assert all(one.key.split("/")[1] in DEFAULT for one in found if isinstance(one, Retraction))
    assert {one.field for one in found if isinstance(one, Oddity)} <= {"amount"}, "of a fee, which is told by default"


@given(changes)
def test_a_change_never_brings_up_a_reminder(change: Change) -> None:
    """The clock does; a change can only end one."""
    told = frozenset(RANK)
    assert not {event.kind for event in events(findings(replace(change, told=told)))} & set(REMINDERS)


@given(changes)
def test_r39_a_dossier_that_was_given_back_is_never_done(change: Change) -> None:
    """R39: nor handed over, nor waiting to be collected."""
    back = replace(change, dossier=replace(change.dossier, given_back=True, result_given=False))
    told = [event.kind for kind in KINDS if kind.rule for event in events(kind.rule(back))]
    assert not {"result_ready", "returned", "collect_reminder"} & set(told)


@given(changes)
def test_r19_nobody_is_asked_to_pay_nothing(change: Change) -> None:
    """R19: an amount of zero or none is odd, or silent; never an event."""
    told = [event for kind in KINDS if kind.rule for event in events(kind.rule(change))]
    assert all(event.amount for event in told if event.kind in {"fee_requested", "fee_paid", "fee_reminder"})


@given(changes)
def test_no_event_shows_a_phone(change: Change) -> None:
    """Its repr ends in logs."""
    assert "978362918" not in repr(list(findings(change)))
