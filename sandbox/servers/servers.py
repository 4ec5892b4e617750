"""The PostgreSQL and the Valkey of one project folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from sandbox.servers.files import locked
from sandbox.servers.postgres import NONE, Postgres
from sandbox.servers.valkey import Valkey

DATABASE = "hcc"


class Servers:
    """PostgreSQL and Valkey of one project folder: data, logs, locks, all under `root`.

    As a context manager it starts them and stops those that it started. Whoever started a server also ends it:
    by `stop`, or by dying. Others who call `start` meanwhile use it and leave it alone.
    """

    def __init__(self, root: Path, *, movable_clocks: bool = False, settings: Mapping[str, str] = NONE) -> None:
        """`settings` are PostgreSQL's own, before the usual ones."""
        self._root = root.absolute()
        self.postgres = Postgres(root / "postgres", movable_clock=movable_clocks, settings=settings)
        self.valkey = Valkey(root / "valkey", movable_clock=movable_clocks)

    def start(self) -> None:
        """Start what does not run, and see that the database `hcc` is there. Raises ServersError."""
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            with locked(self._root / "lock"):  # of two starters at once, one owns both servers
                self.valkey.start()
                self.postgres.start()
                self.create_database(DATABASE)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop what this object started, and wait until it is gone."""
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
        """Create a database, as a copy of `template` if given (which nobody may use then); it may exist."""
        self.postgres.create_database(name, template)

    def drop_database(self, name: str) -> None:
        """Drop a database and the connections to it; it may be absent."""
        self.postgres.drop_database(name)


def running(root: Path) -> tuple[str, str] | None:
    """Return the database and Redis URL of the servers under `root` if both run, whoever started them."""
    servers = Servers(root)
    if servers.postgres.pid is None or servers.valkey.pid is None:
        return None
    return servers.database_url(), servers.redis_url()
