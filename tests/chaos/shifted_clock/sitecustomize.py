"""A host whose clock jumps: Python imports this file at its start where the folder stands in PYTHONPATH.

The wall clock of the process (`time.time`, `datetime.now`) is off by as many seconds as the file HCC_CHAOS_CLOCK says
at that moment. The monotonic clock, the ledger's and Redis' stay right, as they do where a host's clock is set.
"""

from __future__ import annotations

import datetime as dt
import os
import time
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Self

_FILE = Path(os.environ["HCC_CHAOS_CLOCK"])
_LOOK_SECONDS = 0.05

_true_time = time.time
_off = 0.0
_looked = 0.0


def off() -> float:
    """How far the clock is ahead, in seconds."""
    global _off, _looked
    if time.monotonic() - _looked > _LOOK_SECONDS:
        _off, _looked = float(_FILE.read_text() or 0), time.monotonic()
    return _off


class _AlsoTheTrueOnes(type):
    """Values that C code made are instances, too."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, datetime)


class ShiftedDatetime(datetime, metaclass=_AlsoTheTrueOnes):
    """`datetime` on the shifted clock."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return cls.fromtimestamp(shifted_time(), tz)

    @classmethod
    def utcnow(cls) -> Self:
        return cls.fromtimestamp(shifted_time(), UTC).replace(tzinfo=None)


def shifted_time() -> float:
    return _true_time() + off()


time.time = shifted_time
dt.datetime = ShiftedDatetime  # type: ignore[misc]
