"""`hcc restore --check` and the quarantine: after a backup was restored, nothing leaves that may have left before."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from domain.event import event_key
from ledger.base import setbacks
from ledger.base.engine import open_ledger
from ledger.base.sealing import Sealer
from ledger.notices import notices
from ledger.notices.notices import NewNotice
from ledger.people.people import Link, People
from operators.cli.exits import ExitCode
from tests.operators.conftest import Run

OA = "4024926008133882615"
KEY = "0123456789abcdef"
NOBODY = "postgresql://x@127.0.0.1:1/x"
ACCOUNT = ("--by", "Lan", "--why", "máy chủ hỏng đĩa")
BACKUP = datetime.now(UTC) - timedelta(hours=1)


@pytest.fixture
def run(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Commands where a second channel reaches phones, by night too."""
    given = {"CHANNELS": "zalo_cs,zns", "ZALO_TEMPLATES": "accepted=331", "QUIET_HOURS": "00:00-00:00"}
    for name, value in given.items():
        monkeypatch.setenv(f"HCC_{name}", value)
    return run


@pytest.fixture
def people(ledger: Engine) -> dict[str, int]:
    """One who follows and has just written, and one of whom only the phone is known."""
    known = People.of(ledger, Sealer([KEY]))
    with ledger.begin() as tx:
        known.link(tx, OA, [Link("6142494823000000001", "+84978001001")], source="test")
        tx.execute(text("UPDATE followers SET last_interaction_at = now()"))
        ids = known.ids(tx, OA, ["+84978001001", "+84978001002"])
    return {"follows": ids["+84978001001"], "by_phone": ids["+84978001002"]}


def record(ledger: Engine, code: str, person: int | None, kind: str = "accepted", ago: float = 90) -> None:
    """An event that happened so many minutes ago."""
    at = datetime.now(UTC) - timedelta(minutes=ago)
    with ledger.begin() as tx:
        notices.record(tx, OA, [NewNotice(event_key(code, kind, "1"), code, kind, None, {}, person, None, at, at)])


def shown(ledger: Engine) -> dict[str, tuple[str, str | None]]:
    """State and reason of each notice."""
    with ledger.connect() as connection:
        rows = connection.execute(text("SELECT event_key, state, reason FROM notices ORDER BY id"))
        return {row.event_key: (row.state, row.reason) for row in rows}


def column(ledger: Engine, sql: str) -> list[Any]:
    with ledger.connect() as connection:
        return list(connection.execute(text(sql)).scalars())


def test_what_was_live_in_the_backup_is_asked_for_or_kept_and_never_just_sent(
    run: Run, ledger: Engine, people: dict[str, int]
) -> None:
    """Who can be asked is; who cannot is kept; what waits behind them waits on, and will be doubted as well."""
    record(ledger, "H-1", people["follows"])
    record(ledger, "H-1", people["follows"], "result_ready", ago=80)
    record(ledger, "H-2", people["by_phone"])
    record(ledger, "H-3", None)
    result = run("restore", "--check", "--since", BACKUP.isoformat(), *ACCOUNT)
    assert result.exit_code == 0, result.output
    found = shown(ledger)
    assert {key: state for key, (state, _) in found.items()} == {
        "H-1/accepted/1": "uncertain",
        "H-1/result_ready/1": "waiting",
        "H-2/accepted/1": "quarantined",
        "H-3/accepted/1": "unreachable",
    }
    assert "zns cannot be asked" in str(found["H-2/accepted/1"][1])
    assert column(ledger, "SELECT text IS NOT NULL FROM notices WHERE state = 'uncertain'") == [True]
    assert column(ledger, "SELECT count(*) FROM notices WHERE maybe_since IS NOT NULL") == [4]
    assert "1 sẽ hỏi Zalo, 1 tạm giữ" in result.output
    assert column(ledger, "SELECT verb FROM audit WHERE by = 'Lan'") == ["restore check"]


def test_what_the_backup_holds_as_being_sent_may_have_been_sent(
    run: Run, ledger: Engine, people: dict[str, int]
) -> None:
    """Its worker is gone, and its marks say nothing of a ledger of an hour ago."""
    record(ledger, "H-1", people["follows"])
    with ledger.begin() as tx:
        tx.execute(text("UPDATE notices SET state = 'sending', lease = 'e.1', lease_until = now() + interval '1 h'"))
    assert run("restore", "--check", *ACCOUNT).exit_code == 0
    assert shown(ledger)["H-1/accepted/1"][0] == "uncertain"


def test_events_that_are_found_again_are_kept_and_those_of_later_are_not(
    run: Run, ledger: Engine, people: dict[str, int]
) -> None:
    """What can first have been seen before the check may have been told; what comes after it is news."""
    assert run("restore", "--check", "--since", BACKUP.isoformat(), *ACCOUNT).exit_code == 0
    record(ledger, "H-1", people["follows"], ago=30)
    record(ledger, "H-2", people["follows"], ago=-0.1)
    record(ledger, "H-3", people["follows"], ago=120)
    assert {key: state for key, (state, _) in shown(ledger).items()} == {
        "H-1/accepted/1": "quarantined",
        "H-2/accepted/1": "due",
        "H-3/accepted/1": "due",
    }
    listed = json.loads(run("quarantine", "list", "--json").stdout)
    assert [(row["event_key"], row["reason"]) for row in listed] == [("H-1/accepted/1", notices.FOUND_AGAIN)]


def test_what_is_released_is_told_unless_a_later_notice_was(run: Run, ledger: Engine, people: dict[str, int]) -> None:
    """Out of order it would mislead; its age counts from the release, and history says who and why."""
    assert run("restore", "--check", "--since", BACKUP.isoformat(), *ACCOUNT).exit_code == 0
    for code in ("H-1", "H-2", "H-3"):
        record(ledger, code, people["follows"], ago=30)
    record(ledger, "H-2", people["follows"], "result_ready", ago=-0.1)
    with ledger.begin() as tx:
        tx.execute(text("UPDATE notices SET state = 'sent' WHERE kind = 'result_ready'"))
    ids = {row["event_key"]: row["id"] for row in json.loads(run("quarantine", "list", "--json").stdout)}
    released = run("quarantine", "release", ids["H-1/accepted/1"], ids["H-2/accepted/1"], *ACCOUNT)
    assert released.exit_code == 0, released.output
    assert run("quarantine", "discard", ids["H-3/accepted/1"], *ACCOUNT).exit_code == 0
    found = shown(ledger)
    assert found["H-1/accepted/1"] == ("due", None)
    assert found["H-2/accepted/1"] == ("suppressed", "a later notice of this dossier was told already")
    assert found["H-3/accepted/1"] == ("discarded", "máy chủ hỏng đĩa")
    fresh = "SELECT fresh_at > now() - interval '1 minute' FROM notices WHERE state = 'due'"
    assert column(ledger, fresh) == [True]
    steps = "SELECT after || ' ' || by FROM history WHERE notice_id = {} AND before = 'quarantined'"
    assert column(ledger, steps.format(ids["H-1/accepted/1"])) == ["waiting Lan"]


def test_it_refuses_while_a_worker_runs(run: Run, ledger: Engine, ledger_url: str) -> None:
    """It would send what is about to be doubted; nothing is changed."""
    worker = open_ledger(ledger_url, name="hcc worker")
    with worker.connect() as connection:
        connection.execute(text("SELECT 1"))
        result = run("restore", "--check", *ACCOUNT)
    worker.dispose()
    assert result.exit_code == 1
    assert "dừng worker" in result.output
    assert column(ledger, "SELECT count(*) FROM setbacks") == [0]


@pytest.mark.parametrize(("since", "code"), [("hôm qua", ExitCode.USAGE), ("2999-01-01T00:00", ExitCode.FAULT)])
def test_a_time_that_cannot_be_is_refused(run: Run, ledger: Engine, since: str, code: ExitCode) -> None:
    """With a sentence, before anything is changed."""
    result = run("restore", "--check", "--since", since, *ACCOUNT)
    assert result.exit_code == code
    assert column(ledger, "SELECT count(*) FROM setbacks") == [0]


def test_everything_live_is_doubted_in_pages(ledger: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are, no statement is long."""
    monkeypatch.setattr(setbacks, "_PAGE", 3)
    for number in range(8):
        record(ledger, f"H-{number}", None)
    assert list(setbacks.doubt_what_is_live(ledger, BACKUP)) == [3, 3, 2]
    assert list(setbacks.doubt_what_is_live(ledger, BACKUP + timedelta(hours=2))) == [3, 3, 2]
    assert column(ledger, "SELECT count(*) FROM notices WHERE maybe_since < now() - interval '50 minutes'") == [8]
