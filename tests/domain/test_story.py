"""Time lines and digests: kept as JSON and read back, and short enough for one message."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.kinds import CHAT_DOSSIERS, OF_DOSSIERS, STAFF_DIGEST
from domain.letters import LONGEST, STEPS, Facts, Letters
from domain.story import Digest, Step, Story, Tally, digest_json, read_digest, read_stories, shortened, stories_json

LETTERS = Letters(Path(__file__).parents[2] / "templates")
NINE = datetime(2024, 2, 19, 2, 9, tzinfo=UTC)
LONG_CODE = "H" * 50

steps = st.builds(
    Step,
    kind=st.sampled_from(OF_DOSSIERS),
    at=st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 (zones are added)
    amount=st.none() | st.integers(1, 10**12),
)
tales = st.builds(Story, code=st.just(LONG_CODE), steps=st.lists(steps, min_size=1, max_size=40).map(tuple))


def test_every_event_of_a_dossier_has_words_on_a_time_line() -> None:
    assert set(STEPS) == set(OF_DOSSIERS)


@given(st.lists(tales, min_size=1, max_size=5))
def test_any_time_lines_fit_one_message_and_survive_being_kept(stories: list[Story]) -> None:
    """2,000 characters, whatever happened to however many of the five dossiers."""
    short = shortened(stories)
    assert read_stories(json.loads(json.dumps(stories_json(short)))) == short
    assert [story.steps[-1] for story in short] == [story.steps[-1] for story in stories]
    assert len(LETTERS.text(CHAT_DOSSIERS, Facts("chat-1", stories=short))) <= LONGEST


def test_a_digest_survives_being_kept_and_is_told_with_noughts_and_all() -> None:
    """The longest there can be: every kind, millions of each."""
    tallies = tuple(Tally(kind, *[9_999_999] * 7) for kind in OF_DOSSIERS)
    digest = Digest("H27.37", date(2024, 2, 19), date(2024, 2, 25), tallies)
    assert read_digest(json.loads(json.dumps(digest_json(digest)))) == digest
    assert len(LETTERS.text(STAFF_DIGEST, Facts("staff-1", digest=digest))) <= LONGEST
    none = Digest("H27.37", date(2024, 2, 19), date(2024, 2, 25), (Tally("accepted", 1, 0, 0, 0, 0, 0, 1),))
    assert "- đã tiếp nhận: 1 (đã gửi 0)" in LETTERS.text(STAFF_DIGEST, Facts("staff-1", digest=none))
    empty = Digest("H27.37", date(2024, 2, 19), date(2024, 2, 25), ())
    assert "không có sự kiện nào" in LETTERS.text(STAFF_DIGEST, Facts("staff-1", digest=empty))


@pytest.mark.parametrize("broken", [[{}], [{"code": "H", "steps": [{"kind": "accepted"}]}], 7])
def test_facts_that_are_not_stories_are_told_from_stories(broken: object) -> None:
    """The ledger sets such a notice aside; anything else would end a batch."""
    with pytest.raises((KeyError, TypeError, ValueError)):
        read_stories(broken)  # type: ignore[arg-type]
