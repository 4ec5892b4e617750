"""Shared code of the lists of notices: their options, how to choose one, many or all, and how to print them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from domain.lifecycle import State
from operators.cli.context import deployment, every, named_columns, told_of
from operators.cli.output import Command, print_json, print_table, say
from operators.phrasebook import phrase

if TYPE_CHECKING:
    from ledger.notices.verbs import Choice

COLUMNS = {
    "id": "Số",
    "event_key": "Sự kiện",
    "reason_vi": "Vì sao",
    "code": "Mã",
    "attempts": "Lần thử",
    "due_at": "Hẹn gửi",
}
GROUPS = {
    "number": "Số thông báo",
    "kind": "Loại",
    "unit": "Đơn vị",
    "first": "Việc sớm nhất",
    "last": "Việc muộn nhất",
    "reason_vi": "Vì sao",
}
TABLE_ROWS = 1000  # rows of a table by default; JSON has all
FIRST = 20  # rows that a dry run shows
IDS = click.IntRange(1, 2**63 - 1)
VERB_NEEDS = ("database_url", "secret_keys", "zalo_oa_id", "redis_url")


def limited(command: Command) -> Command:
    """Add the option that limits the length of a list."""
    text = f"Nhiều nhất bao nhiêu dòng (bảng: {TABLE_ROWS}; JSON: tất cả)."
    return click.option("--limit", type=click.IntRange(1), metavar="SỐ", help=text)(command)


def choosing(command: Command) -> Command:
    """Add the arguments that choose notices or events (numbers, or `--all`), and `--dry-run` and `--yes`."""
    ids = click.argument("ids", nargs=-1, type=IDS, metavar="[SỐ]…")
    return ids(click.option("--all", "everything", is_flag=True, help="Tất cả.")(careful(command)))


def careful(command: Command) -> Command:
    """Add `--dry-run` and `--yes`, the options of every verb on many things."""
    tried = f"Chỉ đếm và liệt kê {FIRST} mục đầu, không làm gì; không cần --by, --why."
    dry_run = click.option("--dry-run", is_flag=True, is_eager=True, help=tried)  # eager: `accountable` asks for it
    return dry_run(unasked(command))


def unasked(command: Command) -> Command:
    """Add `--yes`, the option of every verb that asks first."""
    return click.option("--yes", is_flag=True, help="Không hỏi lại.")(command)


def agreed(question: str, *, yes: bool) -> bool:
    """Ask a person at a terminal before many things are changed. True without asking for `--yes` and for scripts."""
    return not asks(yes=yes) or click.confirm(question, err=True)


def asks(*, yes: bool) -> bool:
    """Whether there is somebody to ask."""
    return not yes and at_a_terminal()


def at_a_terminal() -> bool:
    """Whether a person can answer."""
    return sys.stdin.isatty()


@dataclass(frozen=True, slots=True)
class Wanted:
    """The notices that an operator chose; `dry_run`: only count them; `yes`: do not ask first."""

    choice: Choice
    dry_run: bool
    yes: bool


def wanted(*, dry_run: bool, yes: bool, **chosen: Any) -> Wanted:
    """Read the options of `choosing` and the filters."""
    return Wanted(choice_of(**chosen), dry_run, yes)


def show_held(state: State, choice: Choice, limit: int | None, *, oa: str | None, as_json: bool, empty: str) -> None:
    """Print a list of notices of one OA or of all, as a table or as JSON; say so if it is cut short."""
    from ledger.notices import verbs

    most = limit or (None if as_json else TABLE_ROWS)
    rows: list[dict[str, Any]] = []
    total = 0
    with deployment() as made, made.shared.ledger.connect() as connection:
        for one in every(made, oa):
            total += verbs.count(connection, one.oa, state, choice)
            left = None if most is None else most - len(rows)
            rows += told_of(made, one, in_words(verbs.listed(connection, one.oa, state, choice, limit=left)))
        columns = named_columns(made, COLUMNS)
    if as_json:
        print_json(rows)
    else:
        print_table(columns, rows, empty=empty)
    tell_rest(len(rows), total)


def show_groups(state: State, choice: Choice, *, oa: str | None, as_json: bool, empty: str) -> None:
    """Print the same notices only as counts by kind, reason and unit, with the first and the last day."""
    from ledger.notices import verbs

    rows: list[dict[str, Any]] = []
    with deployment() as made, made.shared.ledger.connect() as connection:
        for one in every(made, oa):
            rows += told_of(made, one, in_words(verbs.groups(connection, one.oa, state, choice, limit=TABLE_ROWS)))
        columns = named_columns(made, GROUPS)
    if as_json:
        print_json(rows)
    else:
        print_table(columns, rows, empty=empty)


def in_words(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows with `reason_vi`, the sentence for their `reason`, which stays as it is stored."""
    return [{**row, "reason_vi": phrase(row["reason"]).vi if row["reason"] else None} for row in rows]


def tell_rest(shown: int, total: int) -> None:
    """Say how many rows are not shown, on standard error, where it does not mix with JSON."""
    if shown < total:
        say(f"Mới hiện {shown} trong {total}; xem thêm bằng --limit.", err=True)


def choice_of(ids: Sequence[int], *, everything: bool, **narrowed: Any) -> Choice:
    """Exactly one way to choose is required, so that a forgotten number never means all. Raises `UsageError`."""
    from ledger.notices.verbs import Choice

    narrow = any(value is not None for value in narrowed.values())
    if not (ids or everything or narrow):
        raise click.UsageError("Chưa chọn thông báo nào: ghi số của thông báo, điều kiện lọc hoặc --all.")
    if bool(ids) + everything + narrow > 1:
        raise click.UsageError("Chỉ chọn một cách: số của thông báo, điều kiện lọc hoặc --all.")
    return Choice(ids=sorted(set(ids)) or None, **narrowed)
