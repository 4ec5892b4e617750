"""Acts: exactly what was counted, each once, whoever is killed or stops it on the way."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial

import pytest
from sqlalchemy import Engine, text

from domain.lifecycle import State
from ledger.notices import verbs
from ledger.notices.verbs import RELEASE, Choice
from ledger.reports import acts
from ledger.reports.acts import Act
from tests.ledger.conftest import OA, new

Record = Callable[..., set[str]]
REASON = "older than 30 days when it was first seen"


def kept(number: int, kind: str = "accepted") -> list[object]:
    """Notices that the guard keeps back, one a dossier."""
    return [new(f"K-{one:04}", kind, minutes=one, kept_because=REASON, unit="H27.12") for one in range(number)]


def begun(ledger: Engine, choice: Choice | None = None) -> Act:
    """A release that was counted and not begun."""
    with ledger.begin() as tx:
        return verbs.begin(tx, OA, RELEASE, choice or Choice(), by="Lan", why="hồ sơ thật")


def read(ledger: Engine, act: Act) -> Act:
    with ledger.connect() as connection:
        found = acts.read(connection, act.id)
    assert found is not None
    return found


def states(ledger: Engine) -> dict[str, str]:
    with ledger.connect() as connection:
        rows = connection.execute(text("SELECT event_key, state FROM notices"))
        return {row.event_key: row.state for row in rows}


def test_an_act_does_what_was_counted_and_not_what_came_to_look_like_it_later(ledger: Engine, record: Record) -> None:
    """Between the count and the deed others are kept back, with the same reason."""
    record(*kept(3))
    act = begun(ledger)
    record(*(new(f"L-{one}", kept_because=REASON) for one in range(3)))
    list(verbs.go_on(ledger, act.id, page=2))
    assert [key for key, state in states(ledger).items() if state == "due"] == [
        f"K-{n:04}/accepted/1" for n in range(3)
    ]
    over = read(ledger, act)
    assert (over.total, over.done, over.until is not None, over.by) == (3, 3, True, "Lan")
    with ledger.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM act_notices")).scalar_one() == 0


def test_a_stopped_act_ends_after_the_page_under_way_and_goes_on_where_it_was(ledger: Engine, record: Record) -> None:
    """Another process stops it: the number shows how far it came."""
    record(*kept(10))
    act = begun(ledger)
    pages = verbs.go_on(ledger, act.id, page=3)
    next(pages)
    with ledger.begin() as tx:
        assert acts.stop(tx, act.id, by="Minh")
    assert list(pages) == []
    stopped = read(ledger, act)
    assert (stopped.done, stopped.open, stopped.stopped_by) == (3, False, "Minh")
    with ledger.begin() as tx:
        assert acts.take_up(tx, act.id)
    assert sum(len(page) for page in verbs.go_on(ledger, act.id, page=3)) == 7
    assert set(states(ledger).values()) == {"due"}
    with ledger.begin() as tx:
        assert not acts.stop(tx, act.id, by="Minh"), "it is over"
        assert not acts.take_up(tx, act.id)


_KILLED = """
import os, signal, sys
from ledger.notices import verbs
from ledger.base.engine import open_ledger
for number, page in enumerate(verbs.go_on(open_ledger(sys.argv[1]), int(sys.argv[2]), page=50)):
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_act_is_found_again_by_its_filter_and_moves_each_notice_once(
    ledger: Engine, ledger_url: str, record: Record
) -> None:
    """kill -9 in the middle; whoever types the same command goes on."""
    record(*kept(400))
    act = begun(ledger, Choice(reason="older"))
    killed = subprocess.run([sys.executable, "-c", _KILLED, ledger_url, str(act.id)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert read(ledger, act).done == 150
    with ledger.connect() as connection:
        by_lan = partial(verbs.unfinished, connection, OA, by="Lan", why="hồ sơ thật")
        found = by_lan(RELEASE, Choice(reason="older"))
        assert found is not None
        assert found.id == act.id
        assert by_lan(RELEASE, Choice()) is by_lan(verbs.DROP, Choice(reason="older")) is None
        others = [{"by": "Minh", "why": "hồ sơ thật"}, {"by": "Lan", "why": "lý do khác"}]
        for other in others:
            assert verbs.unfinished(connection, OA, RELEASE, Choice(reason="older"), **other) is None
    list(verbs.go_on(ledger, act.id))
    assert read(ledger, act).done == 400
    with ledger.connect() as connection:
        query = text("SELECT count(*) FROM history WHERE before = 'quarantined' GROUP BY notice_id")
        assert set(connection.execute(query).scalars()) == {1}


def test_released_notices_of_a_dossier_go_together_in_order_and_behind_those_of_today(
    ledger: Engine, record: Record
) -> None:
    """Also where they were recorded the other way round, pages apart."""
    record(new("D-1", "result_ready", minutes=50, kept_because=REASON), *kept(5))
    record(new("D-1", minutes=1, kept_because=REASON))
    act = begun(ledger)
    next(verbs.go_on(ledger, act.id, page=6))
    found = states(ledger)
    assert (found["D-1/accepted/1"], found["D-1/result_ready/1"]) == ("due", "waiting")
    with ledger.connect() as connection:
        query = text("SELECT lane, fresh_at > clock_timestamp() - interval '1 minute' FROM notices WHERE code = 'D-1'")
        assert set(connection.execute(query).all()) == {(2, True)}


def test_one_whose_dossier_was_told_something_later_is_suppressed_at_its_release(
    ledger: Engine, record: Record, claim: Callable[..., list[object]]
) -> None:
    """An acceptance is no news to somebody who has the result."""
    record(new("D-1", minutes=1, kept_because=REASON), new("D-1", "result_ready", minutes=50))
    assert len(claim()) == 1
    list(verbs.carry_out(ledger, OA, RELEASE, Choice(), by="Lan", why="x"))
    assert states(ledger)["D-1/accepted/1"] == "suppressed"


@pytest.mark.parametrize(
    ("choice", "number"),
    [
        (Choice(), 5),
        (Choice(kind="accepted"), 4),
        (Choice(unit="H27.12"), 4),
        (Choice(unit="H27"), 5),
        (Choice(unit="H27.1"), 0),
        (Choice(reason="OLDER"), 4),
        (Choice(reason="more than"), 1),
    ],
)
def test_a_choice_narrows_by_kind_unit_and_reason(ledger: Engine, record: Record, choice: Choice, number: int) -> None:
    """A unit is itself and what is below it, never one whose code only begins alike."""
    record(*kept(4), new("M-1", "result_ready", kept_because="more than 10 new notices", unit="H27.3.1"))
    with ledger.connect() as connection:
        assert verbs.count(connection, OA, State.QUARANTINED, choice) == number
        rows = verbs.groups(connection, OA, State.QUARANTINED, choice, limit=10)
    assert sum(row["number"] for row in rows) == number


def test_an_act_in_the_background_is_taken_by_one_process_at_a_time(ledger: Engine, record: Record) -> None:
    """Others pass it by; the audit has it once, whoever does its pages."""
    record(*kept(10))
    with ledger.begin() as tx:
        act = verbs.begin(tx, OA, RELEASE, Choice(), by="Lan", why="hồ sơ thật", in_background=True)
        alone = verbs.begin(tx, OA, RELEASE, Choice(), by="Lan", why="hồ sơ thật")
    with ledger.begin() as tx, ledger.begin() as other:
        assert acts.unattended(tx) == [act.id]
        taken = acts.take(tx, act.id)
        assert taken is not None
        assert acts.take(other, act.id) is None
        assert acts.take(other, alone.id) is None, "its own process carries it on"
        assert len(verbs.next_page(tx, taken, page=6) or ()) == 6
    with ledger.begin() as tx:
        assert acts.take_up(tx, act.id)
    list(verbs.go_on(ledger, act.id, page=3))
    assert read(ledger, act).done == 10
    with ledger.connect() as connection:
        rows = connection.execute(text("SELECT verb, subject, by FROM audit")).all()
        assert rows == [("quarantine release", f"act {act.id}: 10 notices", "Lan")]
        assert acts.unattended(connection) == []
