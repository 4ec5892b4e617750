"""`hcc purge`: what may be kept no longer goes at once, and it is written down who wanted that."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from config.settings import Settings
from ledger.archive import partitions
from ledger.notices import notices
from ledger.notices.notices import NewNotice
from operators.checks.fault import CheckFault
from operators.checks.ledger import check_months
from tests.operators.conftest import Run
from worker.services.bootstrap import Services

OA = "4024926008133882615"
ACCOUNT = ("--by", "Lan", "--why", "đến hạn hủy")


@pytest.fixture
def services(ledger_url: str) -> Iterator[Services]:
    """Services on this test's ledger."""
    made = Services(Settings(_env_file=None, database_url=ledger_url, secret_keys=["0123456789abcdef"], zalo_oa_id=OA))  # type: ignore[call-arg]
    yield made
    made.close()


def rows(ledger: Engine, query: str) -> list[tuple[Any, ...]]:
    """What the ledger holds."""
    with ledger.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def told(ledger: Engine, code: str, days: int) -> None:
    """A notice that was sent so many days ago."""
    at = datetime.now(UTC)
    with ledger.begin() as tx:
        notices.record(tx, OA, [NewNotice(f"{code}/accepted/1", code, "accepted", None, {}, None, None, at, at)])
        aged = "UPDATE notices SET state = 'sent', recorded_at = now() - make_interval(days => :d) WHERE code = :code"
        tx.execute(text(aged), {"code": code, "d": days})


def test_it_says_what_went_and_writes_it_down(ledger: Engine, run: Run) -> None:
    told(ledger, "H-OLD", 200)
    told(ledger, "H-NEW", 2)
    with ledger.begin() as tx:
        partitions.make(tx, "attempts", [datetime(2020, 1, 1, tzinfo=UTC)])
    done = run("purge", *ACCOUNT)
    assert done.exit_code == 0, done.output
    assert "Đã xóa attempts_2020_01" in done.output
    assert "Đã cất 1 thông báo đã xong" in done.output
    assert rows(ledger, "SELECT code FROM notices") == [("H-NEW",)]
    subject = "dropped attempts_2020_01; put away 1; given up 0"
    assert rows(ledger, "SELECT oa, verb, subject, by, why FROM audit") == [(OA, "purge", subject, *ACCOUNT[1::2])]
    assert "Không có tháng nào" in run("purge", *ACCOUNT).output


def test_the_months_to_keep_are_a_setting(ledger: Engine, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    told(ledger, "H-OLD", 200)
    monkeypatch.setenv("HCC_KEEP_MONTHS", "4")
    assert run("purge", *ACCOUNT).exit_code == 0
    assert rows(ledger, "SELECT FROM notices_ever") == []


def test_nobody_purges_without_a_name_and_a_why(run: Run) -> None:
    assert run("purge", "--by", "Lan").exit_code == 2
    assert run("purge", "--why", "đến hạn").exit_code == 2


def test_the_doctor_says_which_month_nobody_has_made(ledger: Engine, run: Run, services: Services) -> None:
    """And which table has rows outside of its months; `hcc purge` puts both right."""
    assert "đã sẵn sàng" in next(check_months(services))
    late = partitions.coming(datetime.now(UTC))[-1]
    with ledger.begin() as tx:
        tx.execute(text(f"DROP TABLE history_{late:%Y_%m}"))
    with pytest.raises(CheckFault, match=f"history {late:%m/%Y}"):
        next(check_months(services))
    run("purge", *ACCOUNT)
    assert "đã sẵn sàng" in next(check_months(services))
    with ledger.begin() as tx:
        far = late + timedelta(days=400)
        tx.execute(text("INSERT INTO history (notice_id, at, after, by) VALUES (1, :at, 'due', 'test')"), {"at": far})
    with pytest.raises(CheckFault, match="history có dòng nằm ngoài"):
        next(check_months(services))
    run("purge", *ACCOUNT)
    assert "đã sẵn sàng" in next(check_months(services))
