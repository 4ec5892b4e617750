"""Reads days and times from the command line, in Vietnam's time zone."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import click

from domain.clock import VIETNAM, from_local, to_vietnam
from domain.code import is_unit_code, modern_unit
from operators.cli.output import Command

OF_UNIT = "Chỉ đơn vị này, với các đơn vị dưới nó và đã nhập vào nó (`hcc units list`)."

_SPAN = re.compile(r"(\d{1,5})\s*([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class _Day(click.DateTime):
    """A day as programs or as people in Vietnam write it; a value has the time 00:00 and no zone."""

    def __init__(self) -> None:
        super().__init__(["%Y-%m-%d", "%d/%m/%Y"])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The day. Raises `BadParameter`."""
        try:
            found: datetime = super().convert(value, param, ctx)
        except click.BadParameter:
            raise click.BadParameter("cần ngày như 2023-01-31 hoặc 31/01/2023.", ctx=ctx, param=param) from None
        return found


DAY = _Day()


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
    """A day of the calendar: 2025-07-01 or 01/07/2025. Raises `BadParameter`."""
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
    """The beginning of the day in Vietnam (UTC). Raises `BadParameter`."""
    return None if typed is None else from_local(DAY.convert(typed, None, None), VIETNAM)
