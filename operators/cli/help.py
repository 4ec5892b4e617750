"""`hcc help`: the help of a command, and the table of exit statuses."""

from __future__ import annotations

import click

from operators.cli.exits import ExitCode
from operators.cli.output import as_json, examples, print_json, print_table, say

_COLUMNS = {"code": "Mã thoát", "name": "Tên", "meaning": "Nghĩa"}


@click.command(
    "help",
    short_help="Trợ giúp của một lệnh, hoặc bảng mã thoát.",
    epilog=examples("hcc help exit-codes", "hcc help exit-codes --json", "hcc help dead retry"),
)
@click.argument("words", nargs=-1, metavar="[exit-codes | LỆNH…]")
@as_json
@click.pass_context
def help_(context: click.Context, words: tuple[str, ...], *, as_json: bool) -> None:
    """In trợ giúp của một lệnh; `hcc help exit-codes` in bảng mã thoát của mọi lệnh."""
    if words == ("exit-codes",):
        _tell_codes(as_json=as_json)
        return
    told = _help_of(context.find_root(), words)
    if as_json:
        print_json({"command": " ".join(["hcc", *words]), "help": told})
    else:
        say(told, lines=True)


def _tell_codes(*, as_json: bool) -> None:
    rows = [{"code": int(code), "name": code.name, "meaning": code.meaning} for code in ExitCode]
    if as_json:
        print_json(rows)
    else:
        print_table(_COLUMNS, rows, empty="")


def _help_of(above: click.Context, words: tuple[str, ...]) -> str:
    """The help of the command that the words name. Raises `UsageError` if there is none."""
    for word in words:
        group = above.command
        found = group.get_command(above, word) if isinstance(group, click.Group) else None
        if found is None:
            raise click.UsageError(f"Không có lệnh «{' '.join(words)}»; xem `hcc --help`.")
        above = click.Context(found, info_name=word, parent=above)
    return above.get_help()
