"""The feeds: the query parameters of each, and how a page advances its position."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeAlias
from zoneinfo import ZoneInfo

from domain.dossier import Change
from producers.dossiers.faults import RowError
from producers.dossiers.fingerprints import Tracking, seen_standing
from producers.dossiers.mapping import Limits, word
from producers.dossiers.mapping import Mapping as SourceMapping
from producers.dossiers.positions import IdPosition, TimePosition
from producers.dossiers.queries import LONG_AGO
from producers.dossiers.row_keys import row_id, source_time
from producers.dossiers.rows import RowReader
from producers.dossiers.source import SourceError

SourceRow: TypeAlias = Mapping[str, Any]
Reader: TypeAlias = Callable[[SourceRow, datetime], Change | None]  # a row, and the current time

_WIDE = 20  # pages: the most rows of one change time read at once; if there are more, the reconcile has to find them


@dataclass(frozen=True, slots=True)
class FeedStep:
    """The result of a page: the feed's new position, whether more rows are waiting, how many gaps were given up."""

    position: dict[str, Any]
    full: bool
    given_up: int = 0
    jumped: bool = False  # over a change time with too many rows


class Feed(Protocol):
    """One of the queries that we poll. Positions are JSON, as stored in the ledger."""

    @property
    def name(self) -> str:
        """Its name in the mapping, the ledger and the logs."""

    @property
    def read(self) -> Reader:
        """Converts a row into a change (`RowReader`)."""

    @property
    def look(self) -> Tracking:
        """What its rows mean for the fingerprints of dossiers."""

    def begin(self, newest: Any, now: datetime) -> dict[str, Any]:
        """The position from which rows are new, given the newest point of the source (None: no rows)."""

    def first(self, newest: Any, now: datetime) -> dict[str, Any]:
        """The position from which everything in the source is told."""

    def ask(self, position: SourceRow, polled_at: datetime) -> dict[str, Any]:
        """The query's parameters."""

    def advance(self, position: SourceRow, asked: SourceRow, rows: Sequence[SourceRow], now: datetime) -> FeedStep:
        """The step after these rows. Raises `SourceError` if they cannot be told apart (an id is no whole number)."""


@dataclass(frozen=True, slots=True)
class IdFeed:
    """An append-only table, by increasing id."""

    name: str
    read: Reader
    look: Tracking
    limits: Limits
    unsettled: Callable[[SourceRow], bool]

    def begin(self, newest: Any, now: datetime) -> dict[str, Any]:  # noqa: ARG002 (part of the protocol)
        """Begin one page back: ids below the newest may belong to transactions that are still open."""
        return IdPosition(max(0, int(newest or 0) - self.limits.page)).stored()

    def first(self, newest: Any, now: datetime) -> dict[str, Any]:  # noqa: ARG002 (part of the protocol)
        return IdPosition(0).stored()

    def ask(self, position: SourceRow, polled_at: datetime) -> dict[str, Any]:  # noqa: ARG002 (part of the protocol)
        held = IdPosition.of(position)
        return {"after": held.after, "missing": held.again, "limit": self.limits.page}

    def advance(self, position: SourceRow, asked: SourceRow, rows: Sequence[SourceRow], now: datetime) -> FeedStep:  # noqa: ARG002 (part of the protocol)
        held, ids, limits = IdPosition.of(position), _ids(self.name, rows), self.limits
        reached, given_up = held.advance(ids, now, patience=timedelta(seconds=limits.gap_seconds), room=limits.gaps)
        last = {row["code"]: (number, row) for number, row in zip(ids, rows, strict=True)}  # each dossier's last
        ahead = [number for number, row in last.values() if self.unsettled(row)]
        room = min(limits.page, limits.gaps - len(reached.missing))
        reached = reached.unsettle(ahead, now, patience=timedelta(seconds=limits.settle_seconds), room=room)
        full = sum(number > held.after for number in ids) >= limits.page
        return FeedStep(reached.stored(), full, given_up)


@dataclass(frozen=True, slots=True)
class TimeFeed:
    """Rows that change, by change time. `from_first`: only this feed sees rows that have never changed."""

    name: str
    read: Reader
    look: Tracking
    limits: Limits
    zone: ZoneInfo
    from_first: bool

    def begin(self, newest: Any, now: datetime) -> dict[str, Any]:
        changed_at = source_time({"changed_at": newest}) or LONG_AGO
        return TimePosition(min(changed_at, self._clock(changed_at, now)), now).stored()

    def first(self, newest: Any, now: datetime) -> dict[str, Any]:
        """From the beginning if `from_first`; otherwise from now on, since a feed by id reads every row as it is."""
        return TimePosition(LONG_AGO, now).stored() if self.from_first else self.begin(newest, now)

    def ask(self, position: SourceRow, polled_at: datetime) -> dict[str, Any]:
        held = TimePosition.of(position)
        since = held.start(polled_at, timedelta(seconds=self.limits.overlap_seconds))
        return {"since": since, "limit": self.limits.page * (_WIDE if held.wide else 1)}

    def advance(self, position: SourceRow, asked: SourceRow, rows: Sequence[SourceRow], now: datetime) -> FeedStep:
        held, since = TimePosition.of(position), asked["since"]
        times = [at for at in map(source_time, rows) if at is not None]
        if times and times[-1].tzinfo and not held.at.tzinfo:  # begun on an empty table, so without a zone
            held, since = replace(held, at=held.at.replace(tzinfo=self.zone)), since.replace(tzinfo=self.zone)
        reached, jumped = held.advance(
            times, asked=since, full=len(rows) >= asked["limit"], clock=self._clock(held.at, now), now=now
        )
        return FeedStep(reached.stored(), reached.page is not None, jumped=jumped)

    def _clock(self, like: datetime, now: datetime) -> datetime:
        """`now` as the source writes times: with a zone if its columns have one, else as its local clock shows it."""
        return now if like.tzinfo else now.astimezone(self.zone).replace(tzinfo=None)


def feeds_of(mapping: SourceMapping) -> tuple[Feed, ...]:
    """The feeds that a mapping has, in the order in which they are read."""
    door, limits, zone = RowReader(mapping), mapping.limits, mapping.zone

    def standing(row: SourceRow, now: datetime) -> Change | None:
        return seen_standing(door, row, now)

    def payment(row: SourceRow, _: datetime) -> Change | None:
        return door.payment(row)

    def ahead(row: SourceRow) -> bool:
        return _is_ahead(mapping, row)

    def step(row: SourceRow, _: datetime) -> Change | None:
        return door.history(row)

    by_id = IdFeed("history", step, Tracking.NOTE, limits, ahead)
    by_time = TimeFeed("history", step, Tracking.NOTE, limits, zone, from_first=True)
    every: dict[str, Feed] = {
        "history": by_id if mapping.keys.history == "number" else by_time,
        "payments": IdFeed("payments", payment, Tracking.NONE, limits, _is_orphan),
        "payment_changes": TimeFeed(
            "payment_changes", payment, Tracking.NONE, limits, zone, from_first=not mapping.has("payments")
        ),
        "snapshot": TimeFeed("snapshot", standing, Tracking.COMPARE, limits, zone, from_first=True),
    }
    return tuple(every[name] for name in mapping.feed_names)


def _is_orphan(row: SourceRow) -> bool:
    """Whether the row's dossier does not exist yet: it may be written by a transaction that is still open."""
    return row["code"] is None


def _is_ahead(mapping: SourceMapping, row: SourceRow) -> bool:
    """Whether the row reports a status that its dossier does not have (yet): the dossier may be written after it."""
    if _is_orphan(row):
        return True
    if row["change_status"] is None or row["status"] is None:
        return False
    reported, standing = (mapping.status.get(word(row[column])) for column in ("change_status", "status"))
    return reported is not standing


def _ids(feed: str, rows: Sequence[SourceRow]) -> list[int]:
    try:
        return [row_id(row) for row in rows]
    except RowError:
        raise SourceError(f"feeds.{feed}: cột id phải là số nguyên tăng dần; sửa câu SQL trong bản đồ") from None
