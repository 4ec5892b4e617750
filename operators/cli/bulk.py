"""What the verbs on many notices share: choosing one, many or all, doing it page by page, telling what became of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.progress import Progress

from operators.cli.context import deployment, every, named_columns, the_one, told_of
from operators.cli.output import print_json, print_table, say
from worker.bootstrap import Services
from worker.deployment import Deployment
from worker.domain.lifecycle import State
from worker.ledger import acts, verbs
from worker.ledger.acts import Act
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
GROUPS = {
    "number": "Số thông báo",
    "kind": "Loại",
    "unit": "Đơn vị",
    "first": "Việc sớm nhất",
    "last": "Việc muộn nhất",
    "reason": "Vì sao",
}
TABLE_ROWS = 1000  # what a person reads at most; JSON is whole
IDS = click.IntRange(1, 2**63 - 1)
VERB_NEEDS = ("database_url", "secret_keys", "zalo_oa_id", "redis_url")


def limited(command: Command) -> Command:
    """How much a list shows."""
    text = f"Nhiều nhất bao nhiêu dòng (bảng: {TABLE_ROWS}; JSON: tất cả)."
    return click.option("--limit", type=click.IntRange(1), metavar="SỐ", help=text)(command)


def choosing(command: Command) -> Command:
    """One, many, or all: numbers on the command line, or the switch; only counted, or done without asking."""
    ids = click.argument("ids", nargs=-1, type=IDS, metavar="[SỐ]…")
    dry_run = click.option("--dry-run", is_flag=True, help="Chỉ đếm, không làm gì.")
    yes = click.option("--yes", is_flag=True, help="Không hỏi lại.")
    return ids(click.option("--all", "everything", is_flag=True, help="Tất cả.")(dry_run(yes(command))))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an operator chose, and whether to do it, and whether to ask first."""

    choice: Choice
    dry_run: bool
    yes: bool


def wanted(*, dry_run: bool, yes: bool, **chosen: Any) -> Wanted:
    """The options of `choosing`, and those that narrow it down."""
    return Wanted(choice_of(**chosen), dry_run, yes)


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


def show_groups(state: State, choice: Choice, *, oa: str | None, as_json: bool, empty: str) -> None:
    """The same, only counted: by kind, reason and unit, with the first and the last day."""
    rows: list[dict[str, Any]] = []
    with deployment() as made, made.shared.ledger.connect() as connection:
        for one in every(made, oa):
            rows += told_of(made, one, verbs.groups(connection, one.oa, state, choice, limit=TABLE_ROWS))
        columns = named_columns(made, GROUPS)
    if as_json:
        print_json(rows)
    else:
        print_table(columns, rows, empty=empty)


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


def do(deed: Deed, what: Wanted, *, oa: str | None, by: str, why: str, name: str, said: str) -> None:
    """Carry out a verb as an act, page by page, and tell what became of it; what could not be done is told at the end.

    Numbers are of one notice in all OAs together, so they need no `oa`; what is chosen by other means does.
    """
    with deployment(*VERB_NEEDS) as made:
        meant = every(made, oa) if what.choice.ids else [the_one(made, oa)]
        if what.dry_run:
            _tell_counts(meant, deed, what.choice)
            return
        done: set[int] = set()
        for one in meant:
            done |= _do_for(one, deed, what, by=by, why=why)
        refused = sorted(set(what.choice.ids or ()) - done)
        found: dict[int, str] = {}
        with made.shared.ledger.connect() as connection:
            for one in meant:
                found |= verbs.states(connection, one.oa, [*refused, *done])
    _tell_done(done, found, said)
    if refused:
        raise click.ClickException("\n".join(_refusal(notice, found.get(notice), name) for notice in refused))
    if not done:
        raise click.ClickException(f"Không có {name} nào như đã chọn.")


def resume(made: Deployment, number: int, *, by: str) -> None:
    """Go on with an act that was stopped or broken off."""
    with made.shared.ledger.begin() as tx:
        act = acts.read(tx, number)
        if act is None or act.oa not in made.names or not acts.take_up(tx, number):
            raise click.ClickException(f"Việc số {number} không có, hoặc đã xong: xem `hcc act list`.")
    done = _go_on(made.of(act.oa), act, by)
    with made.shared.ledger.connect() as connection:
        found = verbs.states(connection, act.oa, list(done))
    _tell_done(done, found, "Đã làm tiếp {} thông báo.")


def _tell_counts(meant: Sequence[Services], deed: Deed, choice: Choice) -> None:
    """What would be done to how many, by kind, reason and unit; nothing is changed."""
    for one in meant:
        with one.ledger.connect() as connection:
            total = verbs.count(connection, one.oa, deed.before, choice)
            rows = verbs.groups(connection, one.oa, deed.before, choice, limit=TABLE_ROWS)
        say(f"{total} thông báo sẽ được làm ({deed.verb}); chưa làm gì.")
        if rows:
            print_table(GROUPS, rows, empty="")


def _do_for(one: Services, deed: Deed, what: Wanted, *, by: str, why: str) -> set[int]:
    """Count first, and write down what was counted; a person at a terminal is asked before anything is done."""
    with one.ledger.begin() as tx:
        act = verbs.unfinished(tx, one.oa, deed, what.choice)
        if act is not None:
            say(f"Làm tiếp việc số {act.id} còn dở: đã làm {act.done}/{act.total}.", err=True)
        else:
            act = verbs.begin(tx, one.oa, deed, what.choice, by=by, why=why)
        if act.total == 0:
            acts.forget(tx, act)
            return set()
    if act.total > 1 and not what.yes and sys.stdin.isatty() and not _asked(act):
        with one.ledger.begin() as tx:
            acts.stop(tx, act.id, by=by)
        raise click.Abort
    return _go_on(one, act, by)


def _asked(act: Act) -> bool:
    return click.confirm(f"{act.total} thông báo ({act.verb}, việc số {act.id}). Làm?", err=True)


def _go_on(one: Services, act: Act, by: str) -> set[int]:
    """Page by page, with progress. Ctrl-C stops the act; a kill leaves it to be gone on with."""
    done: set[int] = set()
    try:
        for moved in watched(verbs.go_on(one.ledger, act.id), act.total, act.done):
            done |= moved
    except KeyboardInterrupt:
        with one.ledger.begin() as tx:
            acts.stop(tx, act.id, by=by)
        say(f"Đã dừng việc số {act.id}; làm tiếp: `hcc act resume {act.id}`.", err=True)
    if done and verbs.DEEDS[act.verb].after is not State.DISCARDED:
        ring(one.oa)
    return done


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


def watched(pages: Iterable[set[int]], total: int, before: int = 0) -> Iterator[set[int]]:
    """The pages as they are, with progress on the error stream if there is more than one; `before`: done already."""
    if total <= verbs.PAGE:
        yield from pages
        return
    console, done = Console(stderr=True), before
    with Progress(console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("Đang làm", total=total, completed=before)
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
