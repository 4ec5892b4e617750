"""How the command line speaks: a table for people, JSON for scripts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.table import Table

from worker.domain.clock import to_vietnam

Command = TypeVar("Command", bound=Callable[..., Any])


def as_json(command: Command) -> Command:
    """The switch that every list has."""
    return click.option("--json", "as_json", is_flag=True, help="In ra JSON cho chương trình khác đọc.")(command)


def not_blank(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """An empty part of a reason is found in all of them: a variable that was not set must not mean all."""
    if value is not None and not value.strip():
        raise click.BadParameter("không được để trống.")
    return value


def accountable(command: Command) -> Command:
    """The two options of every verb that changes something."""
    by = click.option(
        "--by", required=True, callback=not_blank, metavar="TÊN", help="Ai làm việc này (ghi vào lịch sử)."
    )
    why = click.option("--why", required=True, callback=not_blank, metavar="LÝ_DO", help="Vì sao (vào lịch sử).")
    return by(why(command))


def print_json(value: object) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def print_table(columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]], *, empty: str) -> None:
    """`columns` maps a row's key to its heading; times are shown in Vietnam's time."""
    if not rows:
        click.echo(empty)
        return
    table = Table(*columns.values(), box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(_shown(row[key]) for key in columns))
    Console().print(table)


def _shown(value: object) -> str:
    if value is None:
        return "–"
    return to_vietnam(value).strftime("%d/%m %H:%M:%S") if isinstance(value, datetime) else str(value)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"no JSON for {type(value).__name__}")
