"""The probe: one notice an hour to one member of staff, which goes the whole way and is measured."""

from __future__ import annotations

from datetime import datetime, timedelta

from domain.clock import to_vietnam
from domain.event import event_key
from domain.kinds import PROBE

KEPT_HOURS = 48  # how far back a probe is looked for


def probe_code(now: datetime) -> str:
    """What stands for the dossier's code: the hour of Vietnam, so each hour has one probe and each probe its text."""
    return f"probe-{to_vietnam(now):%Y%m%dT%H}"


def probe_key(now: datetime) -> str:
    """The event key of the probe of this hour."""
    return event_key(probe_code(now), PROBE, "1")


def latest_keys(now: datetime) -> list[str]:
    """The keys of the probes of this hour and the `KEPT_HOURS` before, the newest first."""
    return [probe_key(now - timedelta(hours=back)) for back in range(KEPT_HOURS + 1)]
