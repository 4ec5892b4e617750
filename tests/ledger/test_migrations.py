"""The migrations make what the code reads, once, whoever runs them."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, inspect, text

from ledger.archive import archive, partitions
from ledger.base.engine import open_ledger
from ledger.base.tables import metadata
from ledger.base.tables.notices import notices, notices_past
from ledger.migrate import migrate, missing, newest
from ledger.people import follows
from ledger.reports import reports
from sandbox.servers import Servers


def test_the_migrated_ledger_is_what_the_tables_say(ledger: Engine) -> None:
    """A column, an index or a constraint that only one of the two knows is found here."""
    with ledger.connect() as connection:
        own = {name for table in partitions.MONTHLY for name in _parts(connection, table)}
        context = MigrationContext.configure(connection, opts={"include_name": lambda name, *_: name not in own})
        assert compare_metadata(context, metadata) == []


def test_the_months_of_a_table_are_the_coming_ones_and_one_for_all_the_rest(ledger: Engine) -> None:
    """The parts are left out above: PostgreSQL gives them the columns and the indexes of their table."""
    with ledger.connect() as connection:
        coming = [f"{month:%Y_%m}" for month in partitions.coming(datetime.now(UTC))]
        for table in ("attempts", "history"):
            assert _parts(connection, table) == sorted(f"{table}_{part}" for part in (*coming, "default"))
        assert _parts(connection, "notices_past") == ["notices_past_default"]


def test_the_past_has_the_columns_of_the_notices_and_so_has_the_view_of_both(ledger: Engine) -> None:
    """In the same order: rows go from the one to the other as they are."""
    assert [column.name for column in notices_past.c] == [column.name for column in notices.c]
    look = inspect(ledger)
    names = [column["name"] for column in look.get_columns("notices")]
    assert [column["name"] for column in look.get_columns("notices_past")] == names
    assert [column["name"] for column in look.get_columns("notices_ever")] == names


def test_a_ledger_with_rows_goes_on_where_it_was(servers: Servers) -> None:
    """What was there is found as before, numbers go on, and the statements of the version before still work."""
    servers.create_database("with_rows")
    engine = open_ledger(servers.database_url("with_rows"))
    migrate(engine, to="0007")
    with engine.begin() as tx:
        tx.execute(text(_OLD_ROWS))
    migrate(engine)
    with engine.begin() as tx:
        told = reports.dossier(tx, "oa", "OLD")
        assert [(notice["state"], notice["text"]) for notice in told] == [("sent", "words")]
        assert [step["to"] for step in told[0]["history"]] == ["due", "sending", "sent"]
        assert [attempt["ms"] for attempt in told[0]["attempts"]] == [52]
        ids = list(tx.execute(text(_OLD_STATEMENTS)).scalars())
        assert ids == [4]
        assert tx.execute(text("SELECT max(id) FROM attempts")).scalar_one() == 2
        assert (
            tx.execute(text("SELECT tableoid::regclass::text FROM history WHERE id = 4")).scalar_one()
            == "history_first"
        )
        until = partitions.parts(tx, "history")[0].until
        assert until == partitions.months_on(partitions.month_of(datetime.now(UTC)), 2)
        assert archive.ready(tx) == ([], [])
    engine.dispose()


_OLD_ROWS = """
INSERT INTO notices (oa, event_key, code, kind, rank, facts, state, event_at, fresh_at, recorded_at, due_at, text)
VALUES ('oa', 'OLD/accepted/1', 'OLD', 'accepted', 1, '{}', 'sent', now(), now(), now(), now(), 'words');
INSERT INTO history (notice_id, at, before, after, by)
SELECT 1, now() - interval '2 years' * (3 - n), CASE n WHEN 2 THEN 'due' WHEN 3 THEN 'sending' END,
       CASE n WHEN 1 THEN 'due' WHEN 2 THEN 'sending' ELSE 'sent' END, 'test' FROM generate_series(1, 3) AS n;
INSERT INTO attempts (notice_id, at, channel, outcome, code, ms) VALUES (1, now(), 'zalo_cs', 'sent', 0, 52);
"""
_OLD_STATEMENTS = """
WITH tried AS (
    INSERT INTO attempts (notice_id, at, channel, outcome, code, ms, dong)
    VALUES (1, now(), 'zalo_cs', 'sent', 0, 52, 0)
)
INSERT INTO history (notice_id, at, before, after, why, by) VALUES (1, now(), 'sent', 'seen', NULL, 'zalo') RETURNING id
"""


def test_workers_of_the_version_before_go_on_with_the_inbox_of_this_one(ledger: Engine) -> None:
    """Their statements, as they stand there: recorded, applied or set aside, followed, purged, beside what is kept."""
    with ledger.begin() as tx:
        for statement in _OLD_INBOX:
            tx.execute(text(statement))
        assert tx.execute(text("SELECT name, fault FROM zalo_events")).all() == [("follow", "SealError")]
        assert tx.execute(text("SELECT count(*) FROM unread_events")).scalar_one() == 0
        assert tx.execute(text("SELECT follows, reached_at FROM followers")).all() == [(True, None)]
        came = [follows.Follower(1, None, False)]
        later = {"u": (datetime(2024, 2, 19, tzinfo=UTC), 7, False)}
        assert follows.set_follows(tx, "oa", later) == came, "what an old one wrote of this moment came before"


_OLD_INBOX = (
    """INSERT INTO zalo_events (oa, key, name, word, at, received_at, sealed, applied_at)
       SELECT 'oa', key, 'follow', 'followed', now(), clock_timestamp() - days * interval '1 day', 's', NULL
       FROM (VALUES ('a'::bytea, 0), ('b', 31)) AS w (key, days)
       ON CONFLICT ON CONSTRAINT zalo_events_oa_key DO NOTHING RETURNING key""",
    "UPDATE zalo_events SET applied_at = clock_timestamp(), sealed = NULL, fault = 'SealError'",
    """INSERT INTO unread_events (event_id, oa, received_at, sealed, fault)
       SELECT id, oa, received_at, 's', fault FROM zalo_events WHERE key = 'b'""",
    "INSERT INTO unread_tries (event_id, ability, faults, at) SELECT event_id, 'a', 1, now() FROM unread_events",
    """DELETE FROM zalo_events WHERE id IN (
           SELECT id FROM (SELECT id, received_at, applied_at FROM zalo_events ORDER BY id LIMIT 1000) AS oldest
           WHERE applied_at IS NOT NULL AND received_at < clock_timestamp() - make_interval(days => 30))""",
    """INSERT INTO followers (oa, user_id, follows, follow_at) VALUES ('oa', 'u', true, '2024-02-19 00:00Z')
       ON CONFLICT ON CONSTRAINT followers_oa_user_id DO UPDATE
       SET follows = EXCLUDED.follows, follow_at = EXCLUDED.follow_at
       WHERE followers.follow_at IS NULL OR followers.follow_at < EXCLUDED.follow_at
       RETURNING id, person_id, follows""",
)


def _parts(connection: Connection, table: str) -> list[str]:
    query = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = CAST(:t AS regclass) ORDER BY 1"
    return list(connection.execute(text(query), {"t": table}).scalars())


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


def test_a_look_for_missing_migrations_writes_no_line(ledger_url: str) -> None:
    """`web` looks every half minute; what `hcc migrate` did, it says itself."""
    program = (
        "import sys; from config.logs import set_up_logs; set_up_logs('INFO')\n"
        "from ledger.base.engine import open_ledger; from ledger.migrate import missing\n"
        "print(missing(open_ledger(sys.argv[1])))"
    )
    done = subprocess.run([sys.executable, "-c", program, ledger_url], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")
