"""`hcc poll --once`: one whole round of all feeds, the reconcile included."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, text

from operators.cli.main import hcc
from sandbox.dossiers.living import LivingDossiers
from sandbox.servers import Servers

CODE = "H27.37-240219-1001"
MORNING = datetime(2024, 2, 19, 9, 9)  # noqa: DTZ001 (local and naive, as the dossier database keeps it)


def test_what_only_the_reconcile_can_see_is_found(
    servers: Servers, ledger: Engine, ledger_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first poll is the baseline; then a result by raw SQL, without a history row and without a change time."""
    servers.create_database("polled_once")
    url = servers.database_url("polled_once")
    monkeypatch.setenv("HCC_DATABASE_URL", ledger_url)
    monkeypatch.setenv("HCC_DOSSIER_URL", url)
    monkeypatch.setenv("HCC_REDIS_URL", redis_url)
    monkeypatch.setenv("HCC_OLD_EVENT_DAYS", "0")  # the dossiers are of 2024
    monkeypatch.setenv("HCC_SECRET_KEYS", "a-key-for-tests-only-0123456789")
    monkeypatch.setenv("HCC_ZALO_OA_ID", "1234567890123456789")
    monkeypatch.setenv("HCC_ZALO_APP_ID", "1")
    monkeypatch.setenv("HCC_ZALO_APP_SECRET", "made-up")
    dossiers = LivingDossiers(url)
    for number in range(3):
        dossiers.file(f"{CODE}{number}", phone="0978362918", at=MORNING)
        dossiers.accept(f"{CODE}{number}", at=MORNING, appointment=MORNING + timedelta(days=7))
    assert CliRunner().invoke(hcc, ["poll", "--once"]).exit_code == 0
    with dossiers.engine.begin() as tx:
        tx.execute(text("UPDATE ho_so SET trang_thai = 10, trang_thai_tra_kq = 2 WHERE ma_ho_so LIKE '%1'"))
        tx.execute(text("DELETE FROM qua_trinh_xu_ly WHERE trang_thai = 2"))
    with ledger.begin() as tx:  # long after the last change: no feed looks back any more
        moved = """UPDATE cursors SET position = jsonb_set(position, '{moved}', '"2024-02-20T00:00:00+00:00"')
                   WHERE feed = 'snapshot'"""
        assert tx.execute(text(moved)).rowcount == 1
    polled = CliRunner().invoke(hcc, ["poll", "--once"])
    assert "ghi 1 thông báo mới" in polled.output
    with ledger.connect() as connection:
        keys = list(connection.execute(text("SELECT event_key FROM notices")).scalars())
    assert keys == [f"{CODE}1/result_ready/1"]
    dossiers.close()
    servers.drop_database("polled_once")
