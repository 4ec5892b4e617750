"""The rivals' ledger: the minimum for the same durability, so that no table of ours slows them down."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

import psycopg2
from psycopg2.extras import execute_values

from benchmarks.rivals.plan import user_of, words_of

DATABASE = os.environ.get("RIVAL_DATABASE", "")  # postgresql://…
REDIS = os.environ.get("RIVAL_REDIS", "")
ZALO = os.environ.get("RIVAL_ZALO", "")
ROOM = int(os.environ.get("RIVAL_ROOM", "1"))
TIMEOUT_SECONDS = 10

SCHEMA = """
CREATE TABLE rival_notices (
    id bigint PRIMARY KEY, user_id text NOT NULL, words text NOT NULL, state text NOT NULL DEFAULT 'due',
    lease text, lease_until timestamptz, message_id text
) WITH (fillfactor = 70);
CREATE TABLE rival_attempts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, notice_id bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(), outcome text NOT NULL, ms integer NOT NULL
)"""

# The statements for rivals that use plain SQL, in psycopg2's syntax; each is a separate transaction.
CLAIM = """
UPDATE rival_notices SET state = 'sending', lease = %(lease)s, lease_until = now() + interval '60 seconds'
WHERE id = %(id)s AND state = 'due' RETURNING user_id, words"""
SETTLE = """
WITH settled AS (
    UPDATE rival_notices SET state = 'sent', message_id = %(message_id)s WHERE id = %(id)s AND lease = %(lease)s
    RETURNING id)
INSERT INTO rival_attempts (notice_id, outcome, ms) SELECT id, 'sent', %(ms)s FROM settled"""


def create(database: str) -> None:
    """Create the two tables, empty."""
    with psycopg2.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute(SCHEMA)
    connection.close()


def insert(database: str, numbers: Iterable[int]) -> None:
    """Insert due notices, in one transaction."""
    rows: Sequence[tuple[int, str, str]] = [(number, user_of(number), words_of(number)) for number in numbers]
    with psycopg2.connect(database) as connection, connection.cursor() as cursor:
        execute_values(cursor, "INSERT INTO rival_notices (id, user_id, words) VALUES %s", rows, page_size=5000)
    connection.close()


def done(database: str) -> tuple[int, int]:
    """How many notices have the state `sent`, and how many attempts have the outcome `sent`."""
    with psycopg2.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM rival_notices WHERE state = 'sent'), "
            "(SELECT count(*) FROM rival_attempts WHERE outcome = 'sent')"
        )
        notices, attempts = cursor.fetchone()
    connection.close()
    return notices, attempts
