"""What the verbs on many notices share: choosing one, many or all, doing it page by page, telling what became of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.progress import Progress

from operators.cli.context import deployment, every, named_columns, the_one, told_of
from operators.cli.output import print_json, print_table, say
from worker.bootstrap import Services
from worker.domain.lifecycle import State
from worker.ledger import verbs
from worker.ledger.verbs import Choice, Deed
from worker.queue.bell import ring

Command = TypeVar("Command", bound=Callable[..., Any])

COLUMNS = {
    "id": "Số",
    "event_key": "Sự kiện",
    "reason": "Vì sao",
    "code": "Mã",
    "attempts": "Lần thử",
    "due_at": "Hẹn gửi",
}
TABLE_ROWS = 1000  # what a person reads at most; JSON is whole
IDS = click.IntRange(1, 2**63 - 1)
VERB_NEEDS = ("database_url", "secret_keys", "zalo_oa_id", "redis_url")


def limited(command: Command) -> Command:
    """How much a list shows."""
    text = f"Nhiều nhất bao nhiêu dòng (bảng: {TABLE_ROWS}; JSON: tất cả)."
    return click.option("--limit", type=click.IntRange(1), metavar="SỐ", help=text)(command)


def choosing(command: Command) -> Command:
    """One, many, or all: numbers on the command line, or the switch."""
    ids = click.argument("ids", nargs=-1, type=IDS, metavar="[SỐ]…")
    return ids(click.option("--all", "everything", is_flag=True, help="Tất cả.")(command))


def show_held(state: State, choice: Choice, limit: int | None, *, oa: str | None, as_json: bool, empty: str) -> None:
    """One list for people and programs, of one OA or of all; a table that is cut short says so."""
    most = limit or (None if as_json else TABLE_ROWS)
    rows: list[dict[str, Any]] = []
    total = 0
    with deployment() as made, made.shared.ledger.connect() as connection:
        for one in every(made, oa):
            total += verbs.count(connection, one.oa, state, choice)
            left = None if most is None else most - len(rows)
            rows += told_of(made, one, verbs.listed(connection, one.oa, state, choice, limit=left))
        columns = named_columns(made, COLUMNS)
    if as_json:
        print_json(rows)
    else:
        print_table(columns, rows, empty=empty)
    tell_rest(len(rows), total)


def tell_rest(shown: int, total: int) -> None:
    """On the error stream, where it does not mix with JSON."""
    if shown < total:
        say(f"Mới hiện {shown} trong {total}; xem thêm bằng --limit.", err=True)


def choice_of(ids: Sequence[int], *, everything: bool, **narrowed: Any) -> Choice:
    """Exactly one way to choose, so that a forgotten number never means all."""
    narrow = any(value is not None for value in narrowed.values())
    if not (ids or everything or narrow):
        raise click.ClickException("Chưa chọn thông báo nào: ghi số của thông báo, điều kiện lọc hoặc --all.")
    if bool(ids) + everything + narrow > 1:
        raise click.ClickException("Chỉ chọn một cách: số của thông báo, điều kiện lọc hoặc --all.")
    return Choice(ids=sorted(set(ids)) or None, **narrowed)


def do(deed: Deed, choice: Choice, *, oa: str | None, by: str, why: str, name: str, said: str) -> None:
    """Carry out a verb, page by page, and tell what became of it; what could not be done is told at the end.

    Numbers are of one notice in all OAs together, so they need no `oa`; what is chosen by other means does.
    """
    with deployment(*VERB_NEEDS) as made:
        meant = every(made, oa) if choice.ids else [the_one(made, oa)]
        done: set[int] = set()
        for one in meant:
            moved = _do_for(one, deed, choice, by=by, why=why)
            if moved and deed.after is not State.DISCARDED:
                ring(one.oa)
            done |= moved
        refused = sorted(set(choice.ids or ()) - done)
        found: dict[int, str] = {}
        with made.shared.ledger.connect() as connection:
            for one in meant:
                found |= verbs.states(connection, one.oa, [*refused, *done])
    _tell_done(done, found, said)
    if refused:
        raise click.ClickException("\n".join(_refusal(notice, found.get(notice), name) for notice in refused))
    if not done:
        raise click.ClickException(f"Không có {name} nào như đã chọn.")


def _tell_done(done: Collection[int], states: Mapping[int, str], said: str) -> None:
    """What was to be told and may not be any more was suppressed on its way."""
    suppressed = [notice for notice in done if states.get(notice) == State.SUPPRESSED]
    if len(done) > len(suppressed):
        say(said.format(len(done) - len(suppressed)))
    if suppressed:
        say(
            f"Không gửi lại {len(suppressed)} thông báo (chuyển sang suppressed): việc sau của hồ sơ đã được báo, "
            "hoặc việc không còn đúng. Xem lý do bằng `hcc dossier`."
        )


def _do_for(one: Services, deed: Deed, choice: Choice, *, by: str, why: str) -> set[int]:
    with one.ledger.connect() as connection:
        total = verbs.count(connection, one.oa, deed.before, choice)
    done: set[int] = set()
    for moved in watched(verbs.carry_out(one.ledger, one.oa, deed, choice, by=by, why=why), total):
        done |= moved
    return done


def watched(pages: Iterable[set[int]], total: int) -> Iterator[set[int]]:
    """The pages as they are, with progress on the error stream if there is more than one."""
    if total <= verbs.PAGE:
        yield from pages
        return
    console, done = Console(stderr=True), 0
    with Progress(console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("Đang làm", total=total)
        for page in pages:
            done += len(page)
            progress.update(task, completed=done)
            if not console.is_terminal:
                say(f"{done}/{total}", err=True)
            yield page


def _refusal(notice: int, state: str | None, name: str) -> str:
    if state is None:
        return f"Số {notice}: không có trong sổ."
    return f"Số {notice}: không phải {name}, đang ở trạng thái {state}."
