"""The ledger behind PgBouncer in transaction mode, with fewer servers' connections than we have clients."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest
from sqlalchemy import Engine, make_url, text

from ledger.base.capacity import room
from ledger.base.engine import open_ledger
from ledger.migrate import migrate, missing, newest
from sandbox.servers import Servers
from tests.journeys.conftest import World, by_person, until
from tests.scaling.pgbouncer import ABSENT, pgbouncer

pytestmark = pytest.mark.skipif(bool(ABSENT), reason=ABSENT)

_BOUNDS = "SELECT current_setting('timezone'), current_setting('statement_timeout'), current_setting('lock_timeout')"
_OURS = ("UTC", "30s", "10s")


@pytest.fixture
def narrow(ledger_url: str) -> Iterator[Engine]:
    """The ledger behind one single connection."""
    with pgbouncer(ledger_url, pool_size=1) as url:
        engine = open_ledger(url)
        yield engine
        engine.dispose()


@pytest.mark.journey
def test_the_whole_path_runs_behind_it(world: World) -> None:
    """Record, claim, settle, sweep, and a token renewed under its row's lock: two workers on two connections."""
    for number in range(30):
        world.follow(number)
    with pgbouncer(world.environment["HCC_DATABASE_URL"], pool_size=2) as url:
        processes = world.start("worker", "beat", database_url=url)
        processes.start("second", "celery -A worker.app worker -n second@%h --loglevel INFO")
        for number in range(15):
            world.accept(number)
        world.messages(15)
        world.zalo.expire_tokens()
        for number in range(15, 30):
            world.accept(number)
        world.messages(30)
        until(lambda: set(world.states().values()) == {"sent"}, "all to be settled", world=world)
        assert all(len(texts) == 1 for texts in by_person(world.zalo.messages()).values())
        assert world.rows("SELECT version, dead_because FROM credentials") == [(2, None)]
        logs = "".join(processes.log(name).read_text() for name in ("worker", "second"))
        assert "put off" not in logs


def test_every_transaction_has_its_bounds_and_leaves_none_behind(narrow: Engine) -> None:
    """Whichever statement comes first; and the next client of that connection finds it as the server made it."""
    with narrow.begin() as tx:
        assert tx.execute(text(_BOUNDS)).one() == _OURS
    with narrow.connect().execution_options(isolation_level="AUTOCOMMIT") as alone:
        assert alone.execute(text(_BOUNDS)).one() == _OURS
    with narrow.begin() as tx:
        assert tx.execution_options(yield_per=1).execute(text(_BOUNDS)).one() == _OURS
    with narrow.begin() as tx:
        tx.execute(text("UPDATE cursors SET feed = feed WHERE feed = :feed"), [{"feed": "1"}, {"feed": "2"}])
        assert tx.execute(text(_BOUNDS)).one() == _OURS
    with narrow.begin() as tx:
        assert room(tx).pooled
    url = make_url(str(narrow.url.render_as_string(hide_password=False)))
    other = psycopg2.connect(
        host=url.host, port=url.port, user=url.username, password=url.password, dbname=url.database
    )
    with other, other.cursor() as cursor:
        cursor.execute(_BOUNDS)
        assert cursor.fetchone()[1:] == ("0", "0")
    other.close()


def test_migrations_take_turns_behind_it(servers: Servers) -> None:
    """Three processes at once; a lock of the session would be left on a connection that somebody else gets."""
    servers.create_database("migrated_behind")
    with pgbouncer(servers.database_url("migrated_behind"), pool_size=4) as url:
        engines = [open_ledger(url) for _ in range(3)]
        with ThreadPoolExecutor(3) as hands:
            assert {after for _, after in hands.map(migrate, engines)} == {newest()}
        assert missing(engines[0]) == []
        with engines[0].connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")).scalar() == 0
        for engine in engines:
            engine.dispose()
    servers.drop_database("migrated_behind")
