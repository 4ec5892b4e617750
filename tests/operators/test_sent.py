"""`hcc report sent`: after a mistake, whose dossiers they are; neither phones nor words."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from ledger.notices import notices
from ledger.notices.notices import NewNotice
from operators.cli.exits import ExitCode
from tests.operators.conftest import OA, Run

_TRY = """
INSERT INTO attempts (notice_id, at, channel, outcome, ms)
SELECT id, now() - make_interval(mins => :ago), 'paper', :outcome, 40 FROM notices WHERE code = :code
"""
Sent = Callable[..., None]


@pytest.fixture
def tell(ledger: Engine) -> Sent:
    """A notice that was tried so many minutes ago, and what became of it."""

    def told(code: str, ago: int, state: str = "sent", kind: str = "accepted", *outcomes: str) -> None:
        now = datetime.now(UTC)
        new = NewNotice(f"{code}/{kind}/1", code, kind, code.rpartition("-")[0], {}, None, None, now, now)
        with ledger.begin() as tx:
            notices.record(tx, OA, [new])
            words = {"state": state, "text": f"Hồ sơ {code}: lệ phí 0 đồng", "code": code}
            tx.execute(text("UPDATE notices SET state = :state, text = :text WHERE code = :code"), words)
            for outcome in outcomes or ("sent",):
                tx.execute(text(_TRY), {"ago": ago, "outcome": outcome, "code": code})

    return told


def codes(run: Run, *words: str) -> list[str]:
    """The codes of the answer, in its order."""
    result = run("report", "sent", *words, "--json")
    assert result.exit_code == 0, result.output
    return [row["code"] for row in json.loads(result.stdout)]


def test_what_was_sent_between_two_times_is_listed_once_each_the_earliest_first(run: Run, tell: Sent) -> None:
    tell("H27.1-1", 50)
    tell("H27.1-2", 20, "seen")
    tell("H27.1-3", 30, "delivered", "accepted", "uncertain", "sent")
    tell("H27.1-4", 300)
    assert codes(run, "--since", "1h") == ["H27.1-1", "H27.1-3", "H27.1-2"]
    at = (datetime.now(UTC) - timedelta(minutes=25)).isoformat()
    assert codes(run, "--since", "1h", "--until", at) == ["H27.1-1", "H27.1-3"]


def test_what_may_have_arrived_is_among_them_and_what_did_not_is_not(run: Run, tell: Sent) -> None:
    tell("H27.1-1", 5, "uncertain", "accepted", "uncertain")
    tell("H27.1-2", 5, "due", "accepted", "uncertain")
    tell("H27.1-3", 5, "dead", "accepted", "refused")
    rows = json.loads(run("report", "sent", "--since", "1h", "--json").stdout)
    assert [(row["code"], row["arrived"]) for row in rows] == [("H27.1-1", "chưa rõ")]


def test_kind_unit_and_words_narrow_it(run: Run, tell: Sent) -> None:
    tell("H27.1-1", 5)
    tell("H27.2-2", 5, "sent", "fee_requested")
    assert codes(run, "--since", "1h", "--kind", "fee_requested") == ["H27.2-2"]
    assert codes(run, "--since", "1h", "--unit", "H27.1") == ["H27.1-1"]
    assert codes(run, "--since", "1h", "--words", "lệ phí 0 đồng") == ["H27.1-1", "H27.2-2"]
    assert codes(run, "--since", "1h", "--words", "lệ phí 5 đồng") == []


def test_what_was_put_away_is_found_too(run: Run, tell: Sent, ledger: Engine) -> None:
    tell("H27.1-1", 5)
    with ledger.begin() as tx:
        tx.execute(text("INSERT INTO notices_past SELECT * FROM notices"))
        tx.execute(text("DELETE FROM notices"))
    assert codes(run, "--since", "1h") == ["H27.1-1"]


def test_a_file_has_no_phone_and_no_words(run: Run, tell: Sent) -> None:
    tell("H27.1-1", 5)
    written = run("report", "sent", "--since", "1h", "--csv", "-").stdout_bytes.decode("utf-8-sig")
    [head, row] = list(csv.reader(io.StringIO(written)))
    assert head == [
        "Hồ sơ",
        "Đơn vị",
        "Tên đơn vị",
        "Loại",
        "Loại tin",
        "Gửi lúc",
        "Kênh",
        "Trạng thái",
        "Đã đến",
        "Sự kiện",
    ]
    assert row[:2] == ["H27.1-1", "H27.1"]
    assert "đồng" not in written


@pytest.mark.parametrize("words", [(), ("--since", "x"), ("--since", "2099-01-01"), ("--since", "1h", "--until", "2h")])
def test_times_that_cannot_be_are_refused(run: Run, words: tuple[str, ...]) -> None:
    assert run("report", "sent", *words).exit_code == ExitCode.USAGE
