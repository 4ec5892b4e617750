"""The dossier simulator: the same seed does the same things, every path is walked, and the truth is the database's."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from sandbox.dossiers.fill import Past, fill
from sandbox.dossiers.habits import HOURS, Habits
from sandbox.dossiers.jobs import close_many, touch
from sandbox.dossiers.life import Life
from sandbox.dossiers.living import LivingDossiers
from sandbox.dossiers.truth import Truth
from sandbox.servers import Servers

DAYS = 7
MONDAY = datetime(2026, 1, 5, 7)  # noqa: DTZ001 (local and naive, as the dossier database keeps it)
CODE = "H27.37-240219-1001"
_numbers = itertools.count(1)


@pytest.fixture
def url(servers: Servers) -> Iterator[str]:
    """An empty database."""
    name = f"living_{next(_numbers)}"
    servers.create_database(name)
    yield servers.database_url(name)
    servers.drop_database(name)


@pytest.fixture
def dossiers(url: str) -> Iterator[LivingDossiers]:
    """An empty dossier database."""
    with closing(LivingDossiers(url)) as made:
        yield made


def rows(url: str, sql: str) -> list[Any]:
    """Whatever the dossier database says."""
    engine = create_engine(url)
    with engine.connect() as connection:
        found = list(connection.execute(text(sql)))
    engine.dispose()
    return found


def test_a_filled_database_has_what_the_schema_says_and_the_next_id(url: str, servers: Servers) -> None:
    """Keys and indexes are set aside while filling, and are all back afterwards; ids leave no gap and go on."""
    catalogue = """
        SELECT indexdef AS line FROM pg_indexes WHERE schemaname = 'public'
        UNION SELECT conrelid::regclass || pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace ORDER BY line"""
    with closing(LivingDossiers(url)) as dossiers:
        empty = rows(url, catalogue)
        fill(url, Past(7_000))
        assert rows(url, catalogue) == empty
        assert rows(url, "SELECT count(*), max(id) FROM qua_trinh_xu_ly") == [(14_000, 14_000)]
        assert rows(url, "SELECT count(*) FROM ho_so") == [(7_000,)]
        dossiers.file(CODE, phone=None, at=MONDAY)
        assert dossiers.request_fee(CODE, 1000, at=MONDAY) == 7_000 // 4 + 1
        assert rows(url, "SELECT max(id) FROM qua_trinh_xu_ly") == [(14_001,)]


def test_the_same_seed_fills_the_same_dossiers(servers: Servers) -> None:
    """And another seed fills others."""
    digest = "SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {} t"
    seen = []
    for seed in (1, 1, 2):
        name = f"filled_{next(_numbers)}"
        servers.create_database(name)
        fill(servers.database_url(name), Past(4_000, seed=seed))
        seen.append(
            [
                rows(servers.database_url(name), digest.format(table))[0][0]
                for table in ("ho_so", "qua_trinh_xu_ly", "yeu_cau_thanh_toan")
            ]
        )
        servers.drop_database(name)
    assert seen[0] == seen[1]
    assert not set(seen[0]) & set(seen[2][:2])


def test_old_dossiers_are_done_and_new_ones_open(url: str) -> None:
    """Open dossiers are those of the last weeks, however long the past is: that is what a reconcile has to read."""
    fill(url, Past(60_000))
    states = Counter(dict(rows(url, "SELECT trang_thai, count(*) FROM ho_so GROUP BY trang_thai")))
    assert set(states) >= {1, 2, 3, 4, 5, 6, 9, 10}
    assert 10_000 < 60_000 - states[3] - states[9] - states[10] < 35_000
    assert (
        rows(url, "SELECT count(*) FROM ho_so WHERE trang_thai < 9 AND ngay_nop < '2025-12-15' AND trang_thai <> 3")[0][
            0
        ]
        < 200
    )


def test_people_file_in_office_hours() -> None:
    """Half of the day's dossiers come from 8 to 10 and from 14 to 16; Mondays are the fullest."""
    assert sum(HOURS[hour] for hour in (8, 9, 14, 15)) > sum(HOURS.values()) / 2
    habits = Habits(per_day=1000)
    days = [
        sum(habits.filings(MONDAY.replace(hour=hour) + timedelta(days=day)) for hour in range(24)) for day in range(7)
    ]
    assert days[1] == pytest.approx(1000)
    assert days[0] == max(days)


def test_days_of_a_province_are_the_same_for_the_same_seed(servers: Servers) -> None:
    """The truth of two runs is equal to the last key, and all statuses and payment words are met on the way."""
    truths = []
    for _ in range(2):
        name = f"lived_{next(_numbers)}"
        servers.create_database(name)
        with closing(LivingDossiers(servers.database_url(name))) as dossiers:
            life = Life(dossiers, start=MONDAY, seed=7, habits=Habits(per_day=40, imported=5))
            life.run(MONDAY + timedelta(days=DAYS))
            life.close()
            truths.append((life.truth.must, life.truth.may))
            url = servers.database_url(name)
            statuses = {row[0] for row in rows(url, "SELECT DISTINCT trang_thai FROM qua_trinh_xu_ly")}
            words = {row[0] for row in rows(url, "SELECT DISTINCT trang_thai FROM yeu_cau_thanh_toan")}
            imported = rows(url, "SELECT count(*) FROM ho_so WHERE ma_don_vi = 'H27.99'")
        servers.drop_database(name)
    assert truths[0] == truths[1]
    assert statuses >= {1, 2, 3, 4, 5, 6, 9, 10}
    assert words >= {"Chờ thanh toán", "Đã thanh toán", "Hủy thanh toán"}
    assert imported == [(5 * (DAYS // 7),)]
    assert not any(key.startswith("H27.99") for key in truths[0][1])
    assert {key.split("/")[1] for key in truths[0][0]} == {"accepted", "fee_requested", "result_ready"}
    assert truths[0][0] < truths[0][1]


def test_a_slow_writer_holds_its_id_while_younger_ones_commit(dossiers: LivingDossiers) -> None:
    """Its rows are seen at its commit; rolled back, they leave a gap."""
    for number in (1, 2):
        dossiers.file(f"H27.37-240219-100{number}", phone=None, at=MONDAY)
    slow = dossiers.slow()
    slow.move("H27.37-240219-1001", 4, at=MONDAY)
    dossiers.move("H27.37-240219-1002", 4, at=MONDAY)
    seen = "SELECT array_agg(id ORDER BY id) FROM qua_trinh_xu_ly"
    url = str(dossiers.engine.url.render_as_string(hide_password=False))
    assert rows(url, seen) == [([1, 2, 4],)]
    slow.commit()
    assert rows(url, seen) == [([1, 2, 3, 4],)]
    with dossiers.slow() as again:
        again.move("H27.37-240219-1001", 5, at=MONDAY)
        again.rollback()
    assert rows(url, seen) == [([1, 2, 3, 4],)]


def test_writers_leave_the_traces_that_they_are_told_to(dossiers: LivingDossiers) -> None:
    """No history row, no change time: the state alone has changed."""
    dossiers.file(CODE, phone=None, at=MONDAY)
    dossiers.leaving(history=False, change_time=False).accept(CODE, at=MONDAY + timedelta(hours=1), appointment=None)
    with dossiers.engine.connect() as connection:
        row = connection.execute(text("SELECT trang_thai, cap_nhat_luc FROM ho_so")).one()
        steps = connection.execute(text("SELECT count(*) FROM qua_trinh_xu_ly")).scalar_one()
    assert (row.trang_thai, row.cap_nhat_luc, steps) == (2, MONDAY, 1)


def test_jobs_change_many_rows_and_wait_for_nobody(dossiers: LivingDossiers) -> None:
    """A bulk close writes no history; a row that somebody holds is passed over."""
    codes = [f"H27.37-240219-100{number}" for number in range(3)]
    for code in codes:
        dossiers.file(code, phone=None, at=MONDAY)
    with dossiers.slow() as slow:
        slow.move(codes[0], 4, at=MONDAY)
        close_many(dossiers.engine, codes, MONDAY)
        touch(dossiers.engine, MONDAY + timedelta(days=1), rows=100)
    with dossiers.engine.connect() as connection:
        found = connection.execute(text("SELECT trang_thai, cap_nhat_luc FROM ho_so ORDER BY ma_ho_so")).all()
    later = MONDAY + timedelta(days=1)
    assert [tuple(row) for row in found] == [(4, MONDAY), (9, later), (9, later)]


def test_the_truth_knows_what_holds_and_what_has_held(dossiers: LivingDossiers) -> None:
    """A fee that is paid no longer has to be told, and may have been; what was there before is nobody's news."""
    truth = Truth(dossiers.engine)
    dossiers.file(CODE, phone=None, at=MONDAY)
    dossiers.accept(CODE, at=MONDAY, appointment=None)
    truth.adopt([CODE])
    fee = dossiers.request_fee(CODE, 1000, at=MONDAY)
    assert truth.look([CODE]) >= {f"{CODE}/fee_requested/{fee}"}
    dossiers.change_fee(fee, "Đã thanh toán", at=MONDAY)
    dossiers.finish(CODE, at=MONDAY)
    truth.look([CODE])
    assert truth.must == {f"{CODE}/result_ready/1"}
    assert truth.may == {f"{CODE}/result_ready/1", f"{CODE}/fee_requested/{fee}"}


@pytest.mark.parametrize(
    "act",
    [
        lambda dossiers: dossiers.finish(CODE, at=MONDAY, kind="Trả lại/Xin rút"),
        lambda dossiers: dossiers.finish(CODE, at=MONDAY, result_state=1),
        lambda dossiers: dossiers.request_fee(CODE, 0, at=MONDAY),
        lambda dossiers: dossiers.request_fee(CODE, 1000, at=MONDAY, state="Chưa thanh toán"),
        lambda dossiers: dossiers.request_fee(CODE, 1000, at=MONDAY, way="Đối tượng miễn phí"),
        lambda dossiers: dossiers.move(CODE, 4, at=MONDAY),
        lambda dossiers: (dossiers.accept(CODE, at=MONDAY, appointment=None), dossiers.delete(CODE, at=MONDAY)),
    ],
)
def test_what_is_no_event_is_not_in_the_truth(dossiers: LivingDossiers, act: Any) -> None:
    """R4, R19, R39, and 4 without a time of acceptance."""
    dossiers.file(CODE, phone=None, at=MONDAY)
    act(dossiers)
    truth = Truth(dossiers.engine)
    assert truth.look([CODE]) == set()


def test_the_command_fills_and_lives(url: str, tmp_path: Path) -> None:
    """`python -m sandbox.dossiers fill`, then two days as fast as they go, with the truth in a file."""
    command = [sys.executable, "-m", "sandbox.dossiers"]
    subprocess.run([*command, "fill", "--url", url, "--dossiers", "2k"], check=True, capture_output=True)
    truth = tmp_path / "truth.json"
    two_days = ["--start", "2026-01-05T07:00", "--days", "2", "--per-day", "30", "--truth", str(truth)]
    said = subprocess.run([*command, "live", "--url", url, *two_days], check=True, capture_output=True, text=True)
    assert "must be told: accepted" in said.stdout
    told = json.loads(truth.read_text())
    assert set(told["must"]) <= set(told["may"])
    assert rows(url, "SELECT count(*) > 2020 FROM ho_so") == [(True,)]
