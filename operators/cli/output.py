"""How the command line speaks: a table for people, JSON for scripts."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, TextIO, TypeVar

import click
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from worker.domain.clock import to_vietnam
from worker.domain.text import shown

Command = TypeVar("Command", bound=Callable[..., Any])

_NEVER_CUT = frozenset({"id", "oa", "event_key", "user_id"})
_GAP = 2  # spaces between two columns
_SENTENCE = 20  # columns on a screen that a sentence keeps at least


NO_VIETNAMESE = (
    "Dau ra nay khong hien duoc tieng Viet: dat bien PYTHONIOENCODING=utf-8 hoac LC_ALL=C.UTF-8, roi chay lai."
)
"""Said without accents: where it is needed, nothing else can be read."""


def shows_vietnamese(output: TextIO | None) -> bool:
    """Whether what operators are told can be written there; who asked for other letters instead gets them."""
    if output is None:  # nobody reads
        return True
    try:
        "ạặệộợựỵ ĐƠƯ ✓✗ «…» →".encode(output.encoding or "utf-8", output.errors or "strict")
    except UnicodeEncodeError:
        return False
    return True


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


def say(text: str, *, bold: bool = False, fg: str | None = None, lines: bool = False, err: bool = False) -> None:
    """Print a line; whatever stands in it is shown, never obeyed. `lines`: it has several."""
    click.secho(shown(text, lines=lines), bold=bold, fg=fg, err=err)


def tick(ok: bool, text: str, indent: str = "  ") -> None:
    """Print a line with the mark of what is well, or is not."""
    mark = click.style("✓", fg="green") if ok else click.style("✗", fg="red")
    click.echo(f"{indent}{mark} {shown(text)}")


def print_json(value: object) -> None:
    """For programs. Format characters are escaped as JSON escapes them: the value stays the same."""
    written = json.dumps(value, ensure_ascii=False, indent=2, default=_plain)
    click.echo(shown(written, lines=True, escape=lambda char: json.dumps(char)[1:-1]))


def print_table(columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]], *, empty: str) -> None:
    """`columns` maps a row's key to its heading; times are shown in Vietnam's time.

    What has no space in it (a code, an event key, a number) is never cut or broken, so that it can be copied. On a
    terminal sentences are wrapped where that makes the table narrow enough; in a pipe each row is one line.
    """
    if not rows:
        say(empty)
        return
    cells = {key: [_cell(row[key]) for row in rows] for key in columns}
    whole = {key for key in columns if key in _NEVER_CUT or not any(" " in cell for cell in cells[key])}
    table = Table(box=None, pad_edge=False)
    for key, heading in columns.items():
        table.add_column(Text(heading), no_wrap=key in whole, overflow="ignore" if key in whole else "fold")
    for row in zip(*cells.values(), strict=True):
        table.add_row(*map(Text, row))
    widths = {key: max(map(cell_len, [columns[key], *cells[key]])) for key in columns}
    console = Console()
    _print_wide(console, table, _width(widths, whole, console.width if console.is_terminal else None))


def _width(widths: Mapping[str, int], whole: Collection[str], screen: int | None) -> int:
    """How wide a table is: as it comes, or, on a screen, no wider than that where sentences can be wrapped."""
    gaps = _GAP * (len(widths) - 1)
    natural = sum(widths.values()) + gaps
    if screen is None:
        return natural
    least = sum(width if key in whole else min(width, _SENTENCE) for key, width in widths.items()) + gaps
    return min(natural, max(screen, least))


def _print_wide(console: Console, table: Table, width: int) -> None:
    console.width = width
    console.print(table, crop=False, highlight=False, markup=False, emoji=False)


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return to_vietnam(value).strftime("%d/%m %H:%M:%S") if isinstance(value, datetime) else shown(str(value))


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"no JSON for {type(value).__name__}")
