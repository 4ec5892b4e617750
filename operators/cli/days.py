"""Reads days and times from the command line, in Vietnam's time zone."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta

import click

from domain.clock import VIETNAM, from_local, to_vietnam
from domain.code import is_unit_code, modern_unit
from operators.cli.output import Command

OF_UNIT = "Chỉ đơn vị này, với các đơn vị dưới nó và đã nhập vào nó (`hcc units list`)."

_SPAN = re.compile(r"(\d{1,5})\s*([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def event_days(command: Command) -> Command:
    """Add the filters by unit and by the day of the event."""
    unit = click.option("--unit", callback=any_unit, metavar="MÃ", help=OF_UNIT)
    since = click.option("--from", "since", callback=_first, metavar="NGÀY", help="Chỉ việc từ ngày này (2023-01-31).")
    until = click.option("--to", "until", callback=_last, metavar="NGÀY", help="Chỉ việc đến hết ngày này.")
    return unit(since(until(command)))


def any_unit(_context: click.Context, _option: click.Parameter, typed: str | None) -> str | None:
    """A unit as the ledger spells it; sources have units that are no codes."""
    return None if typed is None else modern_unit(typed)


def unit_code(context: click.Context, option: click.Parameter, typed: str | None) -> str | None:
    """A unit's code as the ledger spells it. Raises `BadParameter`."""
    unit = any_unit(context, option, typed)
    if unit is not None and not is_unit_code(unit):
        raise click.BadParameter("không phải mã đơn vị, ví dụ H27.37.")
    return unit


def day(_context: click.Context, _option: click.Parameter, typed: str | None) -> date | None:
    """A day of the calendar: 2025-07-01. Raises `BadParameter`."""
    begins = _midnight(typed)
    return None if begins is None else to_vietnam(begins).date()


def moment(_context: click.Context, _option: click.Parameter, typed: str | None) -> datetime | None:
    """A future time (UTC): ISO, in Vietnam's time if it has no zone, or a span from now: 30m, 2h, 1d.

    Raises `BadParameter`.
    """
    given = _moment(typed, 1)
    if given is not None and given <= datetime.now(UTC):
        raise click.BadParameter("thời điểm này đã qua.")
    return given


def past(_context: click.Context, _option: click.Parameter, typed: str | None) -> datetime | None:
    """A past time (UTC): ISO, in Vietnam's time if it has no zone, or a span before now: 30m, 2h, 1d.

    Raises `BadParameter`.
    """
    given = _moment(typed, -1)
    if given is not None and given > datetime.now(UTC):
        raise click.BadParameter("thời điểm này chưa đến.")
    return given


def _moment(typed: str | None, sign: int) -> datetime | None:
    if typed is None:
        return None
    if span := _SPAN.fullmatch(typed.strip()):
        return datetime.now(UTC) + sign * timedelta(**{_UNITS[span[2]]: int(span[1])})
    try:
        given = datetime.fromisoformat(typed)
    except ValueError:
        raise click.BadParameter("cần thời điểm ISO như 2026-01-31T08:00, hoặc 30m, 2h, 1d.") from None
    return given.astimezone(UTC) if given.tzinfo else from_local(given, VIETNAM)


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
