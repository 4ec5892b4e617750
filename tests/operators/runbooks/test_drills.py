"""Drills: the commands of a runbook are run as they stand there, in their order, and the incident is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from coordination.connection import open_redis
from coordination.holds import Holds
from ledger.base.sealing import Sealer
from ledger.notices import notices
from ledger.notices.notices import NewNotice
from ledger.people.people import People
from operators.cli.exits import ExitCode
from tests.operators.conftest import OA, Run
from tests.operators.runbooks.pages import FOLDER, lines
from tests.operators.test_commands import words_of

BACKUP = "2026-01-31T08:00"
"""The time of the backup on the page of the ledger."""

_TRY = """
INSERT INTO attempts (notice_id, at, channel, outcome, ms)
SELECT id, now() - interval '10 minutes', 'paper', 'sent', 40 FROM notices WHERE state = 'sent'
"""
States = Callable[[], Counter[str]]
Play = Callable[..., list[str]]


@pytest.fixture(autouse=True)
def anywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ledger_url: str) -> None:
    """Files that a page writes are written here; a dossier database is found, and has no table of a source."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HCC_DOSSIER_URL", ledger_url)


@pytest.fixture
def play(run: Run) -> Play:
    """Run the commands of a page; `without`: those that this incident does not need; returns what each printed."""

    def played(page: str, section: str = "Làm gì", *, without: tuple[str, ...] = (), **given: str) -> list[str]:
        said = []
        for line in lines(FOLDER / f"{page}.md", section):
            if not line.startswith(without) or not without:
                result = run(*(given.get(word, word) for word in words_of(line)))
                assert result.exit_code in (ExitCode.OK, ExitCode.NOTHING), f"{line}: {result.output}"
                said.append(result.output)
        return said

    return played


@pytest.fixture
def states(ledger: Engine) -> States:
    """How many notices are in each state."""

    def counted() -> Counter[str]:
        with ledger.connect() as connection:
            return Counter(connection.execute(text("SELECT state FROM notices")).scalars())

    return counted


def record(ledger: Engine, code: str, kind: str, state: str = "due", **more: object) -> None:
    """A notice in this state; `more`: other fields of the new notice."""
    now = datetime.now(UTC)
    fields = {"person_id": None, "no_person_because": None, **more}
    new = NewNotice(f"{code}/{kind}/1", code, kind, code[:6], {}, event_at=now, fresh_at=now, **fields)  # type: ignore[arg-type]
    with ledger.begin() as tx:
        notices.record(tx, OA, [new])
        if state != "due":
            change = "UPDATE notices SET state = :state, text = 'Hồ sơ: lệ phí 0 đồng', reason = 'x' WHERE code = :code"
            tx.execute(text(change), {"state": state, "code": code})


def test_a_mass_mistake_is_stopped_listed_and_let_go_again(
    play: Play, ledger: Engine, states: States, tmp_path: Path, run: Run
) -> None:
    """Two people got the wrong words, one got other words, one more waits."""
    for code, kind, state in (
        ("H27.37-240219-1001", "fee_requested", "sent"), ("H27.38-240219-1002", "fee_requested", "sent"),
        ("H27.37-240219-1003", "accepted", "sent"), ("H27.37-240219-1004", "fee_requested", "due"),
    ):  # fmt: skip
        record(ledger, code, kind, state)
    with ledger.begin() as tx:
        tx.execute(text(_TRY))
    said = play("mistake")
    assert (
        "Đã DỪNG gửi loại tin yêu cầu thu phí (kind fee_requested) cho đến khi `hcc switch on`; 1 thông báo đang chờ."
        in said[0]
    )
    told = (tmp_path / "gui-nham.csv").read_text("utf-8-sig")
    assert [code in told for code in ("1001", "1002", "1003", "1004")] == [True, True, False, False]
    assert "CHO GỬI LẠI loại tin yêu cầu thu phí (kind fee_requested)" in said[-2]
    assert run("switch", "list").output.startswith("Không dừng gì")
    assert "fee_requested" in run("audit", "list").output
    assert states() == {"sent": 3, "due": 1}


def test_a_flood_is_parted_into_old_data_and_the_work_of_today(play: Play, ledger: Engine, states: States) -> None:
    """Three of 2023 are dropped, two beyond the number are let go, everything is switched on again."""
    old = {"happened_at": datetime(2023, 5, 8, tzinfo=UTC), "kept_because": "older than 30 days when it was first seen"}
    many = {"kept_because": "more than 10000 new notices within 10 minutes"}
    for number in range(5):
        record(ledger, f"H27.37-240219-100{number}", "accepted", **(old if number < 3 else many))
    assert states() == {"quarantined": 5}
    play("flood")
    assert states() == {"discarded": 3, "due": 2}


def test_a_quota_that_zalo_opened_again_is_lifted(play: Play, redis_url: str) -> None:
    with open_redis(redis_url) as redis:
        Holds(redis).hold(f"channel:{OA}:paper", 3600, "quota")
        said = play("quota")
        assert any("quota" in one for one in said)
        assert Holds(redis).all() == []


def test_a_ledger_that_was_restored_sends_nothing_before_it_was_checked(
    play: Play, ledger: Engine, states: States, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was live in the backup may have been sent since; without a way to ask Zalo it is kept back and listed."""
    for name, value in {"CHANNELS": "zns", "ZALO_TEMPLATES": "accepted=331", "QUIET_HOURS": "00:00-00:00"}.items():
        monkeypatch.setenv(f"HCC_{name}", value)
    phone = "+84978001002"
    with ledger.begin() as tx:
        person = People.of(ledger, Sealer(["0123456789abcdef"])).ids(tx, OA, [phone])[phone]
    for number in range(2):
        record(ledger, f"H27.37-240219-100{number}", "accepted", person_id=person)
    ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    said = play("ledger", "Làm gì khi phải khôi phục", **{BACKUP: ago})
    assert states() == {"quarantined": 2}, said
    assert "tạm giữ" in said[1]


def test_what_was_given_up_is_sent_again_and_what_is_in_doubt_is_settled(
    play: Play, ledger: Engine, states: States
) -> None:
    record(ledger, "H27.37-240219-1001", "accepted", "dead")
    record(ledger, "H27.37-240219-1002", "accepted", "uncertain")
    play("stopped", without=("hcc doctor",))
    assert states() == {"due": 1, "sent": 1}
