"""The queries of a mapping file: the parameters of each, and the columns that it must return."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, BindParameter, DateTime, Integer, String, TextClause, bindparam, text

_DOSSIER = (
    *("code", "unit", "status", "channel", "ignored", "phone"),
    *("accepted_at", "appointment_at", "finished_at", "result_state", "result_kind"),
)
_PAYMENT = ("id", "amount", "payment_state", "payment_way", "requested_at", "changed_at")

LONG_AGO = datetime(1970, 1, 1)  # noqa: DTZ001 (in the source's clock, before any change)
BEFORE_ALL_CODES = " "  # not '', which is NULL in Oracle and would find nothing

LIMIT: Mapping[str, str] = {
    "postgresql": "LIMIT :limit",
    "sqlite": "LIMIT :limit",
    "mysql": "LIMIT :limit",
    "mssql": "OFFSET 0 ROWS FETCH NEXT :limit ROWS ONLY",
    "oracle": "FETCH FIRST :limit ROWS ONLY",
}
"""How each engine limits an ordered result: the text that replaces `{limit}` in a mapping file."""

_ID: Any = BigInteger()
_CODE: Any = String()


@dataclass(frozen=True, slots=True)
class Query:
    """`where` is its place in the mapping file, as shown in faults; `trial` are values that return one row at most."""

    where: str
    trial: Mapping[str, Any]
    columns: tuple[str, ...]
    after: Any = field(default=_CODE)  # the type of `:after`, for drivers that do not guess it

    @property
    def parameters(self) -> frozenset[str]:
        """The names of the parameters that its SQL must have."""
        return frozenset(self.trial)

    def statement(self, sql: str, dialect: str) -> TextClause:
        """The SQL with typed parameters: a list expands to its values, an empty one matches nothing."""
        # SQLite has no type for times: they are stored and compared as text
        moment: Any = String() if dialect == "sqlite" else DateTime()
        binds: dict[str, BindParameter[Any]] = {
            "after": bindparam("after", type_=self.after),
            "since": bindparam("since", type_=moment),
            "limit": bindparam("limit", type_=Integer()),
            "missing": bindparam("missing", type_=_ID, expanding=True),
            "codes": bindparam("codes", type_=_CODE, expanding=True),
        }
        return text(sql).bindparams(*(binds[name] for name in self.parameters))


_BY_ID = {"after": 0, "missing": [0], "limit": 1}
_BY_CODE = {"after": BEFORE_ALL_CODES, "limit": 1}
_BY_TIME = {"since": LONG_AGO, "limit": 1}

QUERIES: dict[str, Query] = {
    "history": Query("feeds.history", _BY_ID, ("id", "at", "change_status", *_DOSSIER), _ID),
    "payments": Query("feeds.payments", _BY_ID, (*_PAYMENT, *_DOSSIER), _ID),
    "payment_changes": Query("feeds.payment_changes", _BY_TIME, (*_PAYMENT, *_DOSSIER)),
    "snapshot": Query("feeds.snapshot", _BY_TIME, (*_DOSSIER, "changed_at")),
    "open": Query("reconcile.open", _BY_CODE, _DOSSIER),
    "by_code": Query("reconcile.by_code", {"codes": [BEFORE_ALL_CODES]}, _DOSSIER),
    "open_payments": Query("reconcile.open_payments", {"after": 0, "limit": 1}, (*_PAYMENT, *_DOSSIER), _ID),
    "dossiers": Query("baseline.dossiers", _BY_CODE, _DOSSIER),
    "old_payments": Query("baseline.payments", {"after": BEFORE_ALL_CODES, "limit": 1}, (*_PAYMENT, *_DOSSIER)),
    "newest": Query("baseline.newest", {}, ()),  # a column for every feed that the mapping has
}

_FIRST_KEYS = {"guid": "00000000-0000-0000-0000-000000000000", "text": BEFORE_ALL_CODES}

TABLES = {
    "history": "history",
    "payments": "payments",
    "payment_changes": "payments",
    "open_payments": "payments",
    "old_payments": "payments",
}
"""The table of a query's rows, if they have keys of their own; the other queries return dossiers."""


def first_key(key: str) -> Any:
    """A value that sorts before every key of this type (`number`, `guid`, `text`)."""
    return _FIRST_KEYS.get(key, 0)


def keyed(name: str, key: str) -> Query:
    """A query of a table whose keys do not increase: its new rows are read by time, the rest in keyset pages."""
    query = QUERIES[name]
    if name == "history":
        return replace(query, trial=_BY_TIME, columns=(*query.columns, "changed_at"), after=_CODE)
    trial = {**query.trial, "after": first_key(key)} if "after" in query.trial else query.trial
    return replace(query, trial=trial, after=_CODE)


FEEDS = ("history", "payments", "payment_changes", "snapshot")
"""The feeds, in the order in which they are read; a mapping has those that its source supports."""


def parameters(sql: str) -> frozenset[str]:
    """The names of the bound parameters in an SQL text (`:name`)."""
    return frozenset(text(sql).compile().params)
