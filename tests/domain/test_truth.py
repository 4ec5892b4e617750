"""Only what is true leaves: of every kind, each fact that its words tell, each way in which the source changes it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.dossier import Change, Dossier, Payment, PaymentState, Reason, Status
from domain.event import Event, Oddity, WordHold, event_key
from domain.kinds import KINDS
from domain.lifecycle import State
from domain.truth import (
    FACTS,
    FOLLOWING,
    OF_PAYMENTS,
    Addressee,
    Correct,
    Keep,
    Recorded,
    Said,
    Suppress,
    amiss,
    decide,
    facts_of,
    says,
)
from tests.domain.test_kinds import NINE, changes, events

CODE, NOW = "H27.37-240219-1001", NINE + timedelta(hours=1)
SOON, LATER = NINE + timedelta(days=7), NINE + timedelta(days=9)
US, OTHER = Addressee(1), Addressee(2)
RULES = {kind.name: kind for kind in KINDS if kind.rule}

OPEN = Dossier(CODE, "H27.37", Status.ACCEPTED, "0978362918", NINE, SOON, None, result_given=False)
DONE = replace(OPEN, status=Status.FINISHED, finished_at=NINE, result_given=True)
FEE = Payment("17", PaymentState.REQUESTED, 500, NINE)
PAID = replace(FEE, state=PaymentState.PAID)


def seen(dossier: Dossier, payment: Payment | None = None, **more: Any) -> Change:
    return Change(dossier, NINE, status=dossier.status, payment=payment, **more)


def status(change: Change, now: Status, **more: Any) -> Change:
    """The dossier has another status."""
    return replace(change, dossier=replace(change.dossier, status=now, **more), status=now)


def fee(change: Change, **more: Any) -> Change:
    """The payment is another one."""
    assert change.payment is not None
    return replace(change, payment=replace(change.payment, **more))


WAITING_FOR_PAPERS = replace(OPEN, status=Status.SUPPLEMENT, deadline_at=SOON, reason=Reason.PAPERS_MISSING)
TRUE: dict[str, Change] = {
    "submitted": seen(replace(OPEN, status=Status.REGISTERED)),
    "accepted": seen(OPEN),
    "refused": seen(replace(OPEN, status=Status.REFUSED, reason=Reason.DATA_WRONG), taken_back=False),
    "fee_requested": seen(OPEN, FEE),
    "fee_paid": seen(OPEN, PAID),
    "fee_corrected": seen(OPEN, FEE),
    "fee_reminder": seen(OPEN, FEE),
    "supplement_required": seen(WAITING_FOR_PAPERS),
    "supplement_reminder": seen(WAITING_FOR_PAPERS),
    "financial_obligation": seen(replace(OPEN, status=Status.OBLIGATION)),
    "stopped": seen(replace(OPEN, status=Status.STOPPED)),
    "resumed": seen(replace(OPEN, status=Status.IN_PROGRESS)),
    "apology": seen(replace(OPEN, apologised=True)),
    "appointment_changed": seen(OPEN),
    "withdrawn": seen(replace(OPEN, status=Status.WITHDRAWN)),
    "result_ready": seen(DONE),
    "returned": seen(replace(DONE, status=Status.RETURNED)),
    "collect_reminder": seen(DONE),
}
"""A dossier of which an event of each kind is true."""


def recorded(kind: str, change: Change | None = None, **more: Any) -> Recorded:
    """The notice that the rule of this kind makes of a change."""
    rule = RULES[kind].rule
    assert rule is not None
    [event] = [one for one in events(rule(change or TRUE[kind])) if one.kind == kind]
    return Recorded(1, event.key, CODE, kind, State.DUE, facts_of(event), US.id, None, **more)


def verdict(notice: Recorded, change: Change, person: Addressee = US, now: datetime = NOW) -> Keep | Correct | Suppress:
    return decide(notice, says(notice, change, now), person)


def test_the_tables_below_have_every_kind_that_tells_of_a_dossier() -> None:
    """A kind without a row here is one of which nobody said what becomes of it."""
    assert set(TRUE) == set(FOLLOWING) == {kind for kind, _, _ in UNTRUE} == set(TOLD)


@pytest.mark.parametrize("kind", TRUE)
def test_what_is_as_it_was_recorded_is_kept(kind: str) -> None:
    assert verdict(recorded(kind), TRUE[kind]) == Keep()


@pytest.mark.parametrize("kind", TRUE)
def test_r9_a_corrected_phone_takes_every_notice_to_its_person(kind: str) -> None:
    """R9: staff are asked to correct it, and expect the held notice to go to the new number."""
    found = verdict(recorded(kind), TRUE[kind], OTHER)
    assert isinstance(found, Correct)
    assert (found.person, found.another_person, found.why) == (OTHER, True, "corrected: phone")


@pytest.mark.parametrize("kind", sorted(OF_PAYMENTS))
def test_r9_a_phone_is_corrected_in_a_row_that_says_nothing_of_the_fee(kind: str) -> None:
    found = verdict(recorded(kind), replace(TRUE[kind], payment=None), OTHER)
    assert isinstance(found, Correct)
    assert (found.person, found.facts) == (OTHER, {"amount": 500})
    assert verdict(recorded(kind), replace(TRUE[kind], payment=replace(FEE, id="18"))) == Keep()


TOLD: dict[str, set[str]] = {
    "accepted": {"appointment_at"}, "resumed": set(), "apology": set(), "appointment_changed": set(),
    "fee_requested": {"amount"}, "fee_paid": {"amount"}, "fee_reminder": {"amount"}, "fee_corrected": set(),
    "supplement_required": {"deadline_at", "reason"}, "supplement_reminder": {"deadline_at"}, "refused": {"reason"},
    "submitted": set(), "financial_obligation": set(), "stopped": set(), "withdrawn": set(), "result_ready": set(),
    "returned": set(), "collect_reminder": set(),
}  # fmt: skip
"""The facts that the words of each kind tell and that change in place. Where a fact names the event, another one is
another event, and the first is not told."""


def with_other_facts(change: Change) -> Change:
    dossier = replace(change.dossier, appointment_at=LATER, deadline_at=LATER, reason=Reason.NOT_ELIGIBLE)
    payment = change.payment and replace(change.payment, amount=900)
    return replace(change, dossier=dossier, payment=payment)


NOW_FACTS = {
    "appointment_at": LATER.isoformat(), "deadline_at": LATER.isoformat(), "reason": "not_eligible", "amount": 900,
}  # fmt: skip


@pytest.mark.parametrize(("kind", "facts"), [(kind, facts) for kind, facts in TOLD.items() if facts])
def test_every_fact_that_the_words_tell_follows_the_source(kind: str, facts: set[str]) -> None:
    found = verdict(recorded(kind), with_other_facts(TRUE[kind]))
    assert isinstance(found, Correct)
    assert found.facts == {name: NOW_FACTS[name] for name in facts}
    assert found.why == f"corrected: {', '.join(name for name in FACTS if name in facts)}"
    assert not found.another_person


def test_a_date_that_was_taken_away_is_told_no_more() -> None:
    change = replace(TRUE["accepted"], dossier=replace(OPEN, appointment_at=None))
    found = verdict(recorded("accepted"), change)
    assert isinstance(found, Correct)
    assert not found.facts


UNTRUE: list[tuple[str, str, Change]] = [
    ("submitted", "accepted meanwhile", status(TRUE["submitted"], Status.ACCEPTED)),
    ("accepted", "went back to registered", status(TRUE["accepted"], Status.REGISTERED)),
    ("accepted", "refused", status(TRUE["accepted"], Status.REFUSED)),
    (
        "accepted",
        "the date of acceptance taken away",
        replace(TRUE["accepted"], dossier=replace(OPEN, accepted_at=None)),
    ),
    ("refused", "accepted after all", status(TRUE["refused"], Status.ACCEPTED)),
    ("refused", "it was the citizen's own withdrawal", replace(TRUE["refused"], taken_back=True)),
    ("fee_requested", "paid", fee(TRUE["fee_requested"], state=PaymentState.PAID)),
    ("fee_requested", "cancelled", fee(TRUE["fee_requested"], state=PaymentState.CANCELLED)),
    ("fee_requested", "exempt", fee(TRUE["fee_requested"], state=PaymentState.EXEMPT)),
    ("fee_requested", "not asked for yet, after all", fee(TRUE["fee_requested"], state=PaymentState.NOT_YET)),
    ("fee_requested", "its amount taken away", fee(TRUE["fee_requested"], amount=None)),
    ("fee_paid", "taken back", fee(TRUE["fee_paid"], state=PaymentState.REQUESTED)),
    ("fee_corrected", "paid", fee(TRUE["fee_corrected"], state=PaymentState.PAID)),
    ("fee_corrected", "corrected again", fee(TRUE["fee_corrected"], amount=900)),
    ("fee_reminder", "paid", fee(TRUE["fee_reminder"], state=PaymentState.PAID)),
    ("supplement_required", "went on", status(TRUE["supplement_required"], Status.IN_PROGRESS)),
    ("supplement_required", "another request", seen(replace(WAITING_FOR_PAPERS, step="2"))),
    ("supplement_reminder", "went on", status(TRUE["supplement_reminder"], Status.IN_PROGRESS)),
    ("supplement_reminder", "no deadline any more", seen(replace(WAITING_FOR_PAPERS, deadline_at=None))),
    ("financial_obligation", "went on", status(TRUE["financial_obligation"], Status.IN_PROGRESS)),
    ("stopped", "went on", status(TRUE["stopped"], Status.IN_PROGRESS)),
    ("resumed", "stopped again", status(TRUE["resumed"], Status.STOPPED)),
    ("resumed", "finished", status(TRUE["resumed"], Status.FINISHED)),
    ("resumed", "another date", with_other_facts(TRUE["resumed"])),
    ("apology", "another date", with_other_facts(TRUE["apology"])),
    ("apology", "taken back", seen(OPEN)),
    ("appointment_changed", "changed again", with_other_facts(TRUE["appointment_changed"])),
    ("appointment_changed", "finished before", status(TRUE["appointment_changed"], Status.FINISHED)),
    ("withdrawn", "worked on after all", status(TRUE["withdrawn"], Status.IN_PROGRESS)),
    ("result_ready", "recalled", status(TRUE["result_ready"], Status.IN_PROGRESS)),
    ("result_ready", "given back", seen(replace(DONE, given_back=True, result_given=False))),
    ("result_ready", "not confirmed, after all", seen(replace(DONE, result_given=False))),
    ("returned", "not handed over", status(TRUE["returned"], Status.FINISHED)),
    ("collect_reminder", "handed over", status(TRUE["collect_reminder"], Status.RETURNED)),
    ("collect_reminder", "recalled", status(TRUE["collect_reminder"], Status.IN_PROGRESS)),
]


@pytest.mark.parametrize(("kind", "change"), [(kind, change) for kind, _, change in UNTRUE],
                         ids=[f"{kind}, {what}" for kind, what, _ in UNTRUE])  # fmt: skip
def test_what_is_not_so_any_more_is_suppressed_with_its_reason(kind: str, change: Change) -> None:
    found = verdict(recorded(kind), change)
    assert isinstance(found, Suppress)
    assert found.why


def test_a_reminder_of_a_deadline_that_is_over_is_not_told() -> None:
    """The clock alone changes it."""
    notice = recorded("supplement_reminder")
    assert isinstance(verdict(notice, TRUE["supplement_reminder"], now=SOON + timedelta(seconds=1)), Suppress)


def test_who_withdrew_a_dossier_is_not_known_of_a_dossier_as_it_stands_so_it_is_as_it_was_found_to_be() -> None:
    for kind in ("refused", "withdrawn"):
        standing = status(replace(TRUE[kind], taken_back=None), Status.REFUSED)
        assert not isinstance(verdict(recorded(kind), standing), Suppress)


def test_a_fee_by_status_follows_the_status_and_its_amount() -> None:
    by_status = Payment("6-500", PaymentState.REQUESTED, 500, NINE, by_status=True)
    told = seen(replace(OPEN, status=Status.OBLIGATION), by_status, fees_by_status=True)
    notice = recorded("fee_requested", told)
    assert verdict(notice, told) == Keep()
    assert verdict(notice, replace(told, payment=None)) == Keep()  # a row of the dossier that has no amount
    assert isinstance(verdict(notice, status(replace(told, payment=None), Status.IN_PROGRESS)), Suppress)
    assert isinstance(verdict(notice, replace(told, payment=replace(by_status, id="6-900", amount=900))), Suppress)


def test_of_what_was_told_staff_hear_where_a_result_was_recalled_or_an_amount_corrected() -> None:
    """docs/decisions/0014: the other kinds are history, or tell the change by a kind of their own."""
    recalled = says(recorded("result_ready"), status(TRUE["result_ready"], Status.IN_PROGRESS), NOW)
    assert amiss(recorded("result_ready"), recalled) == "told, and no longer so: the result was recalled"
    assert amiss(recorded("result_ready"), says(recorded("result_ready"), TRUE["result_ready"], NOW)) is None
    other = says(recorded("fee_requested"), fee(TRUE["fee_requested"], amount=900), NOW)
    assert amiss(recorded("fee_requested"), other) == "told, and no longer so: the fee's amount was corrected"
    paid = says(recorded("fee_requested"), fee(TRUE["fee_requested"], state=PaymentState.PAID), NOW)
    assert amiss(recorded("fee_requested"), paid) is None


def is_known(change: Change) -> bool:
    """What is not known holds a notice back (`test_what_cannot_be_read_changes_and_ends_nothing`)."""
    payment = change.payment
    return change.dossier.status is not Status.UNKNOWN and (
        payment is None or payment.state is not PaymentState.UNKNOWN
    )


known = changes.filter(is_known)


@given(st.sampled_from(list(TRUE.values())) | known, st.sampled_from([one for *_, one in UNTRUE]) | known)
def test_at_the_instant_of_leaving_the_facts_are_the_sources_or_nothing_leaves(before: Change, after: Change) -> None:
    """Whatever was recorded, and whatever the source says later: what the rule finds then, or nothing."""
    every = [(kind, event) for kind in KINDS if kind.rule for event in events(kind.rule(before))]
    standing = replace(after, status=after.dossier.status, at=NOW)
    for kind, event in every:
        notice = Recorded(1, event.key, CODE, kind.name, State.DUE, facts_of(event), US.id, None)
        said = says(notice, after, NOW)
        leaves = applied(notice, decide(notice, said, US))
        rule = kind.holds or kind.rule
        assert rule is not None
        so = {one.key: facts_of(one) for one in rule(standing) if isinstance(one, Event)}
        if isinstance(said, Said) and said.facts is None:
            assert kind.name in OF_PAYMENTS  # not in view: another row tells
            assert leaves == notice.facts
        else:
            assert leaves == so.get(notice.key)


MOVED = TRUE["appointment_changed"]
UNREAD = [
    ("accepted", "status", status(TRUE["accepted"], Status.UNKNOWN)),
    ("accepted", "appointment_at", seen(replace(OPEN, appointment_at=None))),
    ("accepted", "accepted_at", seen(replace(OPEN, status=Status.REGISTERED, accepted_at=None))),
    ("result_ready", "finished_at", seen(replace(DONE, result_given=False, finished_at=None))),
    ("appointment_changed", "appointment_at", replace(MOVED, dossier=replace(MOVED.dossier, appointment_at=None))),
]


@pytest.mark.parametrize(("kind", "field", "change"), UNREAD, ids=[f"{kind}, {field}" for kind, field, _ in UNREAD])
def test_what_cannot_be_read_changes_and_ends_nothing(kind: str, field: str, change: Change) -> None:
    """A column at fault says nothing about the notice: its facts stay, and nothing is suppressed for it."""
    odd = replace(change, oddities=(Oddity(CODE, field, "is not a believable time"),))
    assert verdict(recorded(kind), odd) == Keep()


def test_what_a_word_holds_back_is_not_judged_by_what_the_word_might_mean() -> None:
    unknown = fee(TRUE["fee_requested"], state=PaymentState.UNKNOWN, amount=None)
    hold = WordHold(CODE, event_key(CODE, "fee_requested", "17"), "payment_state", "x", "payment_state holds a word")
    assert verdict(recorded("fee_requested"), replace(unknown, holds=(hold,))) == Keep()


def applied(notice: Recorded, found: Keep | Correct | Suppress) -> dict[str, Any] | None:
    """The facts with which it leaves after that; None where it does not."""
    match found:
        case Suppress():
            return None
        case Correct():
            return dict(found.facts)
        case Keep():
            return dict(notice.facts)
