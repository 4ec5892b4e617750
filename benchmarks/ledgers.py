"""Creates the ledgers that `benchmarks.ledger` compares: several layouts, filled with finished notices of two years."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, create_engine, text

from benchmarks.world import OA, World, tell
from ledger.archive import partitions
from ledger.archive.archive import AT_HAND
from ledger.base.engine import open_ledger
from ledger.base.sealing import Sealer
from ledger.migrate import migrate

PEOPLE = 100_000  # submitters; in a province few people get many notices
YEARS = 2
_CHUNK = 1_000_000
_DAYS = YEARS * 365


def _one_table(tx: Connection) -> None:
    """The former layout: all notices stay in `notices` for ever, with foreign keys to it."""
    for table in ("attempts", "history"):
        tx.execute(text(f"ALTER TABLE {table} ADD FOREIGN KEY (notice_id) REFERENCES notices"))
    tx.execute(text("CREATE VIEW notices_ever AS SELECT * FROM notices"))
    tx.execute(text("CREATE TABLE notices_past (LIKE notices)"))  # stays empty


def _as_migrated(_: Connection) -> None:
    """Partition attempts and history by month, as migrated; the fill decides where old notices are stored."""


def _divided(tx: Connection) -> None:
    """Partition `notices` by month too. Each key must contain the month, which a notice's id does not reveal."""
    indexes = text("SELECT indexdef FROM pg_indexes WHERE tablename = 'notices' AND indexdef NOT LIKE '%UNIQUE%'")
    definitions = list(tx.execute(indexes).scalars())
    tx.execute(text("DROP VIEW notices_ever"))
    tx.execute(text("DROP TABLE notices"))
    columns = text("""
        CREATE TABLE notices (LIKE notices_past, PRIMARY KEY (id, recorded_at),
                              CONSTRAINT notices_oa_event_key UNIQUE (oa, event_key, recorded_at))
        PARTITION BY RANGE (recorded_at)""")
    tx.execute(columns)
    tx.execute(text("ALTER TABLE notices ALTER id ADD GENERATED ALWAYS AS IDENTITY, ALTER attempts SET DEFAULT 0"))
    tx.execute(text("ALTER TABLE notices ALTER lane SET DEFAULT 1, ALTER said_no SET DEFAULT '{}'"))
    tx.execute(text("CREATE VIEW notices_ever AS SELECT * FROM notices"))
    for month in _two_years():
        until = partitions.months_on(month, 1)
        tx.execute(
            text(f"CREATE TABLE notices_{month:%Y_%m} PARTITION OF notices FOR VALUES FROM (:since) TO (:until)"),
            {"since": month, "until": until},
        )
    for definition in definitions:
        tx.execute(text(definition))


DIVIDED = "notices by month"
LAYOUTS: dict[str, tuple[str | None, Callable[[Connection], None]]] = {
    "one table": ("0008", _one_table),
    "months": (None, _as_migrated),
    "months and a past": (None, _as_migrated),
    DIVIDED: (None, _divided),
}
"""For each layout, the last migration to run (None: all) and the step after it."""
UP_TO = {"months": 5_000_000, DIVIDED: 0}
"""The largest size of a layout. A partitioned table shows its cost while empty.

Three layouts of 20 M together would fill most disks.
"""

_SECRET = ["a-key-for-benchmarks-only-0123456789"]


def ledger(made: World, layout: str, count: int) -> str:
    """Create a ledger of this layout with `count` finished notices; returns its URL."""
    tell(f"{layout}: filling {count:,} finished notices")
    name = _name(layout, count)
    drop(made, layout, count)
    made.servers.create_database(name)
    engine = create_engine(made.servers.database_url(name), connect_args={"options": "-c synchronous_commit=off"})
    revision, shape = LAYOUTS[layout]
    migrate(engine, to=revision)
    with engine.begin() as tx:
        shape(tx)
        _people(tx)
    _fill(engine, layout, count)
    engine.dispose()
    return made.servers.database_url(name)


def drop(made: World, layout: str, count: int) -> None:
    """Drop this ledger to free its disk space."""
    made.servers.drop_database(_name(layout, count))


def _name(layout: str, count: int) -> str:
    return f"ledger_{layout.replace(' ', '_')}_{count}"


def sealer() -> Sealer:
    return Sealer(_SECRET)


def open_for_bench(url: str) -> Engine:
    return open_ledger(url, name="hcc bench")


def _two_years() -> list[datetime]:
    this = partitions.month_of(datetime.now(UTC))
    return [partitions.months_on(this, ahead) for ahead in range(-12 * YEARS, 3)]


def _people(tx: Connection) -> None:
    values = {"oa": OA, "number": PEOPLE}
    tx.execute(
        text("""
            INSERT INTO people (oa, phone_hash, phone_sealed, created_at)
            SELECT :oa, sha256(convert_to(i::text, 'UTF8')), sha256(convert_to(i::text, 'UTF8')), now()
            FROM generate_series(1, :number) AS i"""),
        values,
    )
    tx.execute(
        text("""
            INSERT INTO followers (oa, user_id, person_id, follows, last_interaction_at)
            SELECT :oa, (1000000000000000000 + id * 7919)::text, id, true, now() FROM people"""),
        values,
    )


_COLUMNS = """oa, event_key, code, kind, rank, lane, unit, facts, person_id, state, event_at, fresh_at, recorded_at,
    due_at, attempts, channel, code_received, message_id, text, said_no"""
_NOTICES = f"""
INSERT INTO {{table}} ({{id}}{_COLUMNS})
SELECT {{number}}:oa, code || '/' || kind || '/1', code, kind, rank, 1, 'H27.' || i / 3 % 90,
       jsonb_build_object('appointment_at', at), 1 + abs(hashint8(i / 3)) % :people, 'seen', at, at, at, at,
       1, 'zalo_cs', 0, substr(md5(i::text), 1, 20), {{words}}, '{{{{}}}}'
FROM generate_series(CAST(:first AS bigint), :last) AS i
CROSS JOIN LATERAL (SELECT now() - (1 - i / CAST(:count AS float8)) * interval '{_DAYS} days' AS at,
                           'H27.' || i / 3 % 90 || '-' || i / 3 AS code) AS d
JOIN (VALUES (0, 'accepted', 1), (1, 'fee_requested', 2), (2, 'result_ready', 9)) AS k (n, kind, rank) ON k.n = i % 3
"""
_WORDS = "'Hệ thống giải quyết TTHC tỉnh Hà Tĩnh đã tiếp nhận hồ sơ ' || code || '. Ngày hẹn trả: sau 9 giờ 9 phút'"
_KEYS = """
INSERT INTO baseline (oa, key_hash) SELECT :oa, hashint8extended(i, 0)
FROM generate_series(CAST(:first AS bigint), :last) AS i ON CONFLICT DO NOTHING
"""
_HISTORY = f"""
INSERT INTO history (notice_id, at, before, after, by)
SELECT i, now() - (1 - i / CAST(:count AS float8)) * interval '{_DAYS} days', before, after, 'worker host/1234'
FROM generate_series(CAST(:first AS bigint), :last) AS i,
     (VALUES (NULL, 'due'), ('due', 'sending'), ('sending', 'sent')) AS m (before, after)
"""
_ATTEMPTS = f"""
INSERT INTO attempts (notice_id, at, channel, outcome, code, ms)
SELECT i, now() - (1 - i / CAST(:count AS float8)) * interval '{_DAYS} days', 'zalo_cs', 'sent', 0, 52
FROM generate_series(CAST(:first AS bigint), :last) AS i
"""


def _fill(engine: Engine, layout: str, count: int) -> None:
    """Insert oldest first, as in production; indexes that enforce no constraint are created afterwards."""
    monthly = layout != "one table"
    with engine.begin() as tx:
        for table in ("attempts", "history") if monthly else ():
            partitions.make(tx, table, _two_years())
        if layout == "months and a past":
            partitions.make(tx, "notices_past", _two_years())
        later = _drop_indexes(tx) if count else []
    past = int(count * (1 - AT_HAND.days / _DAYS)) if layout == "months and a past" else 0
    for first in range(1, count + 1, _CHUNK):
        last = min(first + _CHUNK - 1, count)
        values = {"oa": OA, "count": count, "people": PEOPLE}
        with engine.begin() as tx:
            if first <= past:
                old = values | {"first": first, "last": min(last, past)}
                tx.execute(text(_of("notices_past", "id, ", "i, ", "NULL")), old)
                tx.execute(text(_KEYS), old)
            if last > past:
                young = values | {"first": max(first, past + 1), "last": last}
                tx.execute(text(_of("notices", "id, ", "i, ", _WORDS)), young)
            for statement in (_HISTORY, _ATTEMPTS):
                tx.execute(text(statement), values | {"first": first, "last": last})
        tell(f"{layout}: {last:,} of {count:,}")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for definition in later:
            connection.execute(text(definition))
        if count:
            setval = "SELECT setval(pg_get_serial_sequence('notices', 'id'), :count)"
            connection.execute(text(setval), {"count": count})
        connection.execute(text("VACUUM ANALYZE"))


def _of(table: str, id_: str, number: str, words: str) -> str:
    statement = _NOTICES.format(table=table, id=id_, number=number, words=words)
    return statement.replace("SELECT i, ", "OVERRIDING SYSTEM VALUE SELECT i, ") if table == "notices" else statement


def _drop_indexes(tx: Connection) -> list[str]:
    """Drop the non-unique indexes of `notices` before the fill; returns the statements that recreate them."""
    query = text("""
        SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS made FROM pg_index i
        JOIN pg_class c ON c.oid = i.indrelid
        WHERE c.relname = 'notices' AND c.relkind = 'r' AND NOT i.indisunique""")
    found = tx.execute(query).all()
    for row in found:
        tx.execute(text(f"DROP INDEX {row.name}"))
    return [row.made for row in found]
