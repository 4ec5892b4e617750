"""Incident 30: the ledger answers and refuses, or its address leads elsewhere without a word."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest
from sqlalchemy import Engine, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

from tests.chaos.conftest import Begin
from tests.chaos.refusals import AGAIN_SECONDS, Refusal, play, some_of
from tests.chaos.run import Run
from tests.chaos.scale import SHORT, TEST_SECONDS, whole_only
from tests.chaos.world import free_port, listens, until

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(TEST_SECONDS)]

_SECONDS = 6 if SHORT else 40
_DISK_FULL = """
CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
DO $$ DECLARE t regclass; BEGIN
    FOR t IN SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace LOOP
        EXECUTE format('CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON %s
                        FOR EACH STATEMENT EXECUTE FUNCTION full_disk()', t);
    END LOOP;
END $$
"""
_OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = 'hcc'"


def _read_only(run: Run) -> None:
    run.servers.postgres.refuse_writes()


def _writable(run: Run) -> None:
    run.servers.postgres.take_writes()


def _switch(run: Run) -> None:
    """The new one waits: the address still leads to the old one, which takes no more writes."""
    assert run.pair
    run.pair.primary.refuse_writes()


def _switched(run: Run) -> None:
    assert run.pair
    run.pair.switch_over()


def _to_the_standby(run: Run) -> None:
    """The address is moved before the standby is promoted; the old one has kept its sessions."""
    assert run.pair
    run.pair.primary.refuse_writes()
    run.pair.standby.catch_up(run.pair.primary)
    run.pair.move_address()


def _promote(run: Run) -> None:
    assert run.pair
    run.pair.standby.promote()


def _vanish(run: Run) -> None:
    """Nothing is refused and nothing is reset: packets are lost, and the host is gone."""
    assert run.pair
    run.pair.silence()
    assert run.pair.primary.pid
    os.kill(run.pair.primary.pid, signal.SIGKILL)


def _another_host_has_it(run: Run) -> None:
    assert run.pair
    run.pair.standby.promote()
    run.pair.move_address()
    run.pair.speak()


def _fill_disk(run: Run) -> None:
    """As PostgreSQL says it: by every table, in every statement that would need room."""
    with run.services.ledger.begin() as tx:
        tx.execute(text(_DISK_FULL))


def _make_room(run: Run) -> None:
    run.change("DROP FUNCTION full_disk CASCADE")


REFUSALS = (
    Refusal("read-only", _read_only, _writable, "chỉ cho đọc"),
    Refusal("switched-over", _switch, _switched, "chỉ cho đọc", {"replicated": True}),
    Refusal("in-recovery", _to_the_standby, _promote, "chỉ cho đọc", {"replicated": True}),
    Refusal("vanished", _vanish, _another_host_has_it, "không kết nối được", {"replicated": True}),
    Refusal("disk-full", _fill_disk, _make_room, "hết chỗ trên đĩa"),
)


@pytest.mark.parametrize("refusal", some_of(REFUSALS, "switched-over"), ids=str)
def test_30_the_ledger_answers_and_refuses(begin: Begin, refusal: Refusal) -> None:
    """Incident 30: what cannot be written now is written when it can; `web` takes Zalo's events again, too."""
    run = begin(**refusal.begins)
    hook = start_web(run)
    play(run, refusal, _SECONDS)
    message = run.zalo.messages()[0]
    order = {"user_id": message["user_id"], "message_id": message["message_id"]}
    until(
        lambda: run.zalo.event("user_received_message", hook, **order)["statuses"] == [200],
        "an event to be taken",
        AGAIN_SECONDS,
    )


@whole_only
def test_30_the_ledger_lets_nobody_in_any_more(begin: Begin) -> None:
    """Incident 30: all sessions end, and others have taken every place."""
    held = ExitStack()

    def crowd(run: Run) -> None:
        held.enter_context(crowded(run))

    crowding = Refusal("crowded", crowd, lambda _: held.close(), "hết lượt kết nối")
    run = begin(replicated=True)  # the dossier database is another server
    with held:
        play(run, crowding, _SECONDS)


def _take_all(engine: Engine, stack: ExitStack) -> None:
    with suppress(DBAPIError):
        while True:
            stack.enter_context(engine.connect())


@contextmanager
def crowded(run: Run) -> Iterator[None]:
    """Take every connection that the ledger's server has to give."""
    assert run.pair
    engine = create_engine(run.pair.primary.url("postgres"), poolclass=NullPool)
    with ExitStack() as stack:
        with run.pair.primary.connected() as ours:
            ours.execute(text(_OTHERS))
            _take_all(engine, stack)
        _take_all(engine, stack)  # with the place that was ours until now
        yield


def start_web(run: Run) -> str:
    """Start `web`; returns where it takes Zalo's events."""
    port = free_port()
    run.start("web", f"hcc web --port {port}")
    run.until(lambda: listens(port), "the web process")
    return f"http://127.0.0.1:{port}/hooks/zalo"
