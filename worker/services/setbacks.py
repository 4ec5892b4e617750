"""Detects that the ledger went back, by comparing its position with the one noted outside of it at each sweep."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from redis import Redis
from sqlalchemy import Engine

from coordination.last_seen import LastSeen
from ledger.base import setbacks
from ledger.base.setbacks import NOTICED, Position, Setback

log = logging.getLogger("hcc.setbacks")

REMEMBERED = timedelta(days=7)  # how long a setback is reported, and followers are synced if not done since

_BEFORE = timedelta(seconds=60)  # a standby may lack more than the commits since the last look


@dataclass(frozen=True, slots=True)
class Noted:
    """The ledger's position at a time of its own clock (UTC)."""

    position: Position
    at: datetime

    def __str__(self) -> str:
        here = self.position
        return f"{here.system} {here.timeline} {here.byte} {self.at.isoformat()}"

    @classmethod
    def read(cls, text: str | None) -> Noted | None:
        """Parse the text written by `str`; None if there is none or it is not ours."""
        try:
            system, timeline, byte, at = (text or "").split(" ")
            return cls(Position(system, int(timeline), int(byte)), datetime.fromisoformat(at))
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class LedgerLook:
    """The result of a look at the ledger: its clock's time (UTC), and the setback if it went back."""

    at: datetime
    setback: Setback | None


class LedgerWatch:
    """Compares the ledger's position with the last one, which Redis and this process remember."""

    def __init__(self, ledger: Engine, redis: Redis) -> None:
        self._ledger = ledger
        self._last_seen = LastSeen(redis, "ledger")
        self._own: Noted | None = None

    def look(self, by: str) -> LedgerLook | None:
        """Note the ledger's position; record a setback if it went back. None on a standby. Raises `QueueDown`.

        The noted position is read before the current one. A position that another process notes meanwhile is therefore
        never mistaken for a setback.
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
        return LedgerLook(here.at, setback)
