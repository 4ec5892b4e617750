"""What a poll works with, and what one round came to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine

from producers.dossiers.feeds import Feed
from producers.dossiers.findings import Found, Sieve
from producers.dossiers.guarding import Guarding
from producers.dossiers.mapping import Mapping
from producers.dossiers.source import Source
from worker.ledger.people import People


class Outrun(Exception):  # noqa: N818 (no error: another poll was faster, and the transaction is rolled back)
    """A cursor is no longer where we read it."""


def utc_now() -> datetime:
    """This moment."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a poll of one OA works with."""

    oa: str
    ledger: Engine
    people: People
    source: Source
    mapping: Mapping
    feeds: tuple[Feed, ...]
    sieve: Sieve
    clock: Callable[[], datetime]
    guarding: Guarding
    grace_days: float = 14.0  # so long what was held is told to somebody who can be reached later


@dataclass(slots=True)
class Round:
    """What one round came to, in counts."""

    read: int = 0  # rows of the source
    recorded: int = 0  # new notices
    withdrawn: int = 0  # notices suppressed before they left
    compared: int = 0  # notices compared with the source by their codes, since they waited for long
    changed: int = 0  # notices that followed the source
    baseline: int = 0  # events that were there before the first poll
    set_aside: int = 0  # rows that could not be read
    odd: int = 0  # rows that look like an event and cannot be told
    given_up: int = 0  # missing ids that nobody waits for any more
    more: bool = False  # the time was up before the end was reached
    outrun: bool = False  # another poll was faster, and did our work

    def count(self, found: Found, rows: int) -> None:
        """Add what a page was found to hold."""
        self.read += rows
        self.odd += found.odd
        self.set_aside += found.set_aside

    def told(self) -> str:
        """The counts that are not zero, as `key=value`."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return " ".join(f"{name}={value}" for name, value in fields.items() if value)

    @property
    def notable(self) -> bool:
        """Whether there is anything to tell beyond "nothing new"."""
        found = self.recorded or self.withdrawn or self.compared or self.changed or self.baseline
        return bool(found or self.set_aside or self.odd or self.given_up)
