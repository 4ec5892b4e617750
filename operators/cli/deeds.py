"""Carries out an operator's verb on many notices as an act: counts, asks, goes page by page, reports."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from domain.lifecycle import State
from operators.cli.bulk import COLUMNS, FIRST, GROUPS, TABLE_ROWS, VERB_NEEDS, Wanted, agreed, asks, in_words
from operators.cli.context import deployment, every, the_one, told_of
from operators.cli.exits import Ended, ExitCode, nothing
from operators.cli.output import answer, print_json, print_table, say
from operators.cli.progress import working

if TYPE_CHECKING:
    from ledger.notices.verbs import Deed
    from ledger.reports.acts import Act
    from worker.services.bootstrap import Services
    from worker.services.deployment import Deployment

_OVERTAKEN = (
    "Không gửi lại {} thông báo (chuyển sang suppressed): việc sau của hồ sơ đã được báo, "
    "hoặc việc không còn đúng. Xem lý do bằng `hcc dossier`."
)


@dataclass(frozen=True, slots=True)
class Operator:
    """Who carries out a verb, why, and whether the result is printed as JSON."""

    by: str
    why: str
    as_json: bool


@dataclass(slots=True)
class Carried:
    """What acts have done so far: the moved notices, the numbers of the acts, and whether one was cut short."""

    done: set[int] = field(default_factory=set)
    acts: list[int] = field(default_factory=list)
    interrupted: bool = False
    left: int = 0


def do(deed: Deed, what: Wanted, operator: Operator, *, oa: str | None, name: str, said: str) -> None:
    """Carry out a verb as an act, page by page, and print the result; refused notices are reported at the end.

    The number of a notice is unique over all OAs, so numbers need no `oa`; any other choice does.
    Raises `Ended` if a notice was refused, none was found, or the act was stopped on the way.
    """
    from ledger.notices import verbs

    with deployment(*VERB_NEEDS) as made:
        meant = every(made, oa) if what.choice.ids else [the_one(made, oa)]
        if what.dry_run:
            _tell_counts(made, meant, deed, what, as_json=operator.as_json)
            return
        carried = Carried()
        for one in meant:
            _do_for(one, deed, what, operator, carried)
        refused = sorted(set(what.choice.ids or ()) - carried.done) if not carried.left else []
        found: dict[int, str] = {}
        with made.shared.ledger.connect() as connection:
            for one in meant:
                found |= verbs.states(connection, one.oa, [*refused, *carried.done])
    _tell_done(carried, found, refused, said, as_json=operator.as_json)
    _end(carried, [_refusal(notice, found.get(notice), name) for notice in refused], name)


def resume(made: Deployment, number: int, operator: Operator) -> None:
    """Resume an act that was stopped or interrupted. Raises `Ended` if it does not exist or is finished."""
    from ledger.notices import verbs
    from ledger.reports import acts

    with made.shared.ledger.begin() as tx:
        act = acts.read(tx, number)
        if act is None or act.oa not in made.names or not acts.take_up(tx, number):
            raise nothing(f"Việc số {number} không có, hoặc đã xong: xem `hcc act list`.")
    carried = Carried()
    _go_on(made.of(act.oa), act, operator.by, carried)
    with made.shared.ledger.connect() as connection:
        found = verbs.states(connection, act.oa, list(carried.done))
    _tell_done(carried, found, [], "Đã làm tiếp {} thông báo.", as_json=operator.as_json)
    _end(carried, [], None)


def _tell_counts(made: Deployment, meant: Sequence[Services], deed: Deed, what: Wanted, *, as_json: bool) -> None:
    """Print how many notices the verb would change, by kind, reason and unit, and the first; changes nothing."""
    from ledger.notices import verbs

    total, groups, first = 0, list[dict[str, Any]](), list[dict[str, Any]]()
    for one in meant:
        with one.ledger.connect() as connection:
            total += verbs.count(connection, one.oa, deed.before, what.choice)
            by_cause = verbs.groups(connection, one.oa, deed.before, what.choice, limit=TABLE_ROWS)
            groups += told_of(made, one, in_words(by_cause))
            listed = verbs.listed(connection, one.oa, deed.before, what.choice, limit=FIRST)
            first += told_of(made, one, in_words(listed))
    if as_json:
        print_json({"verb": deed.verb, "would_do": total, "groups": groups, "first": first[:FIRST]})
        return
    say(f"{total} thông báo sẽ được làm ({deed.verb}); chưa làm gì.")
    if total:
        print_table(GROUPS, groups, empty="")
        print_table(COLUMNS, first[:FIRST], empty="")


def _do_for(one: Services, deed: Deed, what: Wanted, operator: Operator, carried: Carried) -> None:
    """Count first and record the counted notices as an act; ask a person at a terminal before anything is done.

    The operator's own unfinished act with the same choice and reason is resumed. An act is stopped until its question
    is answered: whoever leaves the terminal has not agreed. Raises `Abort` if the person does not agree.
    """
    from ledger.notices import verbs
    from ledger.reports import acts

    by, why = operator.by, operator.why
    with one.ledger.begin() as tx:
        begun = verbs.unfinished(tx, one.oa, deed, what.choice, by=by, why=why)
        act = begun or verbs.begin(tx, one.oa, deed, what.choice, by=by, why=why)
        if act.total == 0:
            acts.forget(tx, act)
            return
        is_asked = (act.total > 1 or what.choice.ids is None) and asks(yes=what.yes)
        if is_asked:
            acts.stop(tx, act.id, by=by)
    if begun is not None:
        say(f"Làm tiếp việc số {act.id} còn dở: đã làm {act.done}/{act.total}.", err=True)
    if is_asked:
        if not agreed(f"{act.total} thông báo ({act.verb}, việc số {act.id}). Làm?", yes=what.yes):
            raise click.Abort
        with one.ledger.begin() as tx:
            acts.take_up(tx, act.id)
    _go_on(one, act, by, carried)
    if begun is not None:
        _tell_newer(one, deed, what, act)


def _tell_newer(one: Services, deed: Deed, what: Wanted, act: Act) -> None:
    """What came after an act began is not of it: say so, since the command reads as if it meant them too."""
    from ledger.notices import verbs

    with one.ledger.connect() as connection:
        newer = verbs.count(connection, one.oa, deed.before, what.choice)
    if newer:
        told = f"Còn {newer} thông báo không thuộc việc số {act.id} (có sau khi việc ấy bắt đầu); chạy lại lệnh để làm."
        say(told, err=True)


def _go_on(one: Services, act: Act, by: str, carried: Carried) -> None:
    """Carry out the act page by page, with progress. Ctrl-C stops the act; after a kill it can be resumed."""
    from coordination.bell import ring
    from ledger.notices import verbs
    from ledger.reports import acts

    carried.acts.append(act.id)
    before = len(carried.done)
    try:
        for moved in _watched(verbs.go_on(one.ledger, act.id), act.total, act.done):
            carried.done |= moved
    except KeyboardInterrupt:
        carried.interrupted = True
        with one.ledger.begin() as tx:
            acts.stop(tx, act.id, by=by)
    with one.ledger.begin() as tx:
        now = acts.read(tx, act.id)
    carried.left += now.total - now.done if now and now.stopped_at is not None else 0
    if len(carried.done) > before and verbs.DEEDS[act.verb].after is not State.DISCARDED:
        ring(one.oa)


def _watched(pages: Iterable[set[int]], total: int, before: int) -> Iterator[set[int]]:
    """Yield the pages unchanged, and show the progress; `before` is the number of notices already done."""
    done = before
    with working("Đang làm", total, done=before) as tell:
        for page in pages:
            done += len(page)
            tell(done)
            yield page


def _tell_done(
    carried: Carried, states: Mapping[int, str], refused: Collection[int], said: str, *, as_json: bool
) -> None:
    """Report the result. Notices that may no longer be sent were suppressed instead."""
    suppressed = sum(states.get(notice) == State.SUPPRESSED for notice in carried.done)
    number = len(carried.done)
    lines = [said.format(number - suppressed)] if number > suppressed else []
    lines += [_OVERTAKEN.format(suppressed)] if suppressed else []
    more = {"acts": carried.acts} if len(carried.acts) > 1 else {}
    answer(
        "\n".join(lines),
        as_json=as_json,
        done=number,
        refused=[{"id": notice, "state": states.get(notice)} for notice in refused],
        act=carried.acts[0] if len(carried.acts) == 1 else None,
        suppressed=suppressed,
        **more,
    )


def _end(carried: Carried, refusals: Sequence[str], name: str | None) -> None:
    """Raises `Ended` with the exit status unless all was done; `name` is None where nothing to do is no fault."""
    if carried.left:
        number = carried.acts[-1]
        told = f"Đã dừng việc số {number}, còn {carried.left} thông báo; làm tiếp: `hcc act resume {number}`."
        raise Ended(told, ExitCode.INTERRUPTED if carried.interrupted else ExitCode.PARTLY)
    if refusals:
        raise Ended("\n".join(refusals), ExitCode.PARTLY if carried.done else ExitCode.NOTHING)
    if not carried.done and name is not None:
        raise nothing(f"Không có {name} nào như đã chọn.")


def _refusal(notice: int, state: str | None, name: str) -> str:
    if state is None:
        return f"Số {notice}: không có trong sổ."
    return f"Số {notice}: không phải {name}, đang ở trạng thái {state}."
