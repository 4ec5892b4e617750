"""Gets the source's plan for a query: its own cost estimate, and the tables that it would scan whole.

A small table is scanned whole whatever its indexes. So PostgreSQL is asked a second time with such scans disabled: a
table that it then still scans whole has no suitable index. SQL Server and Oracle show plans only to accounts with more
rights.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from producers.dossiers.source import Source

_FORBIDDEN = ("enable_seqscan", "enable_hashjoin", "enable_mergejoin")
_COMPARED = re.compile(r"(?:\w+\.)?(\w+)\)?(?:::\w+)? (?:>=|>|=|<>|<) ")
_MANY = 1000  # rows; MariaDB scans a smaller table whole whatever its indexes


@dataclass(frozen=True, slots=True)
class Plan:
    """`cost` in the engine's own unit, None if it gives none; `whole` are tables (and columns) without an index."""

    cost: float | None
    whole: tuple[str, ...]


def plan(source: Source, connection: Connection, name: str, values: Mapping[str, Any]) -> Plan | None:
    """The plan of one of the mapping's queries; None if the engine does not show it to us."""
    explain = _EXPLAIN.get(source.dialect)
    if explain is None:
        return None
    verb, read = explain
    sql = source.mapping.sql(name, source.dialect)
    statement = source.mapping.query(name).statement(f"{verb} {sql}", source.dialect)
    return read(connection, lambda: connection.execute(statement, source.bound(values)))


def _postgresql(connection: Connection, ask: Callable[[], Any]) -> Plan:
    cost = ask().scalar_one()[0]["Plan"]["Total Cost"]
    for way in _FORBIDDEN:
        connection.execute(text(f"SET {way} = off"))
    try:
        whole = dict.fromkeys(_read_whole(ask().scalar_one()[0]["Plan"]))
    finally:
        for way in _FORBIDDEN:
            connection.execute(text(f"RESET {way}"))
    return Plan(float(cost), tuple(whole))


def _read_whole(node: Mapping[str, Any], *, cut_short: bool = False) -> Iterator[str]:
    """The tables below a plan node that are scanned whole. An ordered index scan cut by a limit is not (`max(id)`)."""
    in_order = cut_short and node["Node Type"].startswith("Index") and "Filter" not in node
    if "Relation Name" in node and not in_order and "Index Cond" not in node and "Recheck Cond" not in node:
        columns = dict.fromkeys(_COMPARED.findall(node.get("Filter", "")))
        yield f"{node['Relation Name']} ({', '.join(columns) or 'cột của ORDER BY'})"
    for child in node.get("Plans", ()):
        yield from _read_whole(child, cut_short=node["Node Type"] == "Limit")


def _sqlite(_: Connection, ask: Callable[[], Any]) -> Plan:
    details = [row.detail for row in ask()]
    made = {match[1] for line in details if (match := re.match(r"(?:CO-ROUTINE|MATERIALIZE) (\S+)", line))}
    scanned = [match[1] for line in details if (match := re.match(r"SCAN (\S+)$", line))]
    return Plan(None, tuple(name for name in dict.fromkeys(scanned) if name not in made and not name.startswith("(")))


def _mysql(_: Connection, ask: Callable[[], Any]) -> Plan:
    steps = [step for step in ask().mappings() if step["table"] and not step["table"].startswith("<")]
    whole = [step["table"] for step in steps if step["type"] == "ALL" and int(step["rows"] or 0) >= _MANY]
    return Plan(float(sum(int(step["rows"] or 0) for step in steps)), tuple(dict.fromkeys(whole)))


_EXPLAIN: dict[str, tuple[str, Callable[[Connection, Callable[[], Any]], Plan]]] = {
    "postgresql": ("EXPLAIN (FORMAT JSON)", _postgresql),
    "sqlite": ("EXPLAIN QUERY PLAN", _sqlite),
    "mysql": ("EXPLAIN", _mysql),
}
