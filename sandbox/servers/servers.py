"""The PostgreSQL and the Valkey of one project folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from sandbox.servers.files import locked
from sandbox.servers.postgres import NONE, Postgres
from sandbox.servers.valkey import Valkey

DATABASE = "hcc"


class Servers:
    """PostgreSQL and Valkey of one project folder: data, logs, locks, all under `root`.

    As a context manager it starts them and stops those that it started. The process that started a server also ends
    it: by `stop`, or by dying. Other processes that call `start` meanwhile use the server and do not stop it.
    """

    def __init__(self, root: Path, *, movable_clocks: bool = False, settings: Mapping[str, str] = NONE) -> None:
        """`settings` are PostgreSQL settings that take precedence over the usual ones."""
        self._root = root.absolute()
        self.postgres = Postgres(root / "postgres", movable_clock=movable_clocks, settings=settings)
        self.valkey = Valkey(root / "valkey", movable_clock=movable_clocks)

    def start(self) -> None:
        """Start the servers that do not run, and create the database `hcc` if missing. Raises ServersError."""
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            with locked(self._root / "lock"):  # so that of two concurrent starters one owns both servers
                self.valkey.start()
                self.postgres.start()
                self.create_database(DATABASE)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the servers that this object started, and wait for their end."""
        self.postgres.stop()
        self.valkey.stop()

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.stop()

    def database_url(self, name: str = DATABASE) -> str:
        """Return the SQLAlchemy URL of a database. Raises ServersError if it was never started."""
        return self.postgres.url(name)

    def redis_url(self, db: int = 0) -> str:
        """Return the URL of a Valkey database, by number. Raises ServersError if it was never started."""
        return self.valkey.url(db)

    def create_database(self, name: str, template: str | None = None) -> None:
        """Create a database unless it exists, as a copy of `template` if given (nobody may be connected to that)."""
        self.postgres.create_database(name, template)

    def create_role(self, role: str, settings: Sequence[str]) -> str:
        """Create a role unless it exists, run statements about it, and return the URL of the database for it."""
        self.postgres.create_role(role, settings)
        return self.postgres.url_as(role, DATABASE)

    def drop_database(self, name: str) -> None:
        """Drop a database, if it exists, and the connections to it."""
        self.postgres.drop_database(name)


def running(root: Path) -> tuple[str, str] | None:
    """Return the database and Redis URL of the servers under `root` if both run (whoever started them), else None."""
    servers = Servers(root)
    if servers.postgres.pid is None or servers.valkey.pid is None:
        return None
    return servers.database_url(), servers.redis_url()
