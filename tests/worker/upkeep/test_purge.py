"""`hcc purge` asks a second clock, too; and where all clocks are one and nobody kept house for months, a person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, text

from domain.clock import to_vietnam
from ledger.archive import partitions
from operators.cli.main import hcc
from tests.worker.upkeep.conftest import OA, LedgersClock

ACCOUNT = ("--by", "Lan", "--why", "đến hạn hủy")

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, ledger_url: str, redis_url: str, ledgers_clock: LedgersClock) -> Run:
    """Run `hcc purge` in this process, on this test's servers."""
    given = {
        "DATABASE_URL": ledger_url, "DOSSIER_URL": "postgresql://x@127.0.0.1:1/x", "REDIS_URL": redis_url,
        "ZALO_OA_ID": OA, "ZALO_APP_ID": "1", "SECRET_KEYS": "0123456789abcdef",
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(f"HCC_{name}", value)
    return lambda *words: CliRunner().invoke(hcc, ["purge", *ACCOUNT, *words])


@pytest.fixture
def old(ledger: Engine) -> str:
    """A month that may be kept no longer."""
    with ledger.begin() as tx:
        partitions.make(tx, "history", [datetime(2020, 1, 1, tzinfo=UTC)])
    return "history_2020_01"


def parts(ledger: Engine) -> list[str]:
    with ledger.connect() as connection:
        return [part.name for part in partitions.parts(connection, "history")]


def test_nothing_is_purged_while_the_clocks_disagree(
    run: Run, ledger: Engine, ledgers_clock: LedgersClock, old: str
) -> None:
    """The operator is told by how much; when they agree, the same command does it."""
    ledgers_clock.set_ahead(days=400)
    refused = run()
    assert refused.exit_code == 1
    assert "lệch nhau 34560" in refused.output
    assert old in parts(ledger)
    assert not audited(ledger)
    ledgers_clock.set_ahead(days=0)
    assert run().exit_code == 0
    assert old not in parts(ledger)
    assert audited(ledger)


def test_after_months_without_housekeeping_an_operator_says_what_day_it_is(run: Run, ledger: Engine, old: str) -> None:
    """A calendar is the clock that no jump moves. A wrong day changes nothing."""
    with ledger.begin() as tx:  # as on a machine that stood still, or whose only clock jumped
        for month in partitions.coming(datetime.now(UTC)):
            tx.execute(text(f"DROP TABLE history_{month:%Y_%m}"))
    today = to_vietnam(datetime.now(UTC)).date()
    refused = run()
    assert refused.exit_code == 1
    assert f"--today {today}" in refused.output
    assert run("--today", str(today - timedelta(days=700))).exit_code == 1
    assert old in parts(ledger)
    done = run("--today", str(today))
    assert done.exit_code == 0, done.output
    assert old not in parts(ledger)
    assert f"history_{datetime.now(UTC):%Y_%m}" in parts(ledger)
    assert run().exit_code == 0


def audited(ledger: Engine) -> bool:
    """Whether a purge was written down."""
    with ledger.connect() as connection:
        return bool(connection.execute(text("SELECT count(*) FROM audit WHERE verb = 'purge'")).scalar_one())
