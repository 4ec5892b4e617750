"""What a look into the conversation proves, and what it does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from worker.domain.settling import GIVE_UP, LOOKS, Question, Row, Verdict, next_look, verdict

BEGAN = datetime(2026, 1, 31, 1, 0, tzinfo=UTC)
TEXT = "đã tiếp nhận hồ sơ H27"


def row(*, seconds: float = 1, text: str | None = TEXT, ours: bool = True) -> Row:
    """A row of the conversation, so long after the request began."""
    return Row(ours, BEGAN + timedelta(seconds=seconds), text, "id")


def judged(*rows: Row, age: float = 5, told: int = 0, complete: bool = True) -> Verdict:
    """The verdict on the notice with `TEXT`."""
    return verdict(Question(TEXT, BEGAN, age, told), rows, complete=complete)


def test_the_exact_text_since_the_request_began_has_arrived() -> None:
    """One row of ours with exactly these words settles at once."""
    assert judged(row()) is Verdict.ARRIVED


@pytest.mark.parametrize("other", [row(text=TEXT + "."), row(ours=False), row(text=None), row(seconds=-3600)], ids=str)
def test_other_words_another_sender_or_an_older_message_prove_nothing(other: Row) -> None:
    """Only ours, only these words, only since then."""
    assert judged(other) is Verdict.UNCLEAR


def test_absence_proves_nothing_before_the_last_look() -> None:
    """How late Zalo shows what it accepted is not documented."""
    assert judged(age=LOOKS[-1] - 1) is Verdict.UNCLEAR
    assert judged(age=LOOKS[-1]) is Verdict.NOT_ARRIVED


def test_absence_proves_nothing_where_rows_do_not_reach_back_far_enough() -> None:
    """A chatty person's rows may hide ours."""
    assert judged(age=GIVE_UP, complete=False) is Verdict.UNCLEAR


def test_two_notices_that_read_alike_are_counted() -> None:
    """A row that another notice accounts for is not taken for this one; two rows are enough for both."""
    assert judged(row(), told=1, age=LOOKS[-1]) is Verdict.NOT_ARRIVED
    assert judged(row(), row(seconds=2), told=1) is Verdict.ARRIVED


def test_looks_come_closer_at_first() -> None:
    """3 s, 8 s, 20 s, 40 s after the attempt, then every minute."""
    assert [next_look(age) for age in (0, 3, 8, 20, 40, 400)] == [3, 5, 12, 20, 60, 60]
