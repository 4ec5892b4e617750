"""That what is compared does the same work: the rivals' ledger, the hands at the dossier database, our own filling."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import psycopg2
import pytest
from sqlalchemy import create_engine, text

from benchmarks import filling
from benchmarks.clerks import Clerks
from benchmarks.rivals import ledger as rival_ledger
from benchmarks.rivals.plan import words_of
from benchmarks.world import environment
from config.settings import Settings
from domain.letters import Facts
from sandbox.dossiers.living import LivingDossiers
from sandbox.servers import Servers
from sandbox.servers.roles import PRODUCT
from worker.services.bootstrap import Services


@pytest.fixture(autouse=True)
def may_checkpoint(servers: Servers) -> None:
    """`filling` works with the product's own engine, as in the benchmarks' world."""
    with servers.postgres.connected() as connection:
        connection.execute(text(f"GRANT pg_checkpoint TO {PRODUCT}"))


@pytest.fixture
def database(servers: Servers, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database of this test's, as libpq names it."""
    name = f"bench_{abs(hash(request.node.nodeid)) % 10**9}"
    servers.create_database(name)
    yield servers.database_url(name).replace("+psycopg2", "")
    servers.drop_database(name)


@pytest.fixture
def services(ledger_url: str, redis_url: str) -> Iterator[Services]:
    """The product on an empty ledger, with the settings of a benchmark."""
    given = environment(ledger_url, ledger_url, redis_url)
    values: dict[str, Any] = {name.removeprefix("HCC_").lower(): value for name, value in given.items()}
    made = Services(Settings(_env_file=None, **values))
    yield made
    made.close()


def _traces(url: str, code: str) -> list[object]:
    """What a dossier's steps left, without its code, the rows' numbers and the moments."""
    queries = ("SELECT * FROM ho_so", "SELECT * FROM qua_trinh_xu_ly ORDER BY id")
    engine = create_engine(url)
    with engine.connect() as connection:
        rows = [
            tuple(row)
            for query in queries
            for row in connection.execute(text(f"SELECT * FROM ({query}) q WHERE ma_ho_so = :code"), {"code": code})
        ]
    engine.dispose()
    kept = (value for row in rows for value in row[1:] if value != code)
    return [type(value) if isinstance(value, datetime) else value for value in kept]


def test_a_rivals_message_that_comes_twice_claims_once_and_a_lost_lease_settles_nothing(database: str) -> None:
    """Compare-and-set on both ends, as ours has it."""
    rival_ledger.create(database)
    rival_ledger.insert(database, range(2))
    connection = psycopg2.connect(database)
    connection.autocommit = True
    cursor = connection.cursor()
    claimed = []
    for lease in ("mine", "another"):
        cursor.execute(rival_ledger.CLAIM, {"id": 0, "lease": lease})
        claimed.append(cursor.fetchall())
    assert (len(claimed[0]), claimed[1]) == (1, [])
    cursor.execute(rival_ledger.SETTLE, {"id": 0, "lease": "another", "message_id": "m", "ms": 50})
    assert rival_ledger.done(database) == (0, 0)
    cursor.execute(rival_ledger.SETTLE, {"id": 0, "lease": "mine", "message_id": "m", "ms": 50})
    assert rival_ledger.done(database) == (1, 1)
    connection.close()


def test_the_clerks_leave_what_the_sandboxs_writer_leaves(database: str) -> None:
    """The same columns and the same history, of a dossier filed and accepted."""
    url = database.replace("postgresql:", "postgresql+psycopg2:")
    writer = LivingDossiers(url)
    at = datetime.now()  # noqa: DTZ005 (local and naive, as the dossier database keeps it)
    writer.file("H27.37-240219-1", phone="0978000001", at=at)
    writer.accept("H27.37-240219-1", at=at, appointment=at + timedelta(days=7))
    clerks = Clerks(database)
    clerks.file({"H27.37-240219-2": "0978000001"})
    clerks.accept(["H27.37-240219-2"], rate=100)
    clerks.close()
    writer.close()
    assert _traces(url, "H27.37-240219-1") == _traces(url, "H27.37-240219-2")
    assert list(clerks.committed) == ["H27.37-240219-2"]


def test_rivals_send_the_words_that_ours_composes(services: Services) -> None:
    """The text of a filled notice is the one that the rivals have ready; its person can be reached."""
    filling.fall_due(services, filling.admit(services), 3, 1)
    with services.ledger.connect() as connection:
        notice = connection.execute(text("SELECT code, kind, facts, person_id, state FROM notices")).one()
        follows = text("SELECT follows FROM followers WHERE person_id = :id")
        assert connection.execute(follows, {"id": notice.person_id}).scalar_one() is True
    facts = Facts(notice.code, None, datetime.fromisoformat(notice.facts["appointment_at"]), None)
    assert services.letters.text(notice.kind, facts) == words_of(3)
    assert notice.state == "due"


def test_a_kept_ledger_goes_on_where_it_ended(services: Services) -> None:
    """New numbers for what falls due and for what is finished; what was left over is put away."""
    people, ledger = filling.admit(services), services.ledger
    assert filling.begun(ledger) == (0, 0)
    filling.fall_due(services, people, 0, 3)
    filling.finish(ledger, 0, 5)
    assert filling.begun(ledger) == (3, 5)
    with ledger.connect() as connection:
        states = connection.execute(text("SELECT state, count(*) FROM notices GROUP BY state ORDER BY state")).all()
    assert [tuple(row) for row in states] == [("discarded", 3), ("sent", 5)]
