"""The queries of a mapping file: what each is asked with, and which columns it must answer with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

_DOSSIER = (
    *("code", "unit", "status", "channel", "ignored", "phone"),
    *("accepted_at", "appointment_at", "finished_at", "result_state", "result_kind"),
)
_PAYMENT = ("id", "amount", "payment_state", "payment_way", "requested_at", "changed_at")


@dataclass(frozen=True, slots=True)
class Query:
    """`where` is its place in the mapping file, as faults tell it; `trial` are values that ask for one row at most."""

    where: str
    trial: Mapping[str, Any]
    columns: tuple[str, ...]

    @property
    def parameters(self) -> frozenset[str]:
        """The names of the parameters that its SQL must have."""
        return frozenset(self.trial)


LONG_AGO = datetime(1970, 1, 1)  # noqa: DTZ001 (in the source's clock, before anything was changed)
BEFORE_ALL_CODES = " "  # not '', which is NULL in Oracle and would find nothing

_BY_ID = {"after": 0, "missing": [0], "limit": 1}
_BY_TIME = {"since": LONG_AGO, "after": 0, "limit": 1}

QUERIES: dict[str, Query] = {
    "history": Query("feeds.history", _BY_ID, ("id", "at", "change_status", *_DOSSIER)),
    "payments": Query("feeds.payments", _BY_ID, (*_PAYMENT, *_DOSSIER)),
    "payment_changes": Query("feeds.payment_changes", _BY_TIME, (*_PAYMENT, *_DOSSIER)),
    "by_code": Query("reconcile.by_code", {"codes": [BEFORE_ALL_CODES]}, _DOSSIER),
    "dossiers": Query("baseline.dossiers", {"after": BEFORE_ALL_CODES, "limit": 1}, _DOSSIER),
    "newest": Query("baseline.newest", {}, ("history", "payments", "payment_changes")),
}


def parameters(sql: str) -> frozenset[str]:
    """The names of the bound parameters in an SQL text (`:name`)."""
    return frozenset(text(sql).compile().params)
