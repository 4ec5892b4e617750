"""A ledger that refuses, falls silent or changes its server: its sessions are given up, and work goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError

from ledger.base.away import LedgerAway, is_of_one_statement, why_away
from ledger.base.engine import open_ledger
from ledger.base.overdue import Overdue
from sandbox.network import Forwarder
from sandbox.servers import Replicated

REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no' USING ERRCODE = '{state}'; END $$;
CREATE TRIGGER refuses BEFORE INSERT ON refusing FOR EACH STATEMENT EXECUTE FUNCTION refuse();
"""


def sessions(engine: Engine) -> set[int]:
    """The server processes behind two connections at once."""
    with engine.connect() as one, engine.connect() as other:
        return {each.execute(text("SELECT pg_backend_pid()")).scalar_one() for each in (one, other)}


@pytest.fixture
def refusing(ledger: Engine) -> Engine:
    with ledger.begin() as tx:
        tx.execute(text("CREATE TABLE refusing (number int UNIQUE)"))
    return ledger


@pytest.mark.parametrize("state", ["25006", "53100", "53200", "53300", "57P01", "57P03", "08006", "58030"])
def test_a_refusal_that_means_not_now_is_the_ledger_away_and_gives_all_sessions_up(
    refusing: Engine, state: str
) -> None:
    """Whatever class the driver has for it (25006 is an "internal error" there)."""
    with refusing.begin() as tx:
        tx.execute(text(REFUSE.format(state=state)))
    before = sessions(refusing)
    with pytest.raises(LedgerAway) as caught, refusing.begin() as tx:
        tx.execute(text("INSERT INTO refusing VALUES (1)"))
    assert state in why_away(caught.value)
    assert not before & sessions(refusing)


@pytest.mark.parametrize("state", ["55P03", "40001", "40P01", "57014"])
def test_a_statement_that_had_no_luck_is_one_statement_and_its_session_is_kept(refusing: Engine, state: str) -> None:
    """A deadlock or a wait for a lock that took too long."""
    with refusing.begin() as tx:
        tx.execute(text(REFUSE.format(state=state)))
    before = sessions(refusing)
    with pytest.raises(OperationalError) as caught, refusing.begin() as tx:
        tx.execute(text("INSERT INTO refusing VALUES (1)"))
    assert is_of_one_statement(caught.value)
    assert before == sessions(refusing)


def test_a_fault_of_a_statement_is_not_taken_for_absence(refusing: Engine) -> None:
    """Neither a table that is not there nor a value that does not fit."""
    before = sessions(refusing)
    for statement in ("SELECT * FROM nowhere", "INSERT INTO refusing VALUES (1), (1)", "SELECT 1/0"):
        with pytest.raises(DBAPIError) as caught, refusing.begin() as tx:
            tx.execute(text(statement))
        assert not isinstance(caught.value, LedgerAway)
    assert before == sessions(refusing)
    with pytest.raises(ProgrammingError), refusing.connect() as connection:
        connection.execute(text("SELECT * FROM nowhere"))


def test_nobody_there_is_the_ledger_away(ledger_url: str) -> None:
    """Also where it is refused at the door: no such database."""
    for url in ("postgresql+psycopg2://hcc@127.0.0.1:1/hcc", ledger_url + "-that-is-not-there"):
        engine = open_ledger(url)
        with pytest.raises(LedgerAway), engine.connect():
            pass


def test_after_a_switch_over_sessions_of_the_old_server_are_left_for_reading_too(tmp_path: Path) -> None:
    """It stays up, read-only, and keeps its sessions: what it says is old from now on."""
    with Replicated(tmp_path) as pair:
        pair.primary.create_database("hcc")
        engine = open_ledger(pair.url("hcc"))
        with engine.begin() as tx:
            tx.execute(text("CREATE TABLE kept AS SELECT 1 AS number"))
        with engine.connect() as one, engine.connect() as other:
            one.execute(text("SELECT 1"))
            other.execute(text("SELECT 1"))
        pair.switch_over()
        with pytest.raises(LedgerAway, match="read-only"), engine.begin() as tx:
            tx.execute(text("INSERT INTO kept VALUES (2)"))
        with engine.begin() as tx:  # at once, on the new one
            tx.execute(text("INSERT INTO kept VALUES (2)"))
        reader = open_ledger(pair.url("hcc"))
        with reader.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM kept")).scalar_one() == 2
        engine.dispose()
        reader.dispose()


def test_who_only_reads_notices_within_a_moment_that_a_session_cannot_write(tmp_path: Path) -> None:
    """Words are judged by what the ledger says at the moment at which they leave."""
    with Replicated(tmp_path) as pair:
        pair.primary.create_database("hcc")
        engine = open_ledger(pair.url("hcc"))
        with engine.begin() as tx:
            tx.execute(text("CREATE TABLE kept AS SELECT 1 AS number"))
        pair.switch_over()
        writer = open_ledger(pair.url("hcc"))
        with writer.begin() as tx:
            tx.execute(text("INSERT INTO kept VALUES (2)"))
        end, seen = time.monotonic() + 5, 1
        while seen == 1 and time.monotonic() < end:
            with engine.connect() as connection:
                seen = connection.execute(text("SELECT count(*) FROM kept")).scalar_one()
        assert seen == 2
        engine.dispose()
        writer.dispose()


@pytest.fixture
def silenced(ledger_url: str) -> Iterator[tuple[Forwarder, Engine]]:
    """The ledger behind a network that can fall silent; a statement may take one second."""
    real = make_url(ledger_url)
    with Forwarder(real.port or 0) as network:
        behind = real.set(port=network.port).render_as_string(hide_password=False)
        engine = open_ledger(behind, statement_seconds=1.0)
        yield network, engine
        engine.dispose()


def test_a_server_that_falls_silent_holds_nobody_for_good(silenced: tuple[Forwarder, Engine]) -> None:
    """Its kernel answers for it, so no time-out of TCP helps; and when it speaks again, work goes on."""
    network, engine = silenced
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        network.silence()
        began = time.monotonic()
        with pytest.raises(LedgerAway):
            connection.execute(text("SELECT 1"))
        assert 5.0 < time.monotonic() - began < 12.0
    network.speak()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


def test_an_answer_that_is_overdue_is_cut_and_one_that_is_not_is_waited_for(ledger_url: str) -> None:
    """By the socket under the driver."""
    waits, dsn = Overdue(), ledger_url.replace("+psycopg2", "")
    with closing(psycopg2.connect(dsn)) as late, closing(psycopg2.connect(dsn)) as patient:
        waits.begin(late, 0.2)
        ticket = waits.begin(patient, 60.0)
        cut = threading.Timer(0.4, waits.cut)
        cut.start()
        with pytest.raises(psycopg2.OperationalError), late.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(30)")
        cut.join()
        waits.end(ticket)
        with patient.cursor() as cursor:
            cursor.execute("SELECT 1")
