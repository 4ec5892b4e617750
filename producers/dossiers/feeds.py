"""The feeds: which question each asks the source, and how a page moves it on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeAlias
from zoneinfo import ZoneInfo

from producers.dossiers.mapping import Limits
from producers.dossiers.mapping import Mapping as SourceMapping
from producers.dossiers.positions import IdPosition, TimePosition
from producers.dossiers.queries import LONG_AGO
from producers.dossiers.rows import Door, RowError, row_id, source_time
from producers.dossiers.source import SourceError
from worker.domain.dossier import Change

Row: TypeAlias = Mapping[str, Any]
Reader: TypeAlias = Callable[[Row], Change | None]


@dataclass(frozen=True, slots=True)
class Step:
    """Where a page took a feed: the new position, whether more is waiting, how many gaps were given up."""

    position: dict[str, Any]
    full: bool
    given_up: int = 0


class Feed(Protocol):
    """One of the queries that we poll. Positions are JSON, as they stand in the ledger."""

    @property
    def name(self) -> str:
        """Its name in the mapping, the ledger and the logs."""

    @property
    def read(self) -> Reader:
        """A row's way through the door."""

    def begin(self, newest: Any, now: datetime) -> dict[str, Any]:
        """The position from which on rows are new, given the newest point of the source (None: no rows)."""

    def ask(self, position: Row, polled_at: datetime) -> dict[str, Any]:
        """The query's parameters."""

    def advance(self, position: Row, rows: Sequence[Row], now: datetime) -> Step:
        """Where these rows take the feed. Raises `SourceError` if they cannot be told apart."""


@dataclass(frozen=True, slots=True)
class IdFeed:
    """An append-only table, by increasing id."""

    name: str
    read: Reader
    limits: Limits

    def begin(self, newest: Any, now: datetime) -> dict[str, Any]:  # noqa: ARG002 (part of the protocol)
        """A page back: ids below the newest may belong to transactions that are open right now."""
        return self.at(max(0, int(newest or 0) - self.limits.page))

    def at(self, after: int) -> dict[str, Any]:
        """The position just behind an id."""
        return IdPosition(after).stored()

    def ask(self, position: Row, polled_at: datetime) -> dict[str, Any]:  # noqa: ARG002 (part of the protocol)
        held = IdPosition.of(position)
        return {"after": held.after, "missing": list(held.missing), "limit": self.limits.page}

    def advance(self, position: Row, rows: Sequence[Row], now: datetime) -> Step:
        held, ids = IdPosition.of(position), _ids(self.name, rows)
        patience = timedelta(seconds=self.limits.gap_seconds)
        reached, given_up = held.advance(ids, now, patience=patience, room=self.limits.gaps)
        full = sum(number > held.after for number in ids) >= self.limits.page
        return Step(reached.stored(), full, given_up)


@dataclass(frozen=True, slots=True)
class TimeFeed:
    """Rows that change, by change time and id."""

    name: str
    read: Reader
    limits: Limits
    zone: ZoneInfo

    def begin(self, newest: Any, now: datetime) -> dict[str, Any]:
        changed_at = source_time({"changed_at": newest}) or LONG_AGO
        at = min(changed_at, self._clock(changed_at, now))
        return TimePosition(at, 0, now).stored()

    def ask(self, position: Row, polled_at: datetime) -> dict[str, Any]:
        overlap = timedelta(seconds=self.limits.overlap_seconds)
        since, after = TimePosition.of(position).start(polled_at, overlap)
        return {"since": since, "after": after, "limit": self.limits.page}

    def advance(self, position: Row, rows: Sequence[Row], now: datetime) -> Step:
        held = TimePosition.of(position)
        marks = zip(map(source_time, rows), _ids(self.name, rows), strict=True)
        last = max(((at, number) for at, number in marks if at is not None), default=None)
        full = len(rows) >= self.limits.page and last is not None
        if last and last[0].tzinfo and not held.at.tzinfo:  # begun on an empty table, so in no zone
            held = replace(held, at=held.at.replace(tzinfo=self.zone))
        reached = held.advance(last, full=full, clock=self._clock(held.at, now), now=now)
        return Step(reached.stored(), full)

    def _clock(self, like: datetime, now: datetime) -> datetime:
        """`now` as the source writes times: with a zone if its columns have one, else as its clock shows it."""
        return now if like.tzinfo else now.astimezone(self.zone).replace(tzinfo=None)


def feeds_of(mapping: SourceMapping) -> tuple[Feed, ...]:
    """The feeds, in the order in which they are read."""
    door, limits = Door(mapping), mapping.limits
    return (
        IdFeed("history", door.history, limits),
        IdFeed("payments", door.payment, limits),
        TimeFeed("payment_changes", door.payment, limits, mapping.zone),
    )


def _ids(feed: str, rows: Sequence[Row]) -> list[int]:
    try:
        return [row_id(row) for row in rows]
    except RowError:
        raise SourceError(f"feeds.{feed}: cột id phải là số nguyên tăng dần; sửa câu SQL trong bản đồ") from None
