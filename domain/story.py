"""Values that the chat tells besides notices: a dossier's time line for its person, a unit's numbers for its staff.

Both are built on request and stored with the notice as JSON; neither contains personal data (R23, R32).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

_MOST_STEPS = 12  # of all dossiers together; as many as fit one message


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
    """How many events of a kind there were, and what became of them, in the words of `hcc report`."""

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
    name: str | None = None  # of the unit, by the province's list


def shortened(stories: Sequence[Story]) -> tuple[Story, ...]:
    """The newest steps of each story, as many as fit one message."""
    each = max(1, _MOST_STEPS // max(1, len(stories)))
    return tuple(Story(story.code, story.steps[-each:]) for story in stories)


def stories_json(stories: Iterable[Story]) -> list[dict[str, Any]]:
    """Stories as stored in a notice's facts."""
    return [
        {"code": story.code, "steps": [{**asdict(step), "at": step.at.isoformat()} for step in story.steps]}
        for story in stories
    ]


def read_stories(kept: Iterable[Mapping[str, Any]]) -> tuple[Story, ...]:
    """The inverse of `stories_json`. Raises `KeyError`, `TypeError` or `ValueError`."""
    return tuple(Story(story["code"], tuple(_step(step) for step in story["steps"])) for story in kept)


def digest_json(digest: Digest) -> dict[str, Any]:
    """A digest as stored in a notice's facts."""
    return {**asdict(digest), "since": digest.since.isoformat(), "until": digest.until.isoformat()}


def read_digest(kept: Mapping[str, Any]) -> Digest:
    """The inverse of `digest_json`. Raises `KeyError`, `TypeError` or `ValueError`."""
    tallies = tuple(Tally(**tally) for tally in kept["tallies"])
    since, until = date.fromisoformat(kept["since"]), date.fromisoformat(kept["until"])
    return Digest(kept["unit"], since, until, tallies, kept.get("name"))


def _step(kept: Mapping[str, Any]) -> Step:
    return Step(kept["kind"], datetime.fromisoformat(kept["at"]), kept.get("amount"))
