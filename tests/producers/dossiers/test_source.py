"""A source that cannot be read: one clear sentence, what to do, no data; and what can be read is read."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from producers.dossiers.mapping import Mapping, load_mapping
from producers.dossiers.source import Absence, Source, SourceError, SourceUnreachableError
from tests.producers.dossiers.conftest import MORNING, World

CODE = "H27.37-240219-1001"


def changed(mapping: Mapping, feed: str, old: str, new: str) -> Mapping:
    """The mapping with another SQL for one feed."""
    sql = getattr(mapping.feeds, feed)
    assert old in sql
    feeds = mapping.feeds.model_copy(update={feed: sql.replace(old, new)})
    return mapping.model_copy(update={"feeds": feeds})


def test_an_unknown_column_is_named_and_the_other_feeds_go_on(world: World) -> None:
    """A round that says what is wrong with one feed records what the others saw; nothing of the history is lost."""
    world.started()
    right = world.mapping
    broken = changed(right, "history", "q.thoi_gian AS", "q.thoi_gain AS")
    world.mapping = changed(broken, "snapshot", "h.cap_nhat_luc AS", "h.cap_nhat AS")
    world.accept(CODE)
    world.dossiers.request_fee(CODE, 500, at=MORNING)
    with pytest.raises(SourceError, match=r"feeds\.history: CSDL hồ sơ không có cột q\.thoi_gain; sửa") as caught:
        world.poller().round()
    assert "payments" not in str(caught.value)
    assert world.kinds() == ["fee_requested"]
    world.mapping = right
    world.poller().round()
    assert sorted(world.kinds()) == ["accepted", "fee_requested"]


def test_an_unknown_table_is_named(world: World) -> None:
    """The feed and the table."""
    world.mapping = changed(world.mapping, "history", "FROM qua_trinh_xu_ly", "FROM qua_trinh")
    with pytest.raises(SourceError, match=r"feeds\.history: CSDL hồ sơ không có bảng qua_trinh;"):
        world.poller().round()


def test_a_column_that_the_query_forgot_is_named_even_without_rows(world: World) -> None:
    """Nobody waits for the first dossier to learn it."""
    world.mapping = changed(world.mapping, "history", "AS change_status", "AS changed_status")
    with pytest.raises(SourceError, match=r"feeds\.history: kết quả thiếu cột change_status; thêm AS"):
        world.poller().round()


def test_an_unreachable_database_is_told_with_its_place_and_no_password() -> None:
    """Where we looked, and which setting says so."""
    source = Source("postgresql+psycopg2://reader:secret@127.0.0.1:1/dossiers", load_mapping("reference"))
    with pytest.raises(SourceUnreachableError, match=r"dossiers tại 127\.0\.0\.1:1.*HCC_DOSSIER_URL") as caught:
        source.newest()
    assert "secret" not in str(caught.value)
    source.close()


def test_a_refused_account_is_told(world: World, role: Callable[[str], str]) -> None:
    """A table that the account may not read is named."""
    source = Source(role(world.url), world.mapping)
    try:
        with pytest.raises(SourceError, match=r"không có quyền đọc qua_trinh_xu_ly; cấp quyền SELECT"):
            source.newest()
    finally:
        source.close()


def test_a_check_tells_all_queries_that_do_not_run(world: World) -> None:
    """`doctor` asks every query once."""
    mapping = changed(world.mapping, "history", "q.thoi_gian AS", "q.a AS")
    source = Source(world.url, changed(mapping, "payments", "\nORDER BY p.id", "\nORDER BY p.b"))
    with pytest.raises(SourceError) as caught:
        source.check()
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == ["feeds.history", "feeds.payments"]
    source.close()


def test_the_reference_passes_its_check(world: World) -> None:
    """Every query of the reference runs on the reference schema, empty and full."""
    source = Source(world.url, world.mapping)
    source.check()
    world.accept(CODE)
    world.dossiers.request_fee(CODE, 500, at=MORNING)
    source.check()
    source.close()


def test_we_cannot_write_to_the_source_even_if_the_account_may(world: World) -> None:
    """R3: the session is read-only."""
    source = Source(world.url, world.mapping)
    with source._engine.connect() as connection, pytest.raises(DBAPIError, match="read-only"):
        connection.execute(text("DELETE FROM ho_so"))
    source.close()


def test_a_database_that_comes_back_is_used_again(world: World) -> None:
    """The server dropped our connection; the next poll has a new one."""
    poller = world.started()
    world.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'hcc producer'")
    world.accept(CODE)
    assert poller.round().recorded == 1


def test_an_unknown_driver_is_told() -> None:
    """Any SQLAlchemy dialect will do, once it is installed."""
    with pytest.raises(SourceError, match="chưa cài trình điều khiển cho mssql"):
        Source("mssql+pymssql://reader@host/dossiers", load_mapping("reference"))


def test_a_source_that_is_away_is_left_alone_a_little_longer_each_time() -> None:
    """1, 2, 4 … 30 seconds with jitter, from the beginning again once it answered."""
    now = 0.0
    absence = Absence(lambda: now)
    pauses = list[float]()
    for _ in range(8):
        absence.failed()
        pauses.append(absence.seconds)
        now += absence.seconds
    assert absence.seconds == 0
    assert all(
        longest / 2 <= pause <= longest for pause, longest in zip(pauses, (1, 2, 4, 8, 16, 30, 30, 30), strict=True)
    )
    absence.ended()
    absence.failed()
    assert absence.seconds <= 1


def test_while_it_is_left_alone_nobody_waits_for_it() -> None:
    """The second poll fails at once, without a connection; the sentence says when it is tried again."""
    source = Source("postgresql+psycopg2://reader@127.0.0.1:1/dossiers", load_mapping("reference"))
    with pytest.raises(SourceUnreachableError):
        source.newest()
    opened = list[object]()
    event.listen(source._engine, "do_connect", lambda *_: opened.append(1))
    with pytest.raises(SourceUnreachableError, match="tự thử lại sau"):
        source.newest()
    assert opened == []
    source.close()


def test_a_source_that_was_away_loses_nothing(world: World) -> None:
    """Refused for a while: rounds fail, and the first one that gets through tells what happened meanwhile."""
    poller = world.started()
    name = world.url.rpartition("/")[2]
    with world.ledger.connect().execution_options(isolation_level="AUTOCOMMIT") as server:
        server.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
        server.execute(text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :n"), {"n": name})
        with pytest.raises(SourceUnreachableError):
            poller.round()
        server.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
    world.dossiers.engine.dispose()
    world.accept(CODE)
    world.sources[-1]._absence.ended()
    assert poller.round().recorded == 1


def test_a_query_that_is_too_slow_ends_and_is_told(world: World) -> None:
    """The source is protected from us: the statement ends after the mapping's time."""
    slow = changed(
        world.mapping, "snapshot", "WHERE h.cap_nhat_luc", "WHERE pg_sleep(9) IS NOT NULL AND h.cap_nhat_luc"
    )
    connection = slow.connection.model_copy(update={"statement_seconds": 1})
    world.accept(CODE)
    source = Source(world.url, slow.model_copy(update={"connection": connection}))
    with pytest.raises(SourceError, match=r"feeds\.snapshot: câu SQL chạy quá lâu"):
        source.check()
    source.close()


def test_a_connection_that_will_never_answer_is_cut_from_another_thread(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that stands still ends no statement: here one waits for a lock, and no time limit of its own is near."""
    patient = world.mapping.connection.model_copy(update={"statement_seconds": 600})
    world.mapping = world.mapping.model_copy(update={"connection": patient})
    poller = world.started()
    source = world.sources[-1]
    with world.dossiers.engine.begin() as tx, ThreadPoolExecutor(1) as beside:
        tx.execute(text("LOCK TABLE ho_so IN ACCESS EXCLUSIVE MODE"))
        asked = beside.submit(poller.round)
        with world.dossiers.engine.connect() as other:
            waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
            until(lambda: bool(other.execute(waits).scalar_one()))
        assert source.break_off() == 0, "it may still answer in time"
        monkeypatch.setattr("producers.dossiers.source._OVERDUE_SECONDS", -600.0)
        until(lambda: source.break_off() == 1)
        with pytest.raises(SourceUnreachableError):
            asked.result(10)
    assert source.break_off() == 0


def until(condition: Callable[[], bool]) -> None:
    """Wait for it, ten seconds at most."""
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
