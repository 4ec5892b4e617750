"""The console's role in the ledger's database: what it may do, and the schema `console` for its own tables.

A search path in the session would be lost behind PgBouncer in transaction mode, so it is set on the role, and so is the
limit for statements. `role_statements` need a superuser; `set_up_console` needs the ledger's owner only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from sqlalchemy import Engine, make_url, text

from config.connections import CONSOLE_AT_ONCE
from ledger.base.engine import open_ledger

SCHEMA = "console"
ROLE = "hcc_console"
STATEMENT_SECONDS = 2.0
_WRITES: Mapping[str, str] = {
    "acts": "INSERT, UPDATE, DELETE",
    "act_notices": "INSERT, DELETE",
    "audit": "INSERT",
    "exports": "INSERT, UPDATE",
    "followers": "INSERT, UPDATE",
    "history": "INSERT",
    "keyring": "INSERT",
    "letters": "INSERT, UPDATE",
    "notices": "INSERT, UPDATE",
    "phone_claims": "INSERT, UPDATE",
    "receipts": "UPDATE, DELETE",
    "scans": "INSERT, UPDATE",
    "switches": "INSERT, UPDATE, DELETE",
    "unread_events": "UPDATE, DELETE",
    "unread_tries": "DELETE",
    "zalo_events": "UPDATE",
}
"""Table → what operators' verbs write into it, beyond reading."""

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")


def open_console_ledger(url: str) -> Engine:
    """The engine of the console: a small pool, short statements."""
    return open_ledger(url, name="hcc console", statement_seconds=STATEMENT_SECONDS, kept=CONSOLE_AT_ONCE, more=0)


def role_of(url: str) -> str:
    """The role of the console's URL. Raises `ValueError` if its name would have to be quoted in SQL."""
    name = make_url(url).username or ""
    if not _PLAIN.fullmatch(name):
        raise ValueError("the console's role needs a plain name of a-z, 0-9 and _")
    return name


def role_statements(role: str = ROLE) -> list[str]:
    """What a superuser runs once, after `CREATE ROLE`."""
    return [
        f"ALTER ROLE {role} SET search_path = {SCHEMA}, public",
        f"ALTER ROLE {role} SET statement_timeout = '{STATEMENT_SECONDS:.0f}s'",
        f"ALTER ROLE {role} SET lock_timeout = '{STATEMENT_SECONDS:.0f}s'",
        f"ALTER ROLE {role} SET idle_in_transaction_session_timeout = '10s'",
        f"ALTER ROLE {role} SET max_parallel_workers_per_gather = 0",  # one page takes one core at most
        f"ALTER ROLE {role} SET timezone = 'UTC'",
    ]


def grant_statements(role: str = ROLE) -> list[str]:
    """What the ledger's owner runs after each migration; each may be run again."""
    return [
        f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}",
        f"GRANT USAGE, CREATE ON SCHEMA {SCHEMA} TO {role}",
        f"GRANT USAGE ON SCHEMA public TO {role}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {role}",
        *(f"GRANT {rights} ON {table} TO {role}" for table, rights in _WRITES.items()),
    ]


def set_up_console(ledger: Engine, role: str) -> bool:
    """Make the schema and grant the console's role its rights; False if there is no such role."""
    with ledger.begin() as tx:
        if tx.execute(text("SELECT FROM pg_roles WHERE rolname = :role"), {"role": role}).first() is None:
            return False
        for statement in grant_statements(role):
            tx.execute(text(statement))
    return True


def finds_its_schema(console: Engine) -> bool:
    """Whether the console's role finds the schema `console` first; else its tables would go elsewhere."""
    with console.connect() as connection:
        return bool(connection.execute(text("SELECT current_schema()")).scalar_one() == SCHEMA)
