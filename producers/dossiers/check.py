"""Tries a mapping on its source: every query with a limit, its columns, words and plan, and what its newest rows tell.

It shows no personal data: of a value it shows the shape (`A99.99-999999-9999`), the type, or a word that the mapping
knows.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Table
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from producers.dossiers.encodings import encoding_fault
from producers.dossiers.faults import RowError
from producers.dossiers.mapping import Mapping, word
from producers.dossiers.plans import Plan, plan
from producers.dossiers.queries import FEEDS
from producers.dossiers.row_keys import row_id, source_time
from producers.dossiers.shown import shape, showable
from producers.dossiers.source import Source, SourceError, SourceUnreachableError
from producers.dossiers.trial import Trial, tried, verdict

_ROWS = 200  # read by each query
_SHOWN = 3
_BACK = (timedelta(hours=1), timedelta(days=1), timedelta(days=30))  # before the newest change
_WORDS = 20

_TIMES = frozenset({"at", "accepted_at", "appointment_at", "finished_at", "requested_at", "changed_at"})
_NUMBERS = frozenset({"id", "amount", "result_state"})
_PHONES = frozenset({"phone", "authorised_phone", "owner_phone"})


@dataclass(slots=True)
class QueryReport:
    """The result of one query. `faults` must be fixed; `notes` are worth a look."""

    name: str
    where: str
    rows: int = 0
    ms: float = 0
    plan: Plan | None = None
    kinds: dict[str, str] = field(default_factory=dict)
    unknown_words: dict[str, list[str]] = field(default_factory=dict)
    sample: list[dict[str, str]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Checked:
    """The results of all queries, what their newest rows would tell, and the faults that belong to no single query."""

    findings: list[QueryReport] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def examine(source: Source) -> Checked:
    """Try every query of the source's mapping, and the rules on the newest rows. Raises `SourceUnreachableError`."""
    samples: dict[str, Sequence[Table[str, Any]]] = {}
    with source.connected() as connection:
        newest = _newest(source, connection)
        findings = [_examine(source, connection, name, newest, samples) for name in source.mapping.queries]
        encoding = encoding_fault(connection, source.dialect)
    trials = tried(source.mapping, samples, showable)
    faults = ([encoding] if encoding else []) + verdict(trials)
    return Checked(findings, trials, faults)


def _newest(source: Source, connection: Connection) -> Table[str, Any]:
    try:
        rows = source.ask(connection, "newest", {})
    except SourceUnreachableError:
        raise
    except SourceError:  # reported by the query's own `QueryReport`
        return {}
    return rows[0] if rows else {}


def _examine(
    source: Source,
    connection: Connection,
    name: str,
    newest: Table[str, Any],
    samples: dict[str, Sequence[Table[str, Any]]],
) -> QueryReport:
    """Try one query; the rows of a feed are added to `samples`."""
    query = source.mapping.query(name)
    found = QueryReport(name, query.where)
    began = time.monotonic()
    try:
        rows = _newest_rows(source, connection, name, newest.get(name))
    except SourceUnreachableError:
        raise
    except SourceError as fault:
        found.faults.append(str(fault).removeprefix(f"{query.where}: "))
        return found
    found.ms, found.rows = round((time.monotonic() - began) * 1000, 1), len(rows)
    if name in FEEDS:
        samples[name] = rows
    if name != "newest":
        _look_at(source.mapping, rows, found)
    _judge_plan(source, connection, _steady(name, newest, source.mapping), found)
    return found


def _newest_rows(source: Source, connection: Connection, name: str, point: Any) -> Sequence[Table[str, Any]]:
    """Up to `_ROWS` rows near the newest point of a feed; the first rows of any other query. Raises `SourceError`."""
    trial = source.mapping.query(name).trial
    values = dict(trial) | ({"limit": _ROWS} if "limit" in trial else {})
    rows: Sequence[Table[str, Any]] = []
    for start in _starts(values, point):
        rows = source.ask(connection, name, values | start)
        if len(rows) >= _ROWS:
            break
    return rows


def _starts(values: Table[str, Any], point: Any) -> Iterator[dict[str, Any]]:
    """The starting points to try, from near the newest point to the very beginning: ids have gaps, and days differ."""
    if "since" in values and isinstance(point, datetime):
        yield from ({"since": point - back} for back in _BACK)
    elif "missing" in values and isinstance(point, int):
        yield from ({"after": max(0, point - back)} for back in (_ROWS, 10 * _ROWS, 100 * _ROWS) if point > back)
    yield {}


def _steady(name: str, newest: Table[str, Any], mapping: Mapping) -> dict[str, Any]:
    """The parameters of the query on an ordinary day: from the newest point on."""
    values = dict(mapping.query(name).trial)
    point = newest.get(name)
    if point is not None:
        values |= {"since": point} if "since" in values else {"after": point, "missing": [point]}
    return {key: value for key, value in values.items() if key in mapping.query(name).parameters} | (
        {"limit": mapping.limits.page} if "limit" in values else {}
    )


def _judge_plan(source: Source, connection: Connection, values: Table[str, Any], found: QueryReport) -> None:
    try:
        found.plan = plan(source, connection, found.name, values)
    except (SQLAlchemyError, SourceError):
        found.notes.append("không xem được kế hoạch chạy (EXPLAIN)")
        return
    if found.plan is None:
        found.notes.append(
            f"trên {source.dialect}, xem kế hoạch chạy bằng công cụ của CSDL: mọi luồng phải dùng chỉ mục"
        )
        return
    found.faults += [f"đọc cả bảng {table}: thiếu chỉ mục; tạo chỉ mục cho cột này" for table in found.plan.whole]


def _look_at(mapping: Mapping, rows: Sequence[Table[str, Any]], found: QueryReport) -> None:
    known = _words_known(mapping)
    for column in rows[0] if rows else ():
        values = [row[column] for row in rows if row[column] is not None and str(row[column]).strip()]
        wrong = sum(not _fits(column, value) for value in values)
        found.kinds[column] = _kind(values)
        if wrong:
            what = "thời điểm" if column in _TIMES else "số nguyên"
            told = f"cột {column}: {wrong}/{len(values)} dòng không phải {what}"
            (found.faults if wrong == len(values) else found.notes).append(
                told + "; sửa câu SQL, hoặc ép kiểu bằng CAST"
            )
        if column in known:
            strange = dict.fromkeys(showable(value) for value in values if word(value) not in known[column])
            if strange:
                found.unknown_words[column] = list(strange)[:_WORDS]
                told = ", ".join(found.unknown_words[column])
                found.faults.append(f"cột {column} có từ mà bản đồ chưa biết: {told}; thêm vào {_TABLES[column]}")
    found.sample = [{column: _shown(column, row[column], known) for column in row} for row in rows[:_SHOWN]]


_TABLES = {
    "status": "[status]",
    "change_status": "[status]",
    "payment_state": "[payments.states]",
    "result_kind": "[result]",
}


def _words_known(mapping: Mapping) -> dict[str, frozenset[str]]:
    statuses = frozenset(mapping.status)
    return {
        "status": statuses,
        "change_status": statuses,
        "payment_state": frozenset(mapping.payments.states),
        "result_kind": mapping.result.given | mapping.result.not_given,
    }


def _fits(column: str, value: Any) -> bool:
    if column in _TIMES:
        return source_time({"changed_at": value}) is not None
    try:
        return column not in _NUMBERS or row_id({"id": value}) is not None
    except RowError:
        return False


def _kind(values: Sequence[Any]) -> str:
    return " | ".join(sorted({type(value).__name__ for value in values})) or "trống"


def _shown(column: str, value: Any, known: Table[str, frozenset[str]]) -> str:
    if value is None:
        return "–"
    if column in _PHONES:
        return f"số điện thoại ({len(re.sub(r'[^0-9]', '', str(value)))} chữ số)"
    if column in known and word(value) in known[column]:
        return str(value)
    return type(value).__name__ if column in _TIMES | _NUMBERS else shape(value)
