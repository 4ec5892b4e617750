"""Noticing that the ledger went back: by its position, noted outside of it at each sweep."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from redis import Redis
from sqlalchemy import Engine

from worker.ledger import setbacks
from worker.ledger.setbacks import NOTICED, Position, Setback
from worker.queue.last_seen import LastSeen

log = logging.getLogger("hcc.setbacks")

REMEMBERED = timedelta(days=7)  # for so long a setback is told, and Zalo is asked who follows if it was not yet

_BEFORE = timedelta(seconds=60)  # a standby may lack more than what was committed since the last look


@dataclass(frozen=True, slots=True)
class Noted:
    """Where the ledger was at a moment of its own clock (UTC)."""

    position: Position
    at: datetime

    def __str__(self) -> str:
        here = self.position
        return f"{here.system} {here.timeline} {here.byte} {self.at.isoformat()}"

    @classmethod
    def read(cls, text: str | None) -> Noted | None:
        """The way back; None where nothing was noted, or somebody else wrote there."""
        try:
            system, timeline, byte, at = (text or "").split(" ")
            return cls(Position(system, int(timeline), int(byte)), datetime.fromisoformat(at))
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at the ledger saw: the time by its clock (UTC), and the setback, where it went back."""

    at: datetime
    setback: Setback | None


class LedgerWatch:
    """Compares the ledger's position with where it was, as Redis and this process remember it."""

    def __init__(self, ledger: Engine, redis: Redis) -> None:
        self._ledger = ledger
        self._last_seen = LastSeen(redis, "ledger")
        self._own: Noted | None = None

    def look(self, by: str) -> Look | None:
        """Note where the ledger is; keeps the setback where it went back. None on a standby. Raises `QueueDown`.

        What is noted is read before the position: so a position that another process notes meanwhile is never taken for
        one from which the ledger went back.
        """
        noted = Noted.read(self._last_seen.read()) or self._own
        with self._ledger.begin() as tx:
            found = setbacks.position(tx)
            if found is None:
                return None
            here = Noted(*found)
            why = here.position.lost_since(noted.position) if noted else None
            setback = None
            if noted and why:
                setback = Setback(NOTICED, min(noted.at, here.at) - _BEFORE, here.at, by, why)
                setbacks.note(tx, setback)
        self._last_seen.write(str(here))
        self._own = here
        if setback:
            log.critical("the ledger went back since=%s why=%s", setback.since.isoformat(), setback.why)
        return Look(here.at, setback)
