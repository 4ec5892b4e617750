"""Creates years of old dossiers in minutes, on the server itself (`fill.sql`); the same seed gives the same rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import pairwise
from pathlib import Path

from sqlalchemy import Engine, create_engine, text

from sandbox.dossiers.living import create_schema

PER_DAY = 3_000  # dossiers filed on a working day in a province of 1.6 million people
UNTIL = datetime(2026, 1, 1)  # noqa: DTZ001 (local and naive, as the dossier database keeps it)

TABLES = ("ho_so", "qua_trinh_xu_ly", "yeu_cau_thanh_toan")  # each is made from the one before
_HANDS = 2  # connections that write concurrently
_SQL = Path(__file__).with_name("fill.sql")

# Recovers the number of a dossier from its day and its place in the day.
_NUMBERED = """
    SELECT *, (:days - (CAST(:until AS date) - ngay_nop::date)) * :per_day
              + CAST(split_part(ma_ho_so, '-', 3) AS bigint) AS n
    FROM ho_so
    WHERE ngay_nop >= CAST(:until AS timestamp) - make_interval(days => :days - CAST(:first AS int) + 1)
      AND ngay_nop < CAST(:until AS timestamp) - make_interval(days => :days - CAST(:last AS int))
"""


@dataclass(frozen=True, slots=True)
class Past:
    """`count` dossiers filed on the days before `until`, `per_day` each day; the last day may have fewer."""

    count: int
    seed: int = 1
    until: datetime = UNTIL
    per_day: int = PER_DAY

    @property
    def days(self) -> int:
        return -(-self.count // self.per_day)

    def ranges(self, hands: int) -> Iterator[dict[str, object]]:
        """The parameters of the statements, with the days divided into `hands` ranges."""
        cuts = [self.days * hand // hands for hand in range(hands + 1)]
        for first, last in pairwise(cuts):
            yield {
                "count": self.count, "seed": self.seed, "until": self.until, "per_day": self.per_day,
                "days": self.days, "first": first + 1, "last": last,
            }  # fmt: skip


def fill(url: str, past: Past, tell: Callable[[str], None] = lambda _: None) -> None:
    """Fill an empty dossier database; `tell` receives the progress. Takes some 15 s per million on two cores."""
    create_schema(url)
    engine = create_engine(url, connect_args={"options": "-c synchronous_commit=off -c maintenance_work_mem=256MB"})
    try:
        with _without_indexes(engine, tell):
            for table in TABLES:
                tell(f"{table}: rows")
                _write(engine, _statements()[table], past)
        tell("statistics")
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"VACUUM (ANALYZE) {', '.join(TABLES)}")
    finally:
        engine.dispose()


@cache
def _statements() -> dict[str, str]:
    """The statements of fill.sql by name."""
    parts = re.split(r"^-- name: (\w+)\n", _SQL.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {name: sql.replace("{numbered}", _NUMBERED) for name, sql in zip(parts[::2], parts[1::2], strict=True)}


def _write(engine: Engine, sql: str, past: Past) -> None:
    def run(parameters: dict[str, object]) -> None:
        with engine.begin() as tx:
            tx.execute(text(sql), parameters)

    with ThreadPoolExecutor(_HANDS) as hands:
        list(hands.map(run, past.ranges(_HANDS)))


@contextmanager
def _without_indexes(engine: Engine, tell: Callable[[str], None]) -> Iterator[None]:
    """Drop keys and indexes during the block and rebuild them afterwards.

    Filling a B-tree in random order would take far longer than writing the rows.
    """
    with engine.begin() as tx:
        constraints = tx.exec_driver_sql("""
            SELECT conrelid::regclass AS "table", conname AS name, pg_get_constraintdef(oid) AS definition
            FROM pg_constraint WHERE contype IN ('p', 'f') AND connamespace = 'public'::regnamespace
            ORDER BY contype DESC""").all()
        indexes = tx.exec_driver_sql("""
            SELECT i.indexrelid::regclass AS name, pg_get_indexdef(i.indexrelid) AS definition
            FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
            WHERE NOT i.indisprimary AND c.relnamespace = 'public'::regnamespace""").all()
        for one in sorted(constraints, key=lambda one: not one.definition.startswith("FOREIGN")):
            tx.exec_driver_sql(f"ALTER TABLE {one.table} DROP CONSTRAINT {one.name}")
        for one in indexes:
            tx.exec_driver_sql(f"DROP INDEX {one.name}")
    yield
    again = [f"ALTER TABLE {one.table} ADD CONSTRAINT {one.name} {one.definition}" for one in constraints]
    _build(engine, [*again, *(one.definition for one in indexes)], tell)
    with engine.begin() as tx:
        for table in TABLES[1:]:
            sql = f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"  # noqa: S608 (names of our own)
            tx.exec_driver_sql(sql)


def _build(engine: Engine, statements: Sequence[str], tell: Callable[[str], None]) -> None:
    """Build keys and indexes in this order: primary keys before the foreign keys that need them."""
    for statement in statements:
        tell(statement)
        with engine.begin() as tx:
            tx.exec_driver_sql(statement)
