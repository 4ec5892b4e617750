"""The dossier database: read-only, page by page, and every failure in one clear sentence without row data.

SourceError            a query cannot be answered: the mapping, the rights or the database must be changed
└── SourceUnreachableError  nobody answers, or the account is refused: the next poll tries again
"""

from __future__ import annotations

import re
from collections.abc import Mapping as Table
from collections.abc import Sequence
from functools import partial
from typing import Any, cast

from sqlalchemy import Connection, Engine, bindparam, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError

from producers.dossiers.mapping import Mapping
from producers.dossiers.queries import QUERIES

_CONNECT_SECONDS = 5
_STATEMENT_MS = 30_000


class SourceError(Exception):
    """A query of the mapping cannot be answered; the text says which, why, and what to do."""


class SourceUnreachableError(SourceError):
    """The dossier database does not answer, or does not let us in."""


class Source:
    """The dossier database at a URL (any SQLAlchemy dialect), behind a mapping. Connects lazily.

    Raises `SourceError` where the driver is not installed.
    """

    def __init__(self, url: str, mapping: Mapping) -> None:
        self._engine = _open(url)
        self._statements = {
            name: text(mapping.sql(name)).bindparams(*_lists(query.parameters)) for name, query in QUERIES.items()
        }

    def page(self, name: str, parameters: Table[str, Any]) -> Sequence[Table[str, Any]]:
        """The rows of one query of `QUERIES`, with at least the columns that it must have. Raises `SourceError`."""
        where = QUERIES[name].where
        with self._connected() as connection:
            try:
                found = connection.execute(self._statements[name], parameters)
                _check_columns(name, found.keys())
                return cast("Sequence[Table[str, Any]]", found.mappings().all())
            except DBAPIError as error:
                if error.connection_invalidated:
                    raise self._unreachable() from None
                raise SourceError(f"{where}: {_because(error)}") from None
            except (SQLAlchemyError, ValueError, OverflowError) as error:
                wrong = type(error).__name__
                raise SourceError(f"{where}: trình điều khiển báo lỗi {wrong}; chạy thử câu SQL") from None

    def newest(self) -> Table[str, Any]:
        """The newest point of every feed; None where a feed has no rows yet. Raises `SourceError`."""
        rows = self.page("newest", {})
        if len(rows) != 1:
            raise SourceError(f"baseline.newest: cần đúng một dòng, nhận {len(rows)}; sửa câu SQL trong bản đồ")
        return rows[0]

    def check(self) -> None:
        """Ask every query once, for one row at most. Raises `SourceError` with every fault."""
        faults = []
        for name, query in QUERIES.items():
            try:
                self.page(name, query.trial)
            except SourceUnreachableError:
                raise
            except SourceError as fault:
                faults.append(str(fault))
        if faults:
            raise SourceError("\n".join(faults))

    def close(self) -> None:
        """Give back connections."""
        self._engine.dispose()

    def _connected(self) -> Connection:
        try:
            return self._engine.connect()
        except (SQLAlchemyError, UnicodeDecodeError):  # libpq tells a refusal in the server's own encoding
            raise self._unreachable() from None

    def _unreachable(self) -> SourceUnreachableError:
        url = self._engine.url
        return SourceUnreachableError(
            f"không kết nối được CSDL hồ sơ {url.database} tại {url.host}:{url.port or 'cổng mặc định'}; "
            "kiểm tra máy chủ, mạng, tài khoản và HCC_DOSSIER_URL"
        )


def _open(url: str) -> Engine:
    drivername = make_url(url).drivername
    try:
        engine = create_engine(
            url,
            pool_pre_ping=True,
            pool_size=1,
            max_overflow=1,
            hide_parameters=True,
            isolation_level="AUTOCOMMIT",  # one SELECT a page: nothing is left open between pages
            connect_args=_connect_args(drivername),
        )
    except (NoSuchModuleError, ModuleNotFoundError):
        raise SourceError(f"HCC_DOSSIER_URL: chưa cài trình điều khiển cho {drivername}; cài rồi chạy lại") from None
    if engine.dialect.driver == "psycopg2":
        event.listen(engine, "connect", partial(_forgive_times, cast("Any", engine.dialect.dbapi).extensions))
    return engine


def _connect_args(drivername: str) -> dict[str, Any]:
    if not drivername.startswith("postgresql"):
        return {}  # elsewhere the account's rights alone keep us from writing
    return {
        "connect_timeout": _CONNECT_SECONDS,
        "application_name": "hcc producer",
        "options": f"-c default_transaction_read_only=on -c statement_timeout={_STATEMENT_MS}",
    }


def _forgive_times(pg: Any, connection: Any, _: object) -> None:
    """A time that Python cannot hold (year 20240) comes as text: one such row must not take its page with it."""
    for oid, read in ((1082, pg.PYDATE), (1114, pg.PYDATETIME), (1184, pg.PYDATETIMETZ)):
        pg.register_type(pg.new_type((oid,), "FORGIVING", _forgiving(read)), connection)


def _forgiving(type_: Any) -> Any:
    def read(value: str | None, cursor: Any) -> Any:
        try:
            return type_(value, cursor)
        except (ValueError, OverflowError):
            return value

    return read


def _lists(names: frozenset[str]) -> list[Any]:
    return [bindparam(name, expanding=True) for name in ("missing", "codes") if name in names]


def _check_columns(name: str, given: Any) -> None:
    query = QUERIES[name]
    lacking = [column for column in query.columns if column not in set(given)]
    if lacking:
        raise SourceError(
            f"{query.where}: kết quả thiếu cột {', '.join(lacking)}; thêm AS {lacking[0]} vào câu SQL trong bản đồ"
        )


# What databases say, each in its own words: PostgreSQL, SQLite, MySQL, SQL Server, Oracle. Only the captured name
# of a column or table is told on, since the rest may quote a value of a row.
_NAME = r"[\"'`]?([\w.$]+)[\"'`]?"
_NO_COLUMN = (
    rf"column {_NAME} does not exist",
    rf"no such column: {_NAME}",
    rf"Unknown column {_NAME} in",
    rf"Invalid column name {_NAME}",
    r"ORA-00904: ([\w.\"]+): invalid",
)
_NO_TABLE = (
    rf"relation {_NAME} does not exist",
    rf"no such table: {_NAME}",
    rf"Table {_NAME} doesn't exist",
    rf"Invalid object name {_NAME}",
    r"ORA-00942: .*?([\w.\"]+) does not exist",
)
_NO_RIGHT = (
    rf"permission denied for \w+ {_NAME}",
    rf"SELECT command denied to user .* for table {_NAME}",
    rf"SELECT permission was denied on the object {_NAME}",
)
_TOO_SLOW = (r"statement timeout()", r"max_statement_time()", r"Query timeout()", r"ORA-01013()")
_SENTENCES: tuple[tuple[tuple[str, ...], str], ...] = (
    (_NO_COLUMN, "CSDL hồ sơ không có cột {}; sửa tên cột trong bản đồ"),
    (_NO_TABLE, "CSDL hồ sơ không có bảng {}; sửa tên bảng trong bản đồ"),
    (_NO_RIGHT, "tài khoản không có quyền đọc {}; cấp quyền SELECT"),
    (_TOO_SLOW, "câu SQL chạy quá lâu{}; kiểm tra chỉ mục của các cột trong WHERE và ORDER BY"),
)


def _because(error: DBAPIError) -> str:
    said = str(error.orig)
    for sayings, sentence in _SENTENCES:
        for saying in sayings:
            if match := re.search(saying, said):
                return sentence.format(match[1])
    return f"CSDL hồ sơ từ chối câu SQL ({type(error.orig).__name__}); chạy thử câu này trong công cụ của CSDL"
