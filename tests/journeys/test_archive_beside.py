"""An archive that arrives in one go beside what happens today: nobody hears of it, and nobody waits for it."""

from __future__ import annotations

import os
import time
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from tests.journeys.conftest import World, count, until

pytestmark = pytest.mark.journey

ARCHIVE = int(os.environ.get("HCC_TEST_ARCHIVE", "2000"))  # dossiers; the whole is 100,000
LIVE = int(os.environ.get("HCC_TEST_LIVE", "20"))  # dossiers
A_SECOND = int(os.environ.get("HCC_TEST_LIVE_A_SECOND", "5"))  # of them
LATE_SECONDS = float(os.environ.get("HCC_TEST_LATE_SECONDS", "20"))  # for a shared machine

_ARCHIVE = """
INSERT INTO ho_so (ma_ho_so, ma_don_vi, trang_thai, trang_thai_tra_kq, loai_ket_qua, so_dien_thoai_nguoi_nop, ngay_nop,
                   ngay_tiep_nhan, ngay_ket_thuc_xu_ly, cap_nhat_luc)
SELECT 'H27.99-230508-' || lpad(n::text, 6, '0'), 'H27.99', 9, 2, 'Kết quả', '09' || lpad(n::text, 8, '0'),
       '2023-05-08 08:00', '2023-05-08 08:30', '2023-05-12 10:00',
       clock_timestamp() AT TIME ZONE 'Asia/Ho_Chi_Minh'
FROM generate_series(1, :number) n
"""


def test_an_archive_is_told_to_nobody_and_delays_nothing_of_today(world: World) -> None:
    """Written by one statement while dossiers of today are accepted, second after second."""
    users = [world.follow(number) for number in range(1, LIVE + 1)]
    world.start("worker", "beat", old_event_days="30", guard_notices="100000", poll_seconds="2")
    world.follow(0)
    world.accept(0, at=now_there())
    world.messages(1, seconds=90)  # everything runs
    accepted: dict[str, float] = {}
    for number, user in enumerate(users, 1):
        if number == LIVE // 4:
            with world.dossiers.engine.begin() as tx:
                tx.execute(text(_ARCHIVE), {"number": ARCHIVE})
        accepted[user] = time.time()
        world.accept(number, at=now_there())
        time.sleep(1 / A_SECOND)  # the pace of the day, not a wait for something
    told = {message["user_id"]: message["at"] for message in world.messages(LIVE + 1, seconds=120)}
    delays = sorted(told[user] - at for user, at in accepted.items())
    print(
        f"\n{ARCHIVE} dossiers of 2023 beside {LIVE}: p50 {delays[len(delays) // 2]:.1f} s, longest {delays[-1]:.1f} s"
    )
    kept = "SELECT count(*) FROM notices WHERE state = 'quarantined'"
    until(lambda: count(world.services.ledger, kept) == 2 * ARCHIVE, "the archive to be kept back", 120 + ARCHIVE / 50)
    assert len(world.messages(LIVE + 1)) == LIVE + 1, "nothing of the archive was told"
    assert delays[-1] < LATE_SECONDS, [round(delay, 1) for delay in delays]


def now_there() -> datetime:
    """The dossier database's clock, a second ago."""
    return datetime.now(ZoneInfo("Asia/Ho_Chi_Minh")).replace(tzinfo=None) - timedelta(seconds=1)
