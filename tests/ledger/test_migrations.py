"""The migrations make what the code reads, once, whoever runs them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, text

from sandbox.servers import Servers
from worker.ledger.engine import open_ledger
from worker.ledger.migrate import migrate, missing, newest
from worker.ledger.tables import metadata


def test_the_migrated_ledger_is_what_the_tables_say(ledger: Engine) -> None:
    """A column, an index or a constraint that only one of the two knows is found here."""
    with ledger.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_processes_that_migrate_at_once_do_no_harm(servers: Servers) -> None:
    """`hcc migrate` and several starting workers wait for each other."""
    servers.create_database("migrated_at_once")
    engine = open_ledger(servers.database_url("migrated_at_once"))
    with ThreadPoolExecutor(3) as pool:
        ends = {after for _, after in pool.map(lambda _: migrate(engine), range(3))}
    assert ends == {newest()}
    engine.dispose()


def test_an_empty_ledger_lacks_every_migration_and_a_newer_one_lacks_none(servers: Servers, ledger: Engine) -> None:
    """Incident 10: workers of the previous version go on with a ledger that is newer than they are."""
    servers.create_database("empty")
    empty = open_ledger(servers.database_url("empty"))
    assert missing(empty)[-1] == newest()
    empty.dispose()
    assert missing(ledger) == []
    with ledger.begin() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = 'from_the_future'"))
    assert missing(ledger) == []
