"""A ledger that went back is noticed by itself, wherever one can see it, and told with its window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis
from sqlalchemy import Engine, create_engine, text

from coordination.connection import open_redis
from ledger.base import setbacks
from ledger.base.setbacks import NOTICED, RESTORED, Position, Setback
from worker.services.setbacks import REMEMBERED, LedgerWatch, Noted

OA = "4024926008133882615"
Watch = Callable[[Position], Setback | None]


@pytest.fixture
def store(redis_url: str) -> Redis:
    return open_redis(redis_url)


def looking(ledger: Engine, store: Redis, monkeypatch: pytest.MonkeyPatch, watch: LedgerWatch | None = None) -> Watch:
    """A look that finds the ledger where a test says."""
    made = watch or LedgerWatch(ledger, store)

    def look(here: Position) -> Setback | None:
        monkeypatch.setattr(setbacks, "position", lambda _: (here, datetime.now(UTC)))
        seen = made.look("sweep")
        return seen and seen.setback

    return look


def test_the_position_only_grows_and_needs_no_more_rights_than_any_role_has(
    ledger: Engine, ledger_url: str, role: Callable[[str], str]
) -> None:
    """Bytes of the log; the product's own role is no superuser."""
    with ledger.begin() as tx:
        before = setbacks.position(tx)
        tx.execute(text("CREATE TABLE written AS SELECT 1 AS number"))
    plain = create_engine(role(ledger_url))
    with plain.connect() as connection:
        after = setbacks.position(connection)
    plain.dispose()
    assert before is not None
    assert after is not None
    (then, _), (now, _) = before, after
    assert (then.system, then.timeline, then.byte < now.byte) == (now.system, now.timeline, True)
    assert now.lost_since(then) is None
    assert then.lost_since(now) is not None


@pytest.mark.parametrize(
    "after",
    [Position("other", 1, 200), Position("one", 1, 99), Position("one", 2, 200)],
    ids=["restored", "behind", "promoted"],
)
def test_whatever_may_have_lost_commits_is_noticed_once(
    ledger: Engine, store: Redis, monkeypatch: pytest.MonkeyPatch, after: Position
) -> None:
    """Another cluster, an earlier position, another timeline; the window reaches back to the look before."""
    look = looking(ledger, store, monkeypatch)
    assert look(Position("one", 1, 100)) is None
    assert look(Position("one", 1, 100)) is None
    seen = Noted.read(store.get("hcc:seen:ledger"))
    assert seen is not None
    store.set("hcc:seen:ledger", str(replace(seen, at=seen.at - timedelta(seconds=30))))
    found = look(after)
    assert found is not None
    assert timedelta(seconds=85) < found.until - found.since < timedelta(seconds=100)
    assert look(after) is None
    with ledger.connect() as connection:
        [kept] = setbacks.recent(connection, REMEMBERED)
    assert (kept.sort, kept.why, kept.since) == (NOTICED, found.why, found.since)


def test_what_another_process_noted_counts_and_where_redis_is_flushed_ones_own_memory(
    ledger: Engine, store: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each sweep is another process's; a flush at the same moment hides nothing from who was there."""
    mine = looking(ledger, store, monkeypatch)
    theirs = looking(ledger, store, monkeypatch)
    assert mine(Position("one", 1, 100)) is None
    assert theirs(Position("one", 1, 120)) is None
    assert mine(Position("one", 1, 110)) is not None
    store.flushall()
    assert mine(Position("one", 1, 105)) is not None


def test_a_note_that_somebody_else_wrote_is_no_reason_to_stop(
    ledger: Engine, store: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is replaced."""
    look = looking(ledger, store, monkeypatch)
    store.set("hcc:seen:ledger", "odd 1 soon yesterday")
    assert look(Position("one", 1, 100)) is None
    assert look(Position("one", 1, 99)) is not None


def test_followers_are_to_be_asked_once_after_each_setback(ledger: Engine) -> None:
    """What Zalo told us in that window is gone, and only Zalo can tell it again."""
    now = datetime.now(UTC)
    with ledger.begin() as tx:
        assert setbacks.to_sync(tx, [OA, "2"], REMEMBERED) == []
        setbacks.note(tx, Setback(RESTORED, now - timedelta(hours=1), now, "Lan", "hỏng đĩa"))
        assert setbacks.to_sync(tx, [OA, "2"], REMEMBERED) == [OA, "2"]
        setbacks.synced(tx, OA, now - timedelta(minutes=1))  # it began before
        assert setbacks.to_sync(tx, [OA, "2"], REMEMBERED) == [OA, "2"]
        setbacks.synced(tx, OA, now + timedelta(seconds=1))
        assert setbacks.to_sync(tx, [OA, "2"], REMEMBERED) == ["2"]
