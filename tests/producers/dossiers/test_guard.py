"""New to us is not new: an archive that arrives today is kept back, and holds nothing of today up."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from domain.kinds import DEFAULT
from domain.volume_guard import VolumeGuard
from ledger.source import sources
from producers.dossiers import follow
from producers.dossiers.switches import Kinds
from tests.producers.dossiers.conftest import OA, PHONE, World

ARCHIVE = datetime(2023, 5, 8, 8, 30)  # noqa: DTZ001 (local and naive, as the dossier database keeps it)


def local(world: World, **ago: float) -> datetime:
    """The source's clock, some time ago."""
    return (world.now - timedelta(**ago)).astimezone(world.mapping.zone).replace(tzinfo=None)


def archive(world: World, number: int, *, history: bool = False) -> None:
    """Dossiers of 2023, accepted and done then, come into the source today."""
    hands = world.dossiers.leaving(history=history, change_time=True)
    for one in range(number):
        code = f"H27.01-230508-{one:04}"
        hands.file(code, phone=f"09{one:08}", at=ARCHIVE)
        hands.accept(code, at=ARCHIVE, appointment=ARCHIVE + timedelta(days=5))
        hands.finish(code, at=ARCHIVE + timedelta(days=5))
    world.sql(
        "UPDATE ho_so SET cap_nhat_luc = :now WHERE ma_ho_so LIKE 'H27.01-2305%'", now=local(world, seconds=1)
    )  # as an import does, which writes rows today


def states(world: World) -> dict[str, str]:
    """State by event key."""
    return {row.event_key: row.state for row in world.rows("SELECT event_key, state FROM notices")}


@pytest.mark.parametrize("history", [False, True])
def test_199_dossiers_of_2023_that_are_copied_into_the_source_today_are_told_to_nobody(
    world: World, *, history: bool
) -> None:
    """Whichever feed brings them: 398 notices wait for a person; what happened today goes."""
    world.guard = VolumeGuard()
    poller = world.started()
    archive(world, 199, history=history)
    world.accept("H27.37-260301-0001", at=local(world, minutes=1))
    poller.round()
    assert world.told() == ["H27.37-260301-0001/accepted/1"]
    assert states(world)["H27.37-260301-0001/accepted/1"] == "due"
    kept = world.kept_back()
    assert len(kept) == 398
    assert set(kept.values()) == {"older than 30 days when it was first seen"}
    [days] = world.rows("SELECT DISTINCT date(happened_at AT TIME ZONE 'Asia/Ho_Chi_Minh') AS day FROM notices "
                        "WHERE kind = 'accepted' AND state = 'quarantined'")  # fmt: skip
    assert days.day == ARCHIVE.date(), "its own day is kept, whenever its row was written"


def test_a_fee_of_years_ago_is_kept_back_by_when_it_was_asked_for(world: World) -> None:
    """A payment row has its own time; that it was written today makes it no news."""
    world.guard = VolumeGuard()
    poller = world.started()
    archive(world, 1)
    world.dossiers.request_fee("H27.01-230508-0000", 5000, at=ARCHIVE)
    world.sql("UPDATE yeu_cau_thanh_toan SET cap_nhat_luc = :now", now=local(world))
    poller.round()
    assert world.told() == []
    assert {key.split("/")[1] for key in world.kept_back()} == {"accepted", "fee_requested", "result_ready"}


def test_what_happens_today_to_a_dossier_that_was_kept_back_goes_at_once(world: World) -> None:
    """A unit that moves to our system brings dossiers that are alive: kept ones hold nothing up."""
    world.guard = VolumeGuard()
    poller = world.started()
    world.dossiers.file("H27.02-230101-0001", phone=PHONE, at=ARCHIVE)
    world.dossiers.accept("H27.02-230101-0001", at=ARCHIVE, appointment=ARCHIVE)
    poller.round()
    assert list(world.kept_back()) == ["H27.02-230101-0001/accepted/1"]
    world.now += timedelta(minutes=1)
    world.dossiers.finish("H27.02-230101-0001", at=local(world))
    poller.round()
    assert states(world)["H27.02-230101-0001/result_ready/1"] == "due"


def test_a_kept_notice_and_one_of_today_that_are_found_together_do_not_wait_for_each_other(world: World) -> None:
    """Both in one page: the later one is due at once, not at some sweep."""
    world.guard = VolumeGuard()
    poller = world.started()
    world.dossiers.file("H27.02-230101-0001", phone=PHONE, at=ARCHIVE)
    world.dossiers.accept("H27.02-230101-0001", at=ARCHIVE, appointment=ARCHIVE)
    world.dossiers.finish("H27.02-230101-0001", at=local(world))
    poller.round()
    assert states(world) == {
        "H27.02-230101-0001/accepted/1": "quarantined",
        "H27.02-230101-0001/result_ready/1": "due",
    }


@pytest.mark.parametrize("known", [True, False])
def test_an_event_without_a_time_of_its_own_is_as_new_as_its_dossier_is_to_us(world: World, *, known: bool) -> None:
    """Papers that are wanted: news of a dossier that we follow, part of the archive where the dossier came with it."""
    kinds = Kinds.model_validate({"supplement_required": True})
    world.mapping = world.mapping.model_copy(update={"kinds": kinds})
    code, hands = "H27.02-230101-0001", world.dossiers.leaving(history=False, change_time=True)
    world.guard = VolumeGuard()
    poller = None if known else world.started()
    hands.file(code, phone=PHONE, at=ARCHIVE)
    hands.accept(code, at=ARCHIVE, appointment=ARCHIVE)
    poller = poller or world.started()
    hands.move(code, 5, at=local(world))
    poller.round()
    key = "H27.02-230101-0001/supplement_required/1"
    assert (states(world)[key] == "due") is known


def test_what_goes_beyond_the_number_is_kept_and_a_flushed_redis_forgets_nothing(world: World) -> None:
    """The number stands in the ledger: another process goes on counting where the first one ended."""
    world.guard = VolumeGuard(30, 5)
    world.started()
    for one in range(4):
        world.accept(f"H27.37-260301-{one:04}", at=local(world, minutes=9 - one))
    world.poller().round()
    assert len(world.told()) == 4
    for one in range(4, 8):
        world.accept(f"H27.37-260301-{one:04}", at=local(world, minutes=9 - one))
    world.poller().round()
    assert len(world.told()) == 5
    assert set(world.kept_back().values()) == {"more than 5 new notices within 10 minutes"}
    with world.ledger.begin() as tx:
        tx.execute(text("UPDATE guard_counts SET minute = minute - interval '11 minutes'"))
    world.accept("H27.37-260301-0009", at=local(world))
    world.poller().round()
    assert "H27.37-260301-0009/accepted/1" in world.told(), "after ten minutes the number begins anew"


def test_the_archive_is_not_counted_so_it_keeps_nothing_of_today_back(world: World) -> None:
    """400 old ones leave room for all five of today."""
    world.guard = VolumeGuard(30, 5)
    poller = world.started()
    archive(world, 20)
    for one in range(5):
        world.accept(f"H27.37-260301-{one:04}", at=local(world, minutes=1))
    poller.round()
    assert len(world.told()) == 5
    assert len(world.kept_back()) == 40


def test_until_each_feed_was_read_to_its_end_nothing_after_the_start_is_judged_and_then_everything_is(
    world: World,
) -> None:
    """HCC_START_FROM=beginning means what it says: 40 notices of 2023 are told, and not those that come later."""
    world.guard = VolumeGuard(30, 10)
    archive(world, 20, history=True)
    poller = world.poller(start_from="beginning")
    poller.round()
    poller.round()
    assert len(world.told()) == 40
    with world.ledger.connect() as connection:
        assert sources.read(connection, OA).free_since is None, "the first start is over"
    world.dossiers.file("H27.02-230101-0001", phone=PHONE, at=ARCHIVE)
    world.dossiers.accept("H27.02-230101-0001", at=ARCHIVE, appointment=ARCHIVE)
    poller.round()
    assert list(world.kept_back()) == ["H27.02-230101-0001/accepted/1"]


def test_a_start_in_the_past_tells_what_lies_after_it_however_old(world: World) -> None:
    """Somebody said so; the guard does not know better."""
    world.guard = VolumeGuard(30, 10)
    archive(world, 20)
    since = (ARCHIVE + timedelta(days=1)).replace(tzinfo=world.mapping.zone).astimezone(UTC)
    world.poller(start_from=since).round()
    assert set(world.kinds()) == {"result_ready"}
    assert len(world.told()) == 20


def test_a_ledger_of_the_version_before_is_judged_from_the_first_round_on(world: World) -> None:
    """Its feeds were read to their ends long ago; no start of it is noted anywhere."""
    world.guard = VolumeGuard()
    poller = world.started()
    with world.ledger.begin() as tx:
        tx.execute(text("DELETE FROM sources"))
    archive(world, 3)
    poller.round()
    assert world.told() == []
    assert len(world.kept_back()) == 6


def test_the_alarm_is_told_once_a_cause(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """At ERROR, for whoever watches the logs; not once a poll."""
    world.guard = VolumeGuard()
    poller = world.started()
    with caplog.at_level(logging.ERROR, "hcc.producers"):
        archive(world, 2)
        poller.round()
        archived = [record.getMessage() for record in caplog.records]
        world.dossiers.file("H27.02-230101-0001", phone=PHONE, at=ARCHIVE)
        world.dossiers.accept("H27.02-230101-0001", at=ARCHIVE, appointment=ARCHIVE)
        poller.round()
    assert archived == [f"kept back by the volume guard, look at `hcc quarantine list` oa={OA} cause=old notices=4"]
    assert len(caplog.records) == 1
    assert len(world.kept_back()) == 5


def test_every_kind_that_is_on_by_default_has_a_time_of_its_own(world: World) -> None:
    """What the guard judges by is there where it matters most."""
    world.guard = VolumeGuard()
    poller = world.started()
    at = local(world, minutes=3)
    world.accept("H27.37-260301-0001", at=at)
    world.dossiers.request_fee("H27.37-260301-0001", 5000, at=at)
    world.dossiers.finish("H27.37-260301-0001", at=at)
    poller.round()
    rows = world.rows("SELECT kind, happened_at FROM notices")
    assert {row.kind for row in rows} == DEFAULT
    assert all(row.happened_at is not None for row in rows)


def test_a_flood_of_old_dossiers_is_left_to_the_slow_pass_and_what_happened_today_goes_at_once(world: World) -> None:
    """Recorded in one go they would hold it up; none of them is lost, and none is told."""
    world.guard = VolumeGuard()
    poller = world.started()
    archive_at_once(world, 1500)
    world.accept("H27.37-260301-0001", at=local(world, minutes=1))
    poller.round()
    assert states(world) == {"H27.37-260301-0001/accepted/1": "due"}
    assert poller.round().read > 1500, "they are read again for a while, as late transactions may follow them"
    assert len(states(world)) == 1
    poller.reconcile(whole=True)
    assert len(world.kept_back()) == 3000
    assert world.told() == ["H27.37-260301-0001/accepted/1"]
    poller.round()
    assert len(states(world)) == 3001


def test_what_happened_today_does_not_wait_until_a_flood_of_changes_is_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is committed with the first part of the flood; and so is what happens while the flood is read."""
    monkeypatch.setattr(follow, "_CHANGES_AT_ONCE", 20)
    monkeypatch.setattr(follow, "_DEAF_SECONDS", 0.0)
    world.guard = VolumeGuard()
    poller = world.started(page=20)
    archive_at_once(world, 120)
    apart = "UPDATE ho_so SET cap_nhat_luc = cap_nhat_luc - CAST(right(ma_ho_so, 4) AS int) * interval '5 ms'"
    world.sql(apart)  # so that a page does not end within one moment
    world.accept("H27.37-260301-0001", at=local(world, minutes=1))
    ask, told = world.sources[-1].ask, list[list[str]]()

    def flooded(connection: Connection, name: str, parameters: Mapping[str, Any]) -> object:
        if name == "snapshot":
            told.append(world.told())
            if len(told) == 3:
                world.accept("H27.37-260301-0002", at=local(world, minutes=1))
        return ask(connection, name, parameters)

    monkeypatch.setattr(world.sources[-1], "ask", flooded)
    poller.round()
    assert (told[0], told[2]) == ([], ["H27.37-260301-0001/accepted/1"])
    assert told[-1] == ["H27.37-260301-0001/accepted/1", "H27.37-260301-0002/accepted/1"]


def test_a_part_of_a_flood_is_committed_only_when_all_feeds_were_read_with_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Changes that are newer than the history that was read may be of a dossier whose acceptance it lacks (R11)."""
    monkeypatch.setattr(follow, "_CHANGES_AT_ONCE", 30)
    monkeypatch.setattr(follow, "_DEAF_SECONDS", 1000.0)
    world.guard = VolumeGuard()
    poller = world.started(page=20)
    archive_at_once(world, 120)
    world.sql("UPDATE ho_so SET cap_nhat_luc = cap_nhat_luc - CAST(right(ma_ho_so, 4) AS int) * interval '5 ms'")
    world.accept("H27.37-260301-0001", at=local(world, minutes=1))
    ask, told = world.sources[-1].ask, list[list[str]]()

    def watched(connection: Connection, name: str, parameters: Mapping[str, Any]) -> object:
        told.append(world.told())
        return ask(connection, name, parameters)

    monkeypatch.setattr(world.sources[-1], "ask", watched)
    poller.round()
    assert len(told) > 6
    assert told == [[]] * len(told)
    assert world.told() == ["H27.37-260301-0001/accepted/1"]


def test_a_nightly_job_that_touches_what_we_know_sets_nothing_aside(world: World) -> None:
    """Old and known is no flood: the slow pass is not sent after it."""
    archive_at_once(world, 1100)
    world.guard = VolumeGuard()
    poller = world.started()
    world.sql("UPDATE ho_so SET cap_nhat_luc = :now", now=local(world))
    poller.round()
    assert world.rows("SELECT count(*) AS number FROM sightings WHERE digest = -1")[0].number == 0
    assert states(world) == {}


def archive_at_once(world: World, number: int) -> None:
    """Dossiers of 2023 that were handed over then, written today by one statement and nothing else."""
    world.sql(
        """
        INSERT INTO ho_so (ma_ho_so, ma_don_vi, trang_thai, so_dien_thoai_nguoi_nop, ngay_nop, ngay_tiep_nhan,
                           ngay_ket_thuc_xu_ly, trang_thai_tra_kq, loai_ket_qua, cap_nhat_luc)
        SELECT 'H27.99-230508-' || lpad(n::text, 6, '0'), 'H27.99', 10, '09' || lpad(n::text, 8, '0'), :at, :at, :at, 3,
               'Kết quả', :now
        FROM generate_series(1, :number) n""",
        at=ARCHIVE, now=local(world, seconds=1), number=number,
    )  # fmt: skip
