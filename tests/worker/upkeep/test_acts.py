"""Acts that the console began: carried on by any worker, after any kill, to exactly what was counted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from config.oas import load_oas
from ledger.notices import verbs
from ledger.notices.verbs import RETRY, Choice
from ledger.reports import acts
from ledger.reports.acts import Act
from tests.ledger.notices.test_lists import FILL
from tests.worker.upkeep.conftest import OA
from worker.services.deployment import Deployment
from worker.upkeep.acts import carry_on

NUMBER = int(os.environ.get("HCC_ACT_NOTICES", "1300"))  # three pages; `make chaos`: 10,000
HALF = max(2, NUMBER // verbs.PAGE // 2)  # the page before whose commit the process is killed

_KILLED = """
import os, signal
from config.oas import load_oas
from ledger.reports import acts
from worker.services.deployment import Deployment
from worker.upkeep.acts import carry_on
noted, pages = acts.note, []
def note(tx, act, looked_at, **more):
    noted(tx, act, looked_at, **more)
    pages.append(act)
    if len(pages) == HALF:
        os.kill(os.getpid(), signal.SIGKILL)
acts.note = note
carry_on(Deployment(load_oas("database_url", "zalo_oa_id")), 60)
"""


@pytest.fixture
def workers(ledger_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    """One OA on this test's servers, also for processes that the test starts."""
    given = {"DATABASE_URL": ledger_url, "REDIS_URL": redis_url, "ZALO_OA_ID": OA, "SECRET_KEYS": "0123456789abcdef"}
    for name, value in given.items():
        monkeypatch.setenv(f"HCC_{name}", value)
    made = Deployment(load_oas("database_url", "zalo_oa_id"))
    yield made
    made.close()


@pytest.fixture
def begun(ledger: Engine) -> Act:
    """A retry of all the dead, which the console has recorded and nobody has begun."""
    with ledger.begin() as tx:
        tx.execute(text(FILL), {"oa": OA, "states": ["dead"], "numbers": [NUMBER]})
        return verbs.begin(tx, OA, RETRY, Choice(), by="Lan", why="mẫu đã sửa", in_background=True)


def read(ledger: Engine, act: Act) -> Act:
    with ledger.connect() as connection:
        found = acts.read(connection, act.id)
    assert found is not None
    return found


def test_killed_in_the_middle_of_a_page_it_ends_at_exactly_what_was_counted(
    ledger: Engine, begun: Act, workers: Deployment
) -> None:
    """kill -9 half-way, before a page commits: the page is done anew, each notice moves once."""
    killed = subprocess.run([sys.executable, "-c", _KILLED.replace("HALF", str(HALF))], check=False)
    assert killed.returncode == -signal.SIGKILL
    done = verbs.PAGE * (HALF - 1)
    assert read(ledger, begun).done == done
    assert carry_on(workers, 60) == NUMBER - done
    over = read(ledger, begun)
    assert (over.done, over.total, over.until is not None) == (NUMBER, NUMBER, True)
    with ledger.connect() as connection:
        moves = connection.execute(text("SELECT count(*) FROM history WHERE before = 'dead' GROUP BY notice_id"))
        assert list(moves.scalars()) == [1] * NUMBER
        assert connection.execute(text("SELECT count(*) FROM audit")).scalar_one() == 1


def test_a_stopped_act_is_left_alone_and_goes_on_when_it_is_taken_up(
    ledger: Engine, begun: Act, workers: Deployment
) -> None:
    """The button of the console, between two sweeps."""
    with ledger.begin() as tx:
        assert acts.stop(tx, begun.id, by="Minh")
    assert carry_on(workers, 60) == 0
    with ledger.begin() as tx:
        assert acts.take_up(tx, begun.id)
    assert carry_on(workers, 60) == NUMBER


def test_no_page_begins_after_the_time_is_up(ledger: Engine, begun: Act, workers: Deployment) -> None:
    """The next bell does the rest."""
    assert carry_on(workers, 0) == 0
    assert read(ledger, begun).open
