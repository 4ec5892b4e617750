"""What holds a notice back is always one of a closed list, and says from when the notice may go."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from domain.held import Held, HeldBy, Live, held
from domain.lifecycle import LIVE, State
from operators.phrasebook import words

NOW = datetime(2026, 3, 2, 9, 9, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
FREE = Live(State.DUE, None, HeldBy.BACK_OFF, NOW, None, True, None, None, None)
LIMIT = Held(HeldBy.LIMIT, LATER)


@pytest.mark.parametrize(
    ("notice", "of_oa", "expected"),
    [
        (FREE, None, None),
        (FREE, LIMIT, LIMIT),
        (replace(FREE, due_at=LATER, reason="r", waits_for=HeldBy.NIGHT), None, Held(HeldBy.NIGHT, LATER, "r")),
        (replace(FREE, may_be_told_from=LATER), None, Held(HeldBy.NIGHT, LATER)),
        (replace(FREE, earlier="H/accepted/1"), None, Held(HeldBy.EARLIER, None, "H/accepted/1")),
        (replace(FREE, is_sure=False), None, Held(HeldBy.SOURCE)),
        (replace(FREE, is_sure=False), LIMIT, Held(HeldBy.SOURCE)),
        (replace(FREE, is_sure=False), Held(HeldBy.REDIS), Held(HeldBy.REDIS)),
        (replace(FREE, stopped=("kind accepted", LATER)), None, Held(HeldBy.SWITCH, LATER, "kind accepted")),
        (replace(FREE, state=State.SENDING, lease_until=LATER), None, Held(HeldBy.SENDING, LATER)),
        (replace(FREE, state=State.UNCERTAIN, due_at=LATER, reason="r"), None, Held(HeldBy.DOUBT, LATER, "r")),
        (replace(FREE, state=State.WAITING, earlier="H/accepted/1"), None, Held(HeldBy.EARLIER, None, "H/accepted/1")),
        (replace(FREE, state=State.UNREACHABLE, reason="r"), None, Held(HeldBy.NO_FOLLOWER, None, "r")),
        (replace(FREE, state=State.QUARANTINED, reason="r"), None, Held(HeldBy.QUARANTINE, None, "r")),
    ],
)
def test_each_cause_is_named_with_the_time_from_which_it_may_go(
    notice: Live, of_oa: Held | None, expected: Held | None
) -> None:
    assert held(notice, of_oa, NOW) == expected


@pytest.mark.parametrize("state", sorted(LIVE - {State.DEAD, State.DUE}))
def test_whatever_is_live_and_not_due_is_held_by_something(state: State) -> None:
    assert held(replace(FREE, state=state), None, NOW) is not None


def test_operators_have_words_for_each_cause() -> None:
    assert set(words("holds")) == set(HeldBy)
