"""The dossier database, read only: pages of rows, turned into our values at the door."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Values
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Engine, RowMapping, bindparam, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, NoSuchModuleError

from producers.dossiers.mapping import Feed, Mapping
from worker.domain.clock import from_local
from worker.domain.code import normalize_code
from worker.domain.dossier import Change, Dossier, Payment, Status

_NOTHING = -1  # stands in the list of missing ids when there is none: an empty list is no SQL everywhere


class SourceError(Exception):
    """The dossier database cannot be read; the text says which query and what to do, never a row's content."""


class RowError(ValueError):
    """A row that makes no sense; the text names the column, never the value."""


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of a feed as they came, and whether there may be more."""

    rows: list[RowMapping]
    full: bool


class Source:
    """Reads the source through its mapping. Raises `SourceError`."""

    def __init__(self, url: str, mapping: Mapping) -> None:
        self.mapping = mapping
        self._engine = _open(url, mapping.statement_seconds)

    def page(self, name: str, feed: Feed, values: Values[str, Any]) -> Page:
        """One page of a feed. `values` are the parameters that the feed's query names."""
        query = text(feed.sql)
        if ":missing" in feed.sql:
            query = query.bindparams(bindparam("missing", expanding=True))
        given = {**values, "limit": self.mapping.page_rows}
        wanted = {name: value for name, value in given.items() if f":{name}" in feed.sql}
        with _explained(f"feeds.{name}"), self._engine.connect() as connection:
            rows = list(connection.execute(query, wanted).mappings())
        return Page(rows, full=len(rows) >= self.mapping.page_rows)

    def single(self, name: str, sql: str) -> Any:
        """The one value of a one-row query."""
        with _explained(name), self._engine.connect() as connection:
            return connection.execute(text(sql)).scalar()

    def stream(self, name: str, sql: str) -> Iterator[RowMapping]:
        """All rows of a query in constant memory."""
        with _explained(name), self._engine.connect() as connection:
            streaming = connection.execution_options(yield_per=self.mapping.page_rows)
            yield from streaming.execute(text(sql)).mappings()

    def check(self) -> None:
        """Run every feed with a limit: every column that we need must be there."""
        for name, feed in self.mapping.feeds.items():
            values = {"after": 0, "missing": [_NOTHING], "since": datetime(1970, 1, 1)}  # noqa: DTZ001 (local and naive)
            for row in self.page(name, feed, values).rows[:1]:
                self.change(name, row)

    def change(self, name: str, row: RowMapping) -> Change:
        """A row in our words. Raises `RowError` for nonsense in it, `SourceError` for a column that is not there."""
        try:
            return self._change(row)
        except KeyError as error:
            if str(error.args[0]) not in row:
                raise SourceError(
                    f"{name}: truy vấn không trả về cột {error.args[0]}; sửa câu SQL trong tệp bản đồ (HCC_SOURCE)."
                ) from None
            raise

    def told(self, row: RowMapping) -> bool:
        """Whether dossiers of this channel are told at all, and the row is not deleted (R4)."""
        return row["channel"] in self.mapping.rules.told_channels and not row["deleted"]

    def close(self) -> None:
        self._engine.dispose()

    def _change(self, row: RowMapping) -> Change:
        dossier = self._dossier(row)
        payment = self._payment(row) if "payment_state" in row else None
        step = row.get("step_status", row["status"]) if payment is None else None
        at = self._time(row, "at") if "at" in row else dossier.finished_at or dossier.accepted_at
        return Change(
            dossier=dossier,
            at=at or datetime.now(UTC),
            status=self._status(step) if step is not None else None,
            payment=payment,
        )

    def _dossier(self, row: RowMapping) -> Dossier:
        rules = self.mapping.rules
        stage, kind = row["result_stage"], row["result_kind"]
        return Dossier(
            code=_code(row["code"]),
            unit=row["unit"],
            status=self._status(row["status"]),
            phone=row["phone"],
            accepted_at=self._time(row, "accepted_at"),
            appointment_at=self._time(row, "appointment_at"),
            finished_at=self._time(row, "finished_at"),
            result_given=(kind is None or kind in rules.results)
            and (stage is None or rules.confirmed_from is None or stage >= rules.confirmed_from),
        )

    def _payment(self, row: RowMapping) -> Payment:
        try:
            state = self.mapping.payment_state(row["payment_state"], row["payment_way"])
        except (KeyError, ValueError):
            raise RowError("column payment_state holds a word that the mapping does not have") from None
        requested_at = self._time(row, "at")
        if requested_at is None:
            raise RowError("column at is empty")
        return Payment(str(row["id"]), state, _amount(row["amount"]), requested_at)

    def _status(self, word: object) -> Status:
        try:
            return self.mapping.status[str(word)]
        except KeyError:
            raise RowError("column status holds a word that the mapping does not have") from None

    def _time(self, row: RowMapping, column: str) -> datetime | None:
        value = row[column]
        if value is None:
            return None
        if not isinstance(value, datetime):
            raise RowError(f"column {column} is not a time")
        return value.astimezone(UTC) if value.tzinfo else from_local(value, self.mapping.zone)


class _explained:  # noqa: N801 (reads as a word at the `with`)
    """Turns what the driver raises into a `SourceError` that says where and what to do, without a row's content."""

    def __init__(self, where: str) -> None:
        self._where = where

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, DBAPIError):
            cause = str(error.orig).strip().splitlines()[0] if error.orig else type(error).__name__
            raise SourceError(
                f"CSDL hồ sơ, {self._where}: {cause}. Kiểm tra HCC_DOSSIER_URL và tệp HCC_SOURCE."
            ) from None


def _open(url: str, statement_seconds: float) -> Engine:
    options: dict[str, Any] = {}
    if make_url(url).get_backend_name() == "postgresql":
        ms = int(statement_seconds * 1000)
        options["connect_args"] = {
            "connect_timeout": 5,
            "application_name": "hcc producer",
            "options": f"-c default_transaction_read_only=on -c statement_timeout={ms}",
        }
    try:
        return create_engine(url, pool_pre_ping=True, pool_size=1, hide_parameters=True, **options)
    except (NoSuchModuleError, ModuleNotFoundError):
        raise SourceError("HCC_DOSSIER_URL: chưa cài trình điều khiển cho loại CSDL này.") from None


def _code(value: object) -> str:
    try:
        return normalize_code(str(value))
    except ValueError:
        raise RowError("column code is not a dossier code") from None


def _amount(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | Decimal | float) or value != int(value):
        raise RowError("column amount is not a whole number of đồng")
    return int(value)
