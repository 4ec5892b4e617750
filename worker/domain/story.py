"""What the chat tells beside notices: a dossier's time line to its person, a unit's numbers to its staff.

Both are made when they are asked for and kept with the notice as JSON; neither holds personal data (R23, R32).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

_MOST_STEPS = 12  # of all dossiers together: what fits a message


@dataclass(frozen=True, slots=True)
class Step:
    """An event of a dossier: its kind, when it happened (UTC), and the amount (đồng) if the person was told of it."""

    kind: str
    at: datetime
    amount: int | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """What happened to a dossier, oldest step first."""

    code: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """How many events of a kind there were, and what became of them; the words of `hcc report`."""

    kind: str
    events: int
    sent: int
    not_follower: int
    bad_phone: int
    failed: int
    not_needed: int
    pending: int


@dataclass(frozen=True, slots=True)
class Digest:
    """A unit's numbers from `since` to the end of `until`."""

    unit: str
    since: date
    until: date
    tallies: tuple[Tally, ...]


def shortened(stories: Sequence[Story]) -> tuple[Story, ...]:
    """The newest steps of each, as many as one message holds."""
    each = max(1, _MOST_STEPS // max(1, len(stories)))
    return tuple(Story(story.code, story.steps[-each:]) for story in stories)


def stories_json(stories: Iterable[Story]) -> list[dict[str, Any]]:
    """Stories as a notice's facts keep them."""
    return [
        {"code": story.code, "steps": [{**asdict(step), "at": step.at.isoformat()} for step in story.steps]}
        for story in stories
    ]


def read_stories(kept: Iterable[Mapping[str, Any]]) -> tuple[Story, ...]:
    """The way back. Raises `KeyError`, `TypeError` or `ValueError`."""
    return tuple(Story(story["code"], tuple(_step(step) for step in story["steps"])) for story in kept)


def digest_json(digest: Digest) -> dict[str, Any]:
    """A digest as a notice's facts keep it."""
    return {**asdict(digest), "since": digest.since.isoformat(), "until": digest.until.isoformat()}


def read_digest(kept: Mapping[str, Any]) -> Digest:
    """The way back. Raises `KeyError`, `TypeError` or `ValueError`."""
    tallies = tuple(Tally(**tally) for tally in kept["tallies"])
    return Digest(kept["unit"], date.fromisoformat(kept["since"]), date.fromisoformat(kept["until"]), tallies)


def _step(kept: Mapping[str, Any]) -> Step:
    return Step(kept["kind"], datetime.fromisoformat(kept["at"]), kept.get("amount"))
