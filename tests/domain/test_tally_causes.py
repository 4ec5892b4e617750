"""Reasons are grouped into few causes, whatever they quote."""

from __future__ import annotations

import pytest

from domain.notice import ANOTHER_NUMBER, NOT_A_FOLLOWER, OPTED_OUT, UNFOLLOWED, UNPROVEN
from domain.tally_causes import BAD_PHONE, OPERATOR, OTHER, tally_cause
from domain.truth import GONE, IGNORED, NO_PAYMENT
from domain.volume_guard import VolumeGuard

GUARD = VolumeGuard(30, 10_000)


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        (NOT_A_FOLLOWER, "not_follower"),
        (f"{NOT_A_FOLLOWER}; the dossier does not ask for SMS", "not_follower"),
        ("the dossier does not ask for SMS", "no_sms"),
        (ANOTHER_NUMBER, "not_follower"),
        (UNFOLLOWED, "not_follower"),
        (UNPROVEN, "unproven"),
        (OPTED_OUT, "opted_out"),
        ("quiet hours", "quiet_hours"),
        ("the day's budget of zns is used up", "budget"),
        ("has received as many replies as allowed", "person_limit"),
        ("the channel is down", "no_connection"),
        ("connection refused", "no_connection"),
        ("no whole answer in time", "uncertain"),
        ("the worker was lost while this was being sent", "uncertain"),
        ("older than 72 hours", "too_old"),
        (GUARD.too_old, "kept_back"),
        (GUARD.too_many, "kept_back"),
        (GONE, "untrue"),
        (IGNORED, "untrue"),
        (NO_PAYMENT, "untrue"),
        ("fee paid", "untrue"),
        ("a later notice tells the newer state", "later"),
        ("channel switched off: zns", "switched_off"),
        ("something that nobody has written yet", OTHER),
    ],
)
def test_a_reason_has_its_cause(reason: str, cause: str) -> None:
    """The first row that fits counts: what a person can change before what passes by itself."""
    assert tally_cause("dead", reason, nobody=False) == cause


def test_a_field_without_a_phone_counts_whatever_the_reason() -> None:
    """As long as it keeps the notice from its person; what an operator dropped has the operator's words as reason."""
    assert tally_cause("unreachable", "landline", nobody=True) == BAD_PHONE
    assert tally_cause("seen", None, nobody=True) is None
    assert tally_cause("discarded", "gửi nhầm", nobody=False) == OPERATOR
