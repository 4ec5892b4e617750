"""Who gets into the embedded servers: who has the password, as no superuser; servers of before are taken over."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
import redis
from sqlalchemy import NullPool, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError

from ledger.base.engine import open_ledger
from ledger.migrate import migrate, missing
from sandbox.servers import Postgres, Servers, Valkey, running
from sandbox.servers.account import Account
from sandbox.servers.files import HOST
from sandbox.servers.postgres import HERE
from sandbox.servers.roles import SUPERUSER
from sandbox.servers.server import make_private_folder

OLD_OBJECTS = """
CREATE SCHEMA apart;
CREATE TYPE apart.mood AS ENUM ('calm');
CREATE DOMAIN apart.code AS text CHECK (value <> '');
CREATE TABLE apart."Odd name" (id bigserial PRIMARY KEY, also bigint GENERATED ALWAYS AS IDENTITY, mood apart.mood);
CREATE SEQUENCE apart.alone;
CREATE VIEW apart.shown AS SELECT id FROM apart."Odd name";
CREATE MATERIALIZED VIEW apart.kept AS SELECT id FROM apart."Odd name";
CREATE STATISTICS apart.both ON id, mood FROM apart."Odd name";
CREATE FUNCTION apart.one(integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
INSERT INTO apart."Odd name" (mood) VALUES ('calm');
"""
OF_THE_PRODUCT = """
DROP FUNCTION apart.one(integer);
DROP STATISTICS apart.both;
REFRESH MATERIALIZED VIEW apart.kept;
ALTER VIEW apart.shown RENAME TO seen;
ALTER SEQUENCE apart.alone RESTART;
ALTER TABLE apart."Odd name" ADD COLUMN more apart.code;
ALTER TYPE apart.mood ADD VALUE 'cross';
CREATE TABLE apart.new (id bigint);
ALTER SCHEMA apart RENAME TO away;
CREATE TABLE public.new (id bigint);
"""
"""What only their owner may do, and migrations do."""
OF_OTHERS = "SELECT relname FROM pg_class WHERE oid >= 16384 AND relowner <> current_user::regrole"


class OldPostgres(Postgres):
    """As it was: whoever connects is trusted, and everything is the superuser's."""

    def _prepare(self, account: Account | None, life: int) -> Path:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sandbox.servers.postgres.INITDB", self.INITDB)
            patch.setattr("sandbox.servers.postgres.DOOR", "host all all 127.0.0.1/32 trust\n")
            patch.setattr(Postgres, "_set_passwords", lambda *_: None)
            return super()._prepare(account, life)

    def _settle(self) -> None:
        """Nothing was done then."""

    def create_database(self, name: str, template: str | None = None) -> None:  # noqa: ARG002 (none was used)
        with self.connected() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))

    INITDB: ClassVar[tuple[str, ...]] = (
        *("-D", HERE, "-U", "hcc", "--auth=trust", "--encoding=UTF8", "--locale=C"),
        *("--no-sync", "--no-instructions"),
    )


class OldValkey(Valkey):
    """As it was: no password."""

    def _prepare(self, account: Account | None, life: int) -> Path:
        if not self._data.exists():
            make_private_folder(self._data, account)
        program = super()._prepare(account, life)
        (self._home / "secret").unlink()
        return program

    def _input(self) -> str:
        return "\n"


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder that only we may enter."""
    private = Path(tempfile.mkdtemp())
    yield private / "servers"
    shutil.rmtree(private)


@pytest.fixture
def old(root: Path) -> Iterator[Servers]:
    """Servers of before that run, with a ledger, a dossier database and something in each."""
    servers = Servers(root)
    servers.postgres, servers.valkey = OldPostgres(root / "postgres"), OldValkey(root / "valkey")
    root.mkdir()
    try:
        servers.valkey.start()
        servers.postgres.start()
        for name in ("hcc", "dossiers"):
            servers.create_database(name)
        ledger = open_ledger(servers.database_url())
        migrate(ledger)
        with ledger.begin() as tx:
            tx.execute(text("INSERT INTO cursors VALUES ('1', 'kept', '{}', 1, now())"))
        ledger.dispose()
        query(servers.database_url("dossiers"), OLD_OBJECTS)
        with contextlib.closing(redis.Redis.from_url(servers.redis_url())) as client:
            client.set("kept", "here")
        yield servers
    finally:
        servers.stop()


def query(url: str, statements: str) -> list[object]:
    """Run statements one by one; the first column of what the last one returns."""
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in filter(str.strip, statements.split(";\n")):
            result = connection.execute(text(statement))
        return list(result.scalars()) if result.returns_rows else []


def enters(url: str) -> bool:
    """Whether PostgreSQL lets us in."""
    try:
        return query(url, "SELECT 1") == [1]
    except DBAPIError:
        return False


def test_servers_of_before_are_taken_over_with_all_they_have(old: Servers, root: Path) -> None:
    """The next start gives them passwords; what the superuser owned is the product's, who migrates it further."""
    trusting = make_url(old.database_url())
    assert trusting.password is None
    assert enters(old.database_url())
    assert query(old.database_url(), "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == [True]
    old.stop()

    with Servers(root) as servers:
        url = servers.database_url()
        assert not enters(trusting.set(port=servers.postgres.port).render_as_string(hide_password=False))
        assert query(url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == [False]
        assert query(url, "SELECT feed FROM cursors") == ["kept"]
        assert query(servers.database_url("dossiers"), 'SELECT mood FROM apart."Odd name"') == ["calm"]
        query(servers.database_url("dossiers"), OF_THE_PRODUCT)
        ledger = open_ledger(url)
        assert missing(ledger) == []
        with ledger.begin() as tx:
            assert tx.execute(text(OF_OTHERS)).scalars().all() == []
        ledger.dispose()
        with contextlib.closing(redis.Redis.from_url(servers.redis_url())) as client:
            assert client.get("kept") == b"here"


def test_a_take_over_that_was_broken_off_is_done_by_the_next_start(
    old: Servers, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed when the roles have their passwords and the databases their old owner."""
    old.stop()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Postgres, "_settle", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            Servers(root).start()
    with Servers(root) as servers:
        query(servers.database_url("dossiers"), OF_THE_PRODUCT)


def test_servers_of_before_that_still_run_are_used_as_they_are(old: Servers, root: Path) -> None:
    """A command of the new version beside an `hcc up` of the old one."""
    assert running(root) == (old.database_url(), old.redis_url())
    with Servers(root) as guest:
        assert query(guest.database_url(), "SELECT feed FROM cursors") == ["kept"]


def test_nobody_enters_without_the_password(root: Path) -> None:
    """Neither as the product nor as the superuser, by no database, and Valkey answers nothing."""
    with Servers(root) as servers:
        right = make_url(servers.database_url())
        for user in ("hcc_notify", "hcc", "postgres", "nobody"):
            for password in (None, "", "hcc", right.password if user != "hcc_notify" else "x"):
                for name in ("hcc", "postgres", "template1"):
                    wrong = right.set(username=user, database=name)
                    wrong = wrong._replace(password=password)
                    assert not enters(wrong.render_as_string(hide_password=False)), (user, name)
        with contextlib.closing(redis.Redis(HOST, servers.valkey.port)) as stranger:
            for ask in (stranger.ping, lambda: stranger.get("kept"), stranger.flushall):
                with pytest.raises(redis.AuthenticationError):
                    ask()


def test_the_products_role_owns_its_database_and_nothing_else(root: Path) -> None:
    """It can read no file of the host, run no program there, change no server, and make no other role."""
    with Servers(root) as servers:
        url = servers.database_url()
        for forbidden in (
            "SELECT pg_read_file('postmaster.pid')",
            "COPY (SELECT 1) TO PROGRAM 'cat'",
            "ALTER SYSTEM SET fsync = off",
            "CREATE ROLE other SUPERUSER",
            "SET ROLE hcc",
            "ALTER ROLE hcc_notify SUPERUSER",
            "CREATE DATABASE other",
        ):
            with pytest.raises(DBAPIError, match=r"permission denied|must be superuser|Only roles with"):
                query(url, forbidden)
        query(url, "CREATE TABLE mine (id bigint)")
        assert query(servers.postgres.url_as(SUPERUSER, "hcc"), "SELECT tableowner FROM pg_tables "
                     "WHERE tablename = 'mine'") == ["hcc_notify"]  # fmt: skip


def test_no_password_shows_where_other_users_look(root: Path) -> None:
    """Not in a command line, an environment, a log or a file that others may read."""
    with Servers(root) as servers:
        secrets = [make_url(servers.database_url()).password, make_url(servers.redis_url()).password]
        secrets += [make_url(servers.postgres.url_as(SUPERUSER, "hcc")).password]
        assert len({*secrets}) == len(secrets)
        for pid in (servers.postgres.pid, servers.valkey.pid):
            shown = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
            assert not any(str(secret).encode() in shown for secret in secrets)
        kept = [(root / name / "secret") for name in ("postgres", "valkey")]
        assert [stat.S_IMODE(file.stat().st_mode) for file in kept] == [0o600, 0o600]
        hidden = {str(secret) for secret in secrets} | {file.read_text().strip() for file in kept}
        for file in root.rglob("*"):
            private = any(part == "data" for part in file.relative_to(root).parts)  # mode 0700
            if file.is_file() and file not in kept and not private:
                assert not any(secret in file.read_text(errors="replace") for secret in hidden), file


def test_a_lost_secret_is_made_anew_and_the_data_are_kept(root: Path) -> None:
    """Who starts the servers owns their data."""
    with Servers(root) as servers:
        query(servers.database_url(), "CREATE TABLE kept AS SELECT 'here' AS word")
        before = servers.database_url()
    for name in ("postgres", "valkey"):
        (root / name / "secret").unlink()
    with Servers(root) as servers:
        assert servers.database_url() != before
        assert query(servers.database_url(), "SELECT word FROM kept") == ["here"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts servers of others")
def test_the_secret_of_a_users_servers_stays_theirs_when_root_starts_them(root: Path) -> None:
    """`sudo hcc up` once must not lock the user out."""
    root.mkdir()
    for name in ("postgres", "valkey"):
        (root / name).mkdir()
        os.chown(root / name, 65534, 65534)
    with Servers(root):
        assert {(root / name / "secret").stat().st_uid for name in ("postgres", "valkey")} == {65534}
