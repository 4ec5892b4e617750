"""A ledger whose clock a test sets: real PostgreSQL, whose functions of time are shadowed in this database alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import Engine, make_url, text

from config.oas import Oa
from config.settings import Settings
from worker.services.bootstrap import Services
from worker.services.deployment import Deployment

OA = "4024926008133882615"

_SHADOWS = """
CREATE SCHEMA shifted;
CREATE TABLE shifted.clock (ahead interval NOT NULL);
INSERT INTO shifted.clock VALUES ('0');
CREATE FUNCTION shifted.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
    AS 'SELECT pg_catalog.clock_timestamp() + ahead FROM shifted.clock';
CREATE FUNCTION shifted.statement_timestamp() RETURNS timestamptz LANGUAGE sql STABLE
    AS 'SELECT pg_catalog.statement_timestamp() + ahead FROM shifted.clock';
CREATE FUNCTION shifted.now() RETURNS timestamptz LANGUAGE sql STABLE
    AS 'SELECT pg_catalog.now() + ahead FROM shifted.clock';
"""


@dataclass(frozen=True)
class LedgersClock:
    """The clock of one ledger."""

    engine: Engine

    def set_ahead(self, **units: float) -> None:
        """From now on it shows this much more than the true time (timedelta's units; negative: less)."""
        length = " ".join(f"{number} {unit}" for unit, number in units.items()) or "0"
        with self.engine.begin() as tx:
            tx.execute(text("UPDATE shifted.clock SET ahead = CAST(:length AS interval)"), {"length": length})


@pytest.fixture
def ledgers_clock(ledger: Engine, ledger_url: str) -> LedgersClock:
    """Shadow the clock of this test's ledger, for every connection that is opened from now on."""
    with ledger.begin() as tx:
        tx.execute(text(_SHADOWS))
        database = make_url(ledger_url).database
        tx.execute(text(f"ALTER DATABASE {database} SET search_path = shifted, pg_catalog, public"))
    ledger.dispose()
    return LedgersClock(ledger)


@pytest.fixture
def deployment(ledger_url: str, redis_url: str, ledgers_clock: LedgersClock) -> Iterator[Deployment]:
    """One OA on this test's servers."""
    given = {"database_url": ledger_url, "redis_url": redis_url, "secret_keys": ["0123456789abcdef"]}
    settings = Settings(_env_file=None, zalo_oa_id=OA, **given)  # type: ignore[call-arg, arg-type]
    made = Deployment({OA: Oa(OA, OA, settings)})
    yield made
    made.close()


@pytest.fixture
def services(deployment: Deployment) -> Services:
    """The services of that OA."""
    return deployment.of(OA)


@pytest.fixture
def states(ledger: Engine) -> Callable[[], dict[str, str]]:
    """Each notice's state, by its dossier."""

    def read() -> dict[str, str]:
        with ledger.connect() as connection:
            return {row.code: row.state for row in connection.execute(text("SELECT code, state FROM notices"))}

    return read
