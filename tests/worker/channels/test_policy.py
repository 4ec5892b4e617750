"""Which channel a notice takes, as a table: what is known of the person, the terms of the moment, the choice."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.clock import VIETNAM
from domain.lifecycle import State
from domain.notice import NOT_A_FOLLOWER
from domain.retry import Decision
from tests.worker.channels.cases import TEXT, letter, terms
from worker.channels import CHANNELS
from worker.channels.conditions import quiet_until
from worker.channels.policy import choose, elsewhere
from worker.channels.row import Left, NotYet

USER = {"user_id": "6142494823000000001"}
PHONE = {"phone_sealed": b"sealed"}
NIGHT = datetime(2026, 3, 10, 23, 30, tzinfo=VIETNAM)
MIDNIGHT = datetime(2026, 3, 11, tzinfo=VIETNAM)
QUIET = (time(22), time(6))
ONLY_SMS = {"order": lambda _: ["sms"]}


@pytest.mark.parametrize(
    ("known", "changes", "channel"),
    [
        # the window, by the last interaction
        (USER | {"hours_ago": 1}, {}, "zalo_cs"),
        (USER | {"hours_ago": 48}, {}, "zalo_cs"),
        (USER | {"hours_ago": 49}, {}, "zalo_cs"),
        (USER | {"hours_ago": 49}, {"pays_after_free": False}, "zalo_template"),
        (USER | {"hours_ago": 47}, {"pays_after_free": False}, "zalo_cs"),
        (USER | {"hours_ago": 7 * 24}, {}, "zalo_cs"),
        (USER | {"hours_ago": 7 * 24 + 1}, {}, "zalo_template"),
        (USER, {}, "zalo_cs"),  # no interaction known: a refusal costs nothing
        # … and as the last resort, where nothing else fits
        (USER | {"hours_ago": 200}, {"form_fault": lambda _: "no template"}, "zalo_cs"),
        # not a follower
        (PHONE, {}, "zns"),
        (PHONE | {"sms": True}, {"form_fault": lambda _: "no template"}, "sms"),
        (PHONE | {"sms": True}, {"order": lambda _: ["sms", "zns"]}, "sms"),
        (PHONE, {"order": lambda _: ["sms", "zns"]}, "zns"),
        # who said no is not asked again
        (USER | PHONE | {"said_no": frozenset({"zalo_cs"})}, {}, "zalo_template"),
        (USER | PHONE | {"said_no": frozenset({"zalo_cs", "zalo_template"})}, {}, "zns"),
        (USER | PHONE | {"sms": True, "said_no": frozenset({"zalo_cs", "zalo_template", "zns"})}, {}, "sms"),
        # who left the OA is not written to by phone, unless this dossier asks for SMS
        (PHONE | {"left": True, "sms": True}, {}, "sms"),
        # budgets
        (USER | PHONE | {"hours_ago": 99}, {"left": {"zalo_cs": Left(dong=54)}}, "zalo_template"),
        (USER | PHONE | {"hours_ago": 99}, {"left": {"zalo_cs": Left(dong=55)}}, "zalo_cs"),
        (USER | PHONE | {"hours_ago": 1}, {"left": {"zalo_cs": Left(dong=0)}}, "zalo_cs"),  # free
        (USER | PHONE | {"hours_ago": 1}, {"left": {"zalo_cs": Left(messages=0)}}, "zalo_template"),
        (PHONE | {"sms": True}, {"left": {"zns": Left(messages=0)}}, "sms"),
        # a quota of Zalo's that is used up
        (USER | PHONE | {"hours_ago": 1}, {"held": {"zalo_cs": NotYet(MIDNIGHT, "quota")}}, "zalo_template"),
        (PHONE | {"sms": True}, {"held": {"zns": NotYet(MIDNIGHT, "quota")}}, "sms"),
        # night: Zalo takes a text around the clock; what rings by phone waits
        (USER | {"hours_ago": 1}, {"now": NIGHT, "quiet": QUIET}, "zalo_cs"),
    ],
)
def test_the_first_channel_whose_conditions_hold_is_taken(
    known: dict[str, Any], changes: dict[str, Any], channel: str
) -> None:
    """Each row is one condition at its edge."""
    assert choose(letter(**known), terms(**changes)) == channel


@pytest.mark.parametrize(
    ("known", "changes", "reason"),
    [
        ({}, {"order": lambda _: ["zalo_cs", "zalo_template"]}, NOT_A_FOLLOWER),
        (PHONE, ONLY_SMS, "the dossier does not ask for SMS"),
        ({"sms": True}, ONLY_SMS, "the phone is not known"),
        (PHONE | {"sms": True, "text": "x" * 400}, ONLY_SMS, "the SMS would take 3 segments"),
        (PHONE | {"left": True}, {"order": lambda _: ["zns"]}, "the person does not follow the OA any more"),
        (PHONE, {"order": lambda _: ["zns"], "form_fault": lambda _: "no template"}, "no template"),
        (USER | {"said_no": frozenset({"zalo_cs"})}, {"order": lambda _: ["zalo_cs"]}, "every channel has said no"),
        (PHONE | {"no_person_because": "landline"}, {}, "landline"),
    ],
)
def test_where_no_channel_fits_the_notice_is_held_with_the_reason(
    known: dict[str, Any], changes: dict[str, Any], reason: str
) -> None:
    """R38: an operator reads why."""
    choice = choose(letter(**known), terms(**changes))
    assert choice == Decision(State.UNREACHABLE, counts=False, reason=reason)


@pytest.mark.parametrize(
    ("changes", "day", "reason"),
    [
        ({"now": NIGHT, "quiet": QUIET}, datetime(2026, 3, 11, 6, tzinfo=VIETNAM), "quiet hours"),
        (
            {"left": {"zns": Left(dong=199)}},
            datetime(2026, 3, 11, tzinfo=VIETNAM),
            "the day's budget of zns is used up",
        ),
    ],
)
def test_what_may_go_later_waits_for_its_time_and_no_attempt_is_counted(
    changes: dict[str, Any], day: datetime, reason: str
) -> None:
    """Night and budget pass; those who wait for one moment are spread over ten minutes."""
    choice = choose(letter(**PHONE), terms(**changes))
    assert isinstance(choice, Decision)
    assert (choice.state, choice.counts, choice.reason) == (State.DUE, False, reason)
    assert choice.due_at is not None
    assert 0 <= (choice.due_at - day).total_seconds() < 600


def test_words_that_cannot_be_made_are_dead_whatever_the_channels() -> None:
    """A fault of a template is nothing that another channel mends."""
    faulty = letter(**USER)
    choice = choose(type(faulty)(faulty.notice, None, fault="no words"), terms())
    assert choice == Decision(State.DEAD, counts=False, reason="no words")


@pytest.mark.parametrize(
    ("known", "after", "more"),
    [
        (USER | PHONE, "zalo_cs", True),
        (PHONE, "zns", False),
        (PHONE | {"sms": True}, "zns", True),
        (USER | PHONE | {"said_no": frozenset({"zalo_cs", "zalo_template"})}, "zns", False),
    ],
)
def test_after_a_no_the_next_channel_is_asked_if_there_is_one(known: dict[str, Any], after: str, more: bool) -> None:
    """Where none is left, the notice is unreachable with Zalo's own reason."""
    assert elsewhere(letter(**known).notice, after, terms()) is more


@pytest.mark.parametrize(
    ("name", "known", "dong"),
    [
        ("zalo_cs", {"hours_ago": 48}, 0),
        ("zalo_cs", {"hours_ago": 49}, 55),
        ("zalo_cs", {}, 55),  # unknown: counted as if it were charged
        ("zalo_template", {"hours_ago": 1}, 140),
        ("zns", {}, 200),
        ("sms", {}, 350),
        ("sms", {"text": "a" * 161}, 700),
        ("paper", {}, 0),
    ],
)
def test_a_letter_has_its_price(name: str, known: dict[str, Any], dong: int) -> None:
    """Free and charged texts are told apart; an SMS costs by the segment."""
    assert CHANNELS[name].price(letter(**{"text": TEXT} | known), terms()) == dong


@pytest.mark.parametrize(
    ("quiet", "at", "until"),
    [
        (QUIET, (21, 59), None),
        (QUIET, (22, 0), (11, 6)),
        (QUIET, (5, 59), (10, 6)),
        (QUIET, (6, 0), None),
        ((time(12), time(13)), (12, 30), (10, 13)),
        ((time(12), time(13)), (13, 0), None),
    ],
)
def test_quiet_hours_end_on_the_right_morning(
    quiet: tuple[time, time], at: tuple[int, int], until: tuple[int, int] | None
) -> None:
    """They may span midnight; the clock is Vietnam's."""
    now = datetime(2026, 3, 10, *at, tzinfo=VIETNAM)
    wanted = until and datetime(2026, 3, until[0], until[1], tzinfo=VIETNAM)
    assert quiet_until(quiet, now) == wanted


@given(
    said_no=st.frozensets(st.sampled_from(sorted(CHANNELS))),
    hours_ago=st.none() | st.floats(0, 400),
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans(), st.booleans()),
)
def test_falling_from_channel_to_channel_always_ends(
    said_no: frozenset[str], hours_ago: float | None, flags: tuple[bool, bool, bool, bool]
) -> None:
    """A retry cannot loop: whoever says no is out, so the choice moves on or stops."""
    user, phone, sms, left = flags
    known: dict[str, Any] = {"said_no": said_no, "sms": sms, "left": left} | (USER if user else {})
    known |= PHONE if phone else {}
    for _ in range(len(CHANNELS) + 1):
        choice = choose(letter(hours_ago=hours_ago, **known), terms())
        if isinstance(choice, Decision):
            assert choice.state is State.UNREACHABLE
            return
        assert choice not in known["said_no"]
        known["said_no"] |= {choice}
    pytest.fail("it never came to an end")
