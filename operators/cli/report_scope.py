"""The scope of a report: the days, the unit and the OA that were asked for, and the rows in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from operators.cli.context import deployment, every, named_columns, of_oa, told_of
from operators.cli.days import DAY, OF_UNIT, any_unit
from operators.cli.output import Command
from operators.cli.progress import working

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from ledger.reports.statistics import ReportPeriod

NO_EVENTS = "Không có sự kiện nào."


def days(command: Command) -> Command:
    """Add the options for the days of a report, on Vietnam's calendar, and for one OA of several."""
    since = click.option("--since", type=DAY, metavar="NGÀY", help="Từ ngày (năm-tháng-ngày); mặc định 30 ngày qua.")
    until = click.option("--until", type=DAY, metavar="NGÀY", help="Đến hết ngày; mặc định hôm nay.")
    return since(until(of_oa(command)))


def period(command: Command) -> Command:
    """Add the options for the scope of a report: days, one OA of several, a unit."""
    return days(click.option("--unit", callback=any_unit, metavar="MÃ", help=OF_UNIT)(command))


def old_units(command: Command) -> Command:
    """Add the option for the view by the units of the time."""
    text = "Theo đơn vị lúc ghi nhận, không gộp vào đơn vị kế tục."
    return click.option("--old-units", is_flag=True, help=text)(command)


def chosen_period(
    since: datetime | None, until: datetime | None, unit: str | None = None, *, old_units: bool = False
) -> ReportPeriod:
    """The period of these options. Raises `BadParameter` if it ends before it begins."""
    from operators.reports.days import period_of

    found = period_of(since and since.date(), until and until.date(), unit, folded=not old_units)
    if found is None:
        raise click.BadParameter("--since phải trước --until.")
    return found


def found_rows(
    query: Callable[[Connection, str, ReportPeriod], list[dict[str, Any]]],
    chosen: ReportPeriod,
    oa: str | None,
    *,
    tallied: bool = False,
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The rows of one OA or of all, and the OA column if there are several; `tallied`: recount the roll-ups first."""
    from ledger.reports import tally_rounds

    with deployment() as made, working("Đang tính"):
        if tallied:
            tally_rounds.bring_up(made.shared.ledger, *chosen.days)
        with made.shared.ledger.connect() as connection:
            rows = [row for one in every(made, oa) for row in told_of(made, one, query(connection, one.oa, chosen))]
        return rows, named_columns(made, {})
