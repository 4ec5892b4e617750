"""Queries the dossier database read-only, page by page, and reports every failure in one sentence without row data.

SourceError            a query cannot be answered: the mapping, the rights or the database must be changed
└── SourceUnreachableError  the server does not answer, or refuses the account: a later poll tries again
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Mapping as Table
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import URL, Connection, Engine, make_url, text
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError

from config.causes import Cause, cause_of
from producers.dossiers.db_errors import because
from producers.dossiers.encodings import encoding_fault
from producers.dossiers.engines import EXTRAS, SNAPSHOTS, Waiting, backend, forgive_times, open_engine
from producers.dossiers.mapping import Mapping
from producers.dossiers.queries import QUERIES

_log = logging.getLogger("hcc.producers")

_OVERDUE_SECONDS = 15.0  # beyond the statement time-out
_LONGEST_ABSENCE = 30.0  # seconds: the longest back-off, so a source that came back is found this late at most


class SourceError(Exception):
    """A query of the mapping cannot be answered; the text names the query, the reason and the remedy."""


class SourceUnreachableError(SourceError):
    """The dossier database does not answer, or refuses the account."""


class Absence:
    """The back-off after a source did not answer: 1, 2, 4 … 30 seconds, each with jitter."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._until = 0.0

    @property
    def seconds(self) -> float:
        """The seconds that remain; 0 when the source may be queried."""
        return max(0.0, self._until - self._clock())

    def failed(self) -> None:
        longest = min(_LONGEST_ABSENCE, 2.0**self._failures)
        self._failures += 1
        self._until = self._clock() + longest * random.uniform(0.5, 1.0)  # noqa: S311 (jitter is no secret)

    def ended(self) -> None:
        self._failures, self._until = 0, 0.0


class Source:
    """The dossier database at a URL, queried through a mapping. Connects lazily.

    Raises `SourceError` if the driver is not installed, or the mapping is written for other engines.
    """

    def __init__(self, url: str, mapping: Mapping) -> None:
        self.mapping = mapping
        self.dialect = _dialect(url, mapping)
        self._engine = _open(url, mapping.connection.statement_seconds)
        self._waiting = Waiting(self._engine)
        self._absence = Absence()
        self._cause = Cause.OTHER  # of the latest failure to connect
        self._said = False
        self._statements = {
            name: mapping.query(name).statement(mapping.sql(name, self.dialect), self.dialect)
            for name in mapping.queries
        }

    @property
    def url(self) -> URL:
        """The URL. It contains the password, so only host, port and database may be shown."""
        return self._engine.url

    def page(self, name: str, parameters: Table[str, Any]) -> Sequence[Table[str, Any]]:
        """The rows of one query of the mapping, with at least its required columns. Raises `SourceError`."""
        with self.connected() as connection:
            return self.ask(connection, name, parameters)

    @contextmanager
    def moment(self) -> Iterator[Connection]:
        """A connection for `ask` on which all queries see one snapshot, if the engine supports that.

        Without it, a commit between the queries of two feeds would show a fee without the acceptance before it. After
        an error roll the connection back; this begins another snapshot. Raises `SourceUnreachableError`.
        """
        with self.connected() as connection:
            connection.rollback()  # ends the transaction of the encoding check
            level = SNAPSHOTS.get(self.dialect)
            yield connection.execution_options(isolation_level=level) if level else connection

    def ask(self, connection: Connection, name: str, parameters: Table[str, Any]) -> Sequence[Table[str, Any]]:
        """Like `page`, on an open connection."""
        try:
            try:
                return self._rows(connection, name, parameters)
            except (ValueError, OverflowError):
                if not forgive_times(connection):
                    raise
                return self._rows(connection, name, parameters)
        except DBAPIError as error:
            raise self._refusal(name, error) from None
        except (SQLAlchemyError, ValueError, OverflowError) as error:
            wrong = type(error).__name__
            raise SourceError(f"{QUERIES[name].where}: trình điều khiển báo lỗi {wrong}; chạy thử câu SQL") from None

    def _rows(self, connection: Connection, name: str, parameters: Table[str, Any]) -> list[dict[str, Any]]:
        found = connection.execute(self._statements[name], self.bound(parameters))
        columns = tuple(found.keys())
        self._check_columns(name, columns)
        return [dict(zip(columns, row, strict=True)) for row in found]

    def bound(self, parameters: Table[str, Any]) -> dict[str, Any]:
        """Parameters in the form in which the engine compares them: SQLite stores times as text."""
        if self.dialect != "sqlite":
            return dict(parameters)
        return {
            name: value.isoformat(" ") if isinstance(value, datetime) else value for name, value in parameters.items()
        }

    def first_answer(self, questions: Sequence[str]) -> str | None:
        """The answer to the first of these questions that has one; None if neither the product nor our account's rights
        allow any. Raises `SourceUnreachableError`."""
        with self.connected() as connection:
            for question in questions:
                try:
                    answer = connection.execute(text(question)).scalar_one_or_none()
                except DBAPIError as error:
                    if error.connection_invalidated:
                        raise self._refusal("newest", error) from None
                    continue
                if answer is not None:
                    return str(answer)
        return None

    def newest(self) -> Table[str, Any]:
        """The newest point of every feed; None for a feed without rows. Raises `SourceError`."""
        rows = self.page("newest", {})
        if len(rows) != 1:
            raise SourceError(f"baseline.newest: cần đúng một dòng, nhận {len(rows)}; sửa câu SQL trong bản đồ")
        return rows[0]

    def encoding_fault(self) -> str | None:
        """Why the source's texts cannot be trusted; None if they can. Raises `SourceUnreachableError`."""
        with self.connected() as connection:
            return encoding_fault(connection, self.dialect)

    def check(self) -> None:
        """Run every query once, for one row at most. Raises `SourceError` with every fault."""
        faults = []
        for name in self.mapping.queries:
            try:
                self.page(name, self.mapping.query(name).trial)
            except SourceUnreachableError:
                raise
            except SourceError as fault:
                faults.append(str(fault))
        if faults:
            raise SourceError("\n".join(faults))

    def break_off(self) -> int:
        """Cut connections whose answer is long overdue, so that the waiting thread gets an error; returns how many.

        The server ends a statement that takes too long. A server that hangs, or a firewall that forgot the connection,
        ends nothing, and a thread cannot be interrupted from outside.
        """
        return self._waiting.cut(self.mapping.connection.statement_seconds + _OVERDUE_SECONDS)

    def close(self) -> None:
        """Close the pooled connections."""
        self._engine.dispose()

    def connected(self) -> Connection:
        """Open a connection. Raises `SourceUnreachableError`, during the back-off at once."""
        if self._absence.seconds:
            raise self._unreachable()
        try:
            connection = self._engine.connect()
        except (SQLAlchemyError, UnicodeDecodeError) as error:  # libpq reports a refusal in the server's encoding
            self._absence.failed()
            self._cause = cause_of(error)
            raise self._unreachable() from None
        self._absence.ended()
        self._say_encoding(connection)
        return connection

    def _say_encoding(self, connection: Connection) -> None:
        """Log an encoding fault once per process; reading continues, since codes and numbers are not affected."""
        if not self._said:
            self._said = True
            if fault := encoding_fault(connection, self.dialect):
                _log.error("encoding fault: %s", fault)

    def _refusal(self, name: str, error: DBAPIError) -> SourceError:
        if error.connection_invalidated:
            self._absence.failed()
            self._cause = cause_of(error)
            return self._unreachable()
        return SourceError(f"{QUERIES[name].where}: {because(error)}")

    def _unreachable(self) -> SourceUnreachableError:
        url = self._engine.url
        at = f"{url.host}:{url.port or 'cổng mặc định'}" if url.host else "máy này"
        return SourceUnreachableError(
            f"không kết nối được CSDL hồ sơ {url.database} tại {at} (HCC_DOSSIER_URL): {self._cause.vietnamese} "
            f"(tự thử lại sau {self._absence.seconds:.0f} giây)"
        )

    def _check_columns(self, name: str, given: Sequence[str]) -> None:
        lacking = [column for column in self.mapping.columns_of(name) if column not in set(given)]
        if lacking:
            raise SourceError(
                f"{QUERIES[name].where}: kết quả thiếu cột {', '.join(lacking)}; "
                f"thêm AS {lacking[0]} vào câu SQL trong bản đồ"
            )


def _dialect(url: str, mapping: Mapping) -> str:
    dialect, known = backend(url), mapping.connection.dialects
    if dialect not in known:
        raise SourceError(
            f"connection.dialects: bản đồ viết cho {', '.join(known)}, còn HCC_DOSSIER_URL là {dialect}; "
            "chọn bản đồ khác (HCC_SOURCE), hoặc thử câu SQL rồi thêm tên này vào bản đồ"
        )
    return dialect


def _open(url: str, statement_seconds: int) -> Engine:
    try:
        return open_engine(url, statement_seconds)
    except (NoSuchModuleError, ModuleNotFoundError):
        named = make_url(url)
        extra = EXTRAS.get(named.get_backend_name())
        how = f"cài bằng `pip install 'hcc-notify[{extra}]'`" if extra else "cài"
        raise SourceError(
            f"HCC_DOSSIER_URL: chưa cài trình điều khiển cho {named.drivername}; {how} rồi chạy lại"
        ) from None
