"""The context of a poll, and the result of one round."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine

from ledger.people.people import People
from producers.dossiers.feeds import Feed
from producers.dossiers.findings import PageFindings, RuleRunner
from producers.dossiers.guarding import Guarding
from producers.dossiers.mapping import Mapping
from producers.dossiers.source import Source


class Outrun(Exception):  # noqa: N818 (no error: another poll was faster, and the transaction is rolled back)
    """A cursor is no longer where we read it."""


def utc_now() -> datetime:
    """The current time in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class PollContext:
    """The context of the polls of one OA."""

    oa: str
    ledger: Engine
    people: People
    source: Source
    mapping: Mapping
    feeds: tuple[Feed, ...]
    sieve: RuleRunner
    clock: Callable[[], datetime]
    guarding: Guarding
    grace_days: float = 14.0  # for this time a held notice is still told to a person who becomes reachable


@dataclass(slots=True)
class Round:
    """The result of one round, in counts."""

    read: int = 0  # rows of the source
    recorded: int = 0  # new notices
    retracted: int = 0  # notices suppressed before they left
    compared: int = 0  # notices compared with the source by code, since they had waited long
    changed: int = 0  # notices that followed the source
    baseline: int = 0  # events that existed before the first poll
    set_aside: int = 0  # rows that could not be read
    odd: int = 0  # rows that look like an event and cannot be told
    given_up: int = 0  # missing ids that are no longer queried
    more: bool = False  # the time was up before the end was reached
    outrun: bool = False  # another poll was faster, and did our work

    def count(self, found: PageFindings, rows: int) -> None:
        """Add the counts of a page."""
        self.read += rows
        self.odd += found.odd
        self.set_aside += found.set_aside

    def told(self) -> str:
        """The counts that are not zero, as `key=value`."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return " ".join(f"{name}={value}" for name, value in fields.items() if value)

    @property
    def notable(self) -> bool:
        """Whether there is anything to report beyond "nothing new"."""
        found = self.recorded or self.retracted or self.compared or self.changed or self.baseline
        return bool(found or self.set_aside or self.odd or self.given_up)
