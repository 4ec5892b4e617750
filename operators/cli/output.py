"""What every command shares: `--json`, `--by` and `--why`, examples; tables for people, JSON for scripts."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

from domain.clock import to_vietnam
from domain.text import shown
from operators.cli.exits import Ended, ExitCode

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

Command = TypeVar("Command", bound=Callable[..., Any])

_NEVER_CUT = frozenset({"id", "oa", "event_key", "user_id"})
_GAP = 2  # spaces between two columns
_SENTENCE = 20  # least width of a wrapped sentence, in screen columns


NO_VIETNAMESE = (
    "Dau ra nay khong hien duoc tieng Viet: dat bien PYTHONIOENCODING=utf-8 hoac LC_ALL=C.UTF-8, roi chay lai."
)
"""Written without accents, because it is printed where the output cannot show them."""


def shows_vietnamese(output: TextIO | None) -> bool:
    """Whether this output accepts our Vietnamese text; a replacing error handler, chosen by the user, accepts it."""
    if output is None:  # no output
        return True
    try:
        "ạặệộợựỵ ĐƠƯ ✓✗ «…» →".encode(output.encoding or "utf-8", output.errors or "strict")
    except UnicodeEncodeError:
        return False
    return True


def as_json(command: Command) -> Command:
    """Add `--json`, the switch of every command."""
    return click.option("--json", "as_json", is_flag=True, help="In ra JSON cho chương trình khác đọc.")(command)


def examples(*lines: str) -> str:
    """The end of a command's help: lines that can be typed as they stand."""
    return "\n".join(["\b", "Ví dụ:", *(f"  {line}" for line in lines)])


def not_blank(_context: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """Refuse an empty value: it would match every reason, so an unset shell variable would select all notices."""
    if value is not None and not value.strip():
        raise click.BadParameter("không được để trống.")
    return value


def accountable(command: Command) -> Command:
    """Add `--by` (default: $HCC_BY) and `--why`, which every verb that changes something requires.

    A dry run changes nothing: it needs neither, and gets empty texts.
    """
    by = click.option("--by", callback=_who, metavar="TÊN", help="Ai làm việc này (vào lịch sử); mặc định: $HCC_BY.")
    why = click.option("--why", callback=_because, metavar="LÝ_DO", help="Vì sao (vào lịch sử); bắt buộc.")
    return by(why(command))


def accountable_or_user(why: str) -> Callable[[Command], Command]:
    """Add `--by` and `--why` to a verb that scripts call without them.

    The defaults are $HCC_BY, else the operating system's user, and this reason.
    """
    text = "Ai làm việc này; mặc định: $HCC_BY, rồi tên người dùng của máy."
    by = click.option("--by", callback=_who_or_user, metavar="TÊN", help=text)
    because = click.option("--why", default=why, callback=not_blank, metavar="LÝ_DO", help="Vì sao (vào lịch sử).")
    return lambda command: by(because(command))


def _who(context: click.Context, option: click.Parameter, value: str | None) -> str:
    """The name typed, else $HCC_BY. Raises `MissingParameter` without either."""
    return _needed(context, option, not_blank(context, option, value) or _by_setting(), "Hoặc đặt biến HCC_BY.")


def _because(context: click.Context, option: click.Parameter, value: str | None) -> str:
    """The reason typed. Raises `MissingParameter` without one."""
    return _needed(context, option, not_blank(context, option, value), "")


def _needed(context: click.Context, option: click.Parameter, value: str | None, otherwise: str) -> str:
    if value is None and not (context.resilient_parsing or context.params.get("dry_run")):
        raise click.MissingParameter(otherwise, ctx=context, param=option)
    return value or ""


def _who_or_user(context: click.Context, option: click.Parameter, value: str | None) -> str:
    import getpass

    named = not_blank(context, option, value) or _by_setting()
    if named is not None:
        return named
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user id without a name
        return f"uid {os.getuid()}"


def _by_setting() -> str | None:
    """HCC_BY of the environment or `.env`; None if it is not set."""
    from config.arrival import layered
    from config.places import ROOT

    try:
        return layered(ROOT / ".env").get("HCC_BY")
    except ValueError:  # the settings say what is wrong with the file
        return None


@contextmanager
def unread_ends() -> Iterator[None]:
    """End with a status of its own if the reader of our output is gone; the work may be done, so it is no fault.

    What is buffered is written first: otherwise it fails when Python ends. Raises `Exit`.
    """
    try:
        try:
            yield
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except BrokenPipeError:
        from operators.endings import silence

        silence()
        raise click.exceptions.Exit(ExitCode.UNREAD) from None


def say(text: str, *, bold: bool = False, fg: str | None = None, lines: bool = False, err: bool = False) -> None:
    """Print a line; control characters in it are escaped, never executed. `lines`: the text may have several lines."""
    click.secho(shown(text, lines=lines), bold=bold, fg=fg, err=err)


def tick(ok: bool, text: str, indent: str = "  ") -> None:
    """Print a line with a mark for success or failure."""
    mark = click.style("✓", fg="green") if ok else click.style("✗", fg="red")
    click.echo(f"{indent}{mark} {shown(text)}")


def print_json(value: object) -> None:
    """Print JSON for programs. Format characters are JSON-escaped, so the value stays the same."""
    written = json.dumps(value, ensure_ascii=False, indent=2, default=_plain)
    click.echo(shown(written, lines=True, escape=lambda char: json.dumps(char)[1:-1]))


def answer(
    sentence: str,
    *,
    as_json: bool,
    done: int,
    refused: Sequence[Mapping[str, object]] = (),
    act: int | None = None,
    **more: object,
) -> None:
    """Print a verb's result: the sentence for people, or an object for programs that every verb shares.

    `done`: how many things were changed; `refused`: those that were named and were not, each with its state or reason;
    `act`: the act's number, by which it can be stopped and resumed.
    """
    if as_json:
        print_json({"done": done, "refused": list(refused), "act": act, **more})
    elif sentence:
        say(sentence, lines=True)


def not_done(sentence: str, code: ExitCode = ExitCode.NOTHING, *, as_json: bool, **named: object) -> Ended:
    """A verb did nothing: print that for programs, and return the exception that tells people and sets the status.

    `named`: what the operator named, with its state or why it was not done; it is the one row of `refused`.
    """
    answer("", as_json=as_json, done=0, refused=[named])
    return Ended(sentence, code)


def print_table(columns: Mapping[str, str], rows: Sequence[Mapping[str, Any]], *, empty: str) -> None:
    """Print a table. `columns` maps a row's key to its heading; times are shown in Vietnam's time.

    A value without spaces (a code, an event key, a number) is never cut or wrapped, so that it can be copied. On a
    terminal, sentences are wrapped as far as the table needs it; in a pipe each row is one line.
    """
    if not rows:
        say(empty)
        return
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

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
    """The width of a table: its natural width, or on a screen at most the screen's, as far as wrapping allows it."""
    gaps = _GAP * (len(widths) - 1)
    natural = sum(widths.values()) + gaps
    if screen is None:
        return natural
    least = sum(width if key in whole else min(width, _SENTENCE) for key, width in widths.items()) + gaps
    return min(natural, max(screen, least))


def _print_wide(console: Console, table: Table, width: int) -> None:
    """Print it through click: rich would end the program with status 1 if nobody reads the output."""
    console.width = width
    with console.capture() as made:
        console.print(table, crop=False, highlight=False, markup=False, emoji=False)
    click.echo(made.get(), nl=False)


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "có" if value else "không"
    return to_vietnam(value).strftime("%d/%m %H:%M:%S") if isinstance(value, datetime) else shown(str(value))


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"no JSON for {type(value).__name__}")
