"""Opens the dossier database with the settings of its engine: read-only if the engine supports it, and with time-outs.

| engine     | read-only by                                 | statement time-out                  |
|------------|----------------------------------------------|-------------------------------------|
| PostgreSQL | read-only transactions                       | statement_timeout                   |
| SQLite     | file opened `mode=ro`, PRAGMA query_only     | —  (a local file, for trials)       |
| MariaDB    | SET SESSION TRANSACTION READ ONLY            | max_statement_time                  |
| MySQL      | SET SESSION TRANSACTION READ ONLY            | max_execution_time                  |
| SQL Server | the account's rights alone                   | the driver's timeout                |
| Oracle     | the account's rights alone                   | the driver's call timeout           |
"""

from __future__ import annotations

from functools import partial
from time import monotonic
from typing import Any, cast
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url

from ledger.base.overdue import shut

CONNECT_SECONDS = 5

_DRIVERS = {
    "postgresql": "postgresql+psycopg2",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
    "mssql": "mssql+pymssql",
    "oracle": "oracle+oracledb",
}
SNAPSHOTS = {"postgresql": "REPEATABLE READ", "mysql": "REPEATABLE READ", "oracle": "SERIALIZABLE"}
"""The isolation level at which all queries of a transaction see one snapshot. SQL Server has one only if the database
allows it, and SQLite is for trials."""

EXTRAS = {"mysql": "mysql", "mariadb": "mysql", "mssql": "mssql", "oracle": "oracle"}
"""The extra of this project that installs an engine's driver."""


def backend(url: str) -> str:
    """The engine of a URL, by the name that mapping files use."""
    name = make_url(url).get_backend_name()
    return "mysql" if name == "mariadb" else name


def open_engine(url: str, statement_seconds: int) -> Engine:
    """Create an engine on the dossier database; it connects lazily.

    Raises `NoSuchModuleError` or `ModuleNotFoundError` if the driver is not installed.
    """
    place = _place(make_url(url))
    engine = create_engine(
        place,
        pool_pre_ping=True,
        pool_size=1,
        max_overflow=1,
        hide_parameters=True,
        isolation_level="AUTOCOMMIT",  # no transaction is left open between pages, except by `Source.moment`
        connect_args=_connect_args(place, statement_seconds),
    )
    if statements := _session(engine, statement_seconds):
        event.listen(engine, "connect", partial(_say, statements))
    if engine.dialect.driver == "oracledb":
        event.listen(engine, "connect", partial(_bound_calls, statement_seconds * 1000))
    return engine


def _place(url: URL) -> URL:
    """The URL with our driver if it names none, and with SQLite's file opened read-only: the file must exist."""
    if url.drivername in _DRIVERS:
        return url.set(drivername=_DRIVERS[url.drivername])
    path = url.database
    if url.get_backend_name() == "sqlite" and path and path != ":memory:" and not path.startswith("file:"):
        return url.set(database=f"file:{quote(path)}", query={**url.query, "mode": "ro", "uri": "true"})
    return url


def _connect_args(url: URL, seconds: int) -> dict[str, Any]:
    match url.drivername:
        case "postgresql+psycopg2" | "postgresql+psycopg":
            options = f"-c default_transaction_read_only=on -c statement_timeout={seconds * 1000}"
            named = {"application_name": "hcc producer", "client_encoding": "utf8"}  # whatever host or role set
            kept = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 10_000}
            return {"connect_timeout": CONNECT_SECONDS, "options": options, **named, **kept}
        case "mysql+pymysql" | "mariadb+pymysql":
            return {"connect_timeout": CONNECT_SECONDS, "read_timeout": seconds + 5, "charset": "utf8mb4"}
        case "mssql+pymssql":
            return {"login_timeout": CONNECT_SECONDS, "timeout": seconds, "appname": "hcc producer"}
        case "mssql+pyodbc":
            return {"timeout": CONNECT_SECONDS}
        case "oracle+oracledb":
            return {"tcp_connect_timeout": float(CONNECT_SECONDS)}
        case _:
            return {}


def _session(engine: Engine, seconds: int) -> tuple[str, ...]:
    """The first statements of a new session; "|" separates alternatives, tried in turn, where products differ."""
    match engine.dialect.name:
        case "sqlite":
            return ("PRAGMA query_only = ON",)
        case "mysql" | "mariadb":
            bound = f"SET SESSION max_statement_time = {seconds}|SET SESSION max_execution_time = {seconds * 1000}"
            return ("SET SESSION TRANSACTION READ ONLY", bound)
        case _:
            return ()


def _say(statements: tuple[str, ...], connection: Any, _: object) -> None:
    cursor = connection.cursor()
    for statement in statements:
        first, _bar, other = statement.partition("|")
        try:
            cursor.execute(first)
        except Exception:
            if not other:
                raise
            cursor.execute(other)
    cursor.close()


def _bound_calls(milliseconds: int, connection: Any, _: object) -> None:
    connection.call_timeout = milliseconds


class Waiting:
    """The connections in use and since when, so that another thread can cut one that will never answer.

    Only psycopg2 needs it; the other drivers have their own time-outs (see the table above).
    """

    def __init__(self, engine: Engine) -> None:
        self._since: dict[Any, float] = {}
        event.listen(engine, "checkout", lambda raw, *_: self._since.update({raw: monotonic()}))
        event.listen(engine, "checkin", lambda raw, *_: self._since.pop(raw, None))
        event.listen(engine, "invalidate", lambda raw, *_: self._since.pop(raw, None))

    def cut(self, seconds: float) -> int:
        """Cut the connections in use for longer than `seconds`; the waiting thread sees the connection closed."""
        overdue = [raw for raw, since in self._since.copy().items() if monotonic() - since > seconds]
        return sum(map(shut, overdue))


def forgive_times(connection: Connection) -> bool:
    """Return times that Python cannot represent (year 20240) as text, so that one such row does not fail its page.

    Called only after such a row was met, since it costs a call for every time of every row. False if not supported.
    """
    if connection.dialect.driver != "psycopg2":
        return False
    pg = cast("Any", connection.dialect.dbapi).extensions
    raw = connection.connection.dbapi_connection
    for oid, read in ((1082, pg.PYDATE), (1114, pg.PYDATETIME), (1184, pg.PYDATETIMETZ)):
        pg.register_type(pg.new_type((oid,), "FORGIVING", _forgiving(read)), raw)
    return True


def _forgiving(type_: Any) -> Any:
    def read(value: str | None, cursor: Any) -> Any:
        try:
            return type_(value, cursor)
        except (ValueError, OverflowError):
            return value

    return read
