"""A standby: a second PostgreSQL that follows the primary over the network asynchronously, with a small lag."""

from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import text

from sandbox.servers.account import Account
from sandbox.servers.errors import ServersError
from sandbox.servers.files import HOST, wait_until
from sandbox.servers.postgres import HERE, Postgres
from sandbox.servers.roles import SUPERUSER
from sandbox.servers.secret import keep_secret, read_secret

PROMOTE_SECONDS = 60
CATCH_UP_SECONDS = 20.0

BASEBACKUP = ("-D", HERE, "-h", HOST, "-U", SUPERUSER, "-R", "-X", "stream", "--checkpoint=fast", "--no-sync")


class Standby(Postgres):
    """Follows `primary`, which it reaches at `primary_port`; it is read-only until it is promoted."""

    def __init__(self, home: Path, primary: Postgres, primary_port: int, settings: Mapping[str, str]) -> None:
        super().__init__(home, settings=settings)
        self._primary = primary
        self._primary_port = primary_port

    def catch_up(self, primary: Postgres) -> None:
        """Wait until the standby has replayed all that the primary has written so far. Raises ServersError."""
        with primary.connected() as connection:
            place = connection.execute(text("SELECT pg_current_wal_lsn()::text")).scalar_one()
        with self.connected() as connection:
            there = text("SELECT pg_last_wal_replay_lsn() >= CAST(:place AS pg_lsn)")
            if not wait_until(lambda: bool(connection.execute(there, {"place": place}).scalar_one()), CATCH_UP_SECONDS):
                raise ServersError(f"The standby in {self._home} does not follow.")

    def promote(self) -> None:
        """Take over with the data that has arrived; returns when it accepts writes. Raises ServersError."""
        with self.connected() as connection:
            promoted = connection.execute(text("SELECT pg_promote(true, :seconds)"), {"seconds": PROMOTE_SECONDS})
            if not promoted.scalar_one():
                raise ServersError(f"The standby in {self._home} did not take over.")

    def _make_data(self, programs: Path, account: Account | None, life: int) -> None:
        """Copy the primary's data, with roles and passwords; the copy also configures which server to follow.

        Raises ServersError.
        """
        command = [str(programs / "pg_basebackup"), *BASEBACKUP, "-p", str(self._primary_port)]
        secret = read_secret(self._primary.secret)
        if secret is None:
            raise ServersError("The server that is to be followed has no secret.")
        self._fill(command, account, life, self._primary.environment())
        keep_secret(self.secret, secret)

    def _settle(self) -> None:
        """Do nothing: its databases are the primary's."""
