"""Days and moments on the command line, as people in Vietnam say them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, TypeVar

import click

from worker.domain.clock import VIETNAM, from_local

Command = TypeVar("Command", bound=Callable[..., Any])

_SPAN = re.compile(r"(\d{1,5})\s*([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def event_days(command: Command) -> Command:
    """What narrows down by the unit and by the day on which the event happened."""
    unit = click.option("--unit", metavar="MÃ", help="Chỉ đơn vị này và các đơn vị dưới nó, ví dụ H27.12.")
    since = click.option("--from", "since", callback=_first, metavar="NGÀY", help="Chỉ việc từ ngày này (2023-01-31).")
    until = click.option("--to", "until", callback=_last, metavar="NGÀY", help="Chỉ việc đến hết ngày này.")
    return unit(since(until(command)))


def moment(_context: click.Context, _option: click.Parameter, typed: str | None) -> datetime | None:
    """A moment to come (UTC): ISO, in Vietnam's time where it names no zone, or a span from now: 30m, 2h, 1d."""
    if typed is None:
        return None
    if span := _SPAN.fullmatch(typed.strip()):
        return datetime.now(UTC) + timedelta(**{_UNITS[span[2]]: int(span[1])})
    try:
        given = datetime.fromisoformat(typed)
    except ValueError:
        raise click.BadParameter("cần thời điểm ISO như 2026-01-31T08:00, hoặc 30m, 2h, 1d.") from None
    given = given.astimezone(UTC) if given.tzinfo else from_local(given, VIETNAM)
    if given <= datetime.now(UTC):
        raise click.BadParameter("thời điểm này đã qua.")
    return given


def _first(_context: click.Context, _option: click.Parameter, typed: str | None) -> datetime | None:
    return _midnight(typed)


def _last(_context: click.Context, _option: click.Parameter, typed: str | None) -> datetime | None:
    begins = _midnight(typed)
    return begins + timedelta(days=1) if begins else None  # Vietnam has no summer time


def _midnight(typed: str | None) -> datetime | None:
    if typed is None:
        return None
    try:
        return from_local(datetime.combine(date.fromisoformat(typed), time.min), VIETNAM)
    except ValueError:
        raise click.BadParameter("cần ngày như 2023-01-31.") from None
