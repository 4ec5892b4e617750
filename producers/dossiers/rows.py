"""The door: rows of the source become our dataclasses, or say which column cannot be read and why.

A `RowError` names the column and never its value: what is wrong may be that a column holds something else.
"""

from __future__ import annotations

from collections.abc import Mapping as Table
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from typing import Any

from producers.dossiers.mapping import PHONES, Mapping, word
from worker.domain.clock import from_local
from worker.domain.code import modern_unit, normalize_code
from worker.domain.dossier import Change, Dossier, Payment, PaymentState, Status
from worker.domain.kinds.fees import BY_STATUS
from worker.domain.kinds.kind import ONCE
from worker.domain.text import nfc

_YEARS = range(2000, 2101)  # of a believable time; older and later ones are slips of the pen
_NO_DATE = frozenset({date(1, 1, 1), date(1753, 1, 1), date(1900, 1, 1), date(9999, 12, 31)})  # programs' "empty"
_DONE = (Status.FINISHED, Status.RETURNED)
_YES = frozenset({"1", "true", "t", "y", "yes"})


class RowError(ValueError):
    """A row cannot be read: which column, and why."""

    def __init__(self, column: str, why: str) -> None:
        super().__init__(f"{column} {why}")


class Door:
    """Reads rows by a mapping. Every method gives None for a dossier that nobody is told about (R4)."""

    def __init__(self, mapping: Mapping) -> None:
        self._mapping = mapping
        self._fees_by_status = "status" in mapping.payments.told_by
        self._told = lru_cache(maxsize=4096)(mapping.kinds.of)

    def history(self, row: Table[str, Any]) -> Change | None:
        """A row of the history: the status that it reports, which may be empty. Raises `RowError`."""
        dossier = self._dossier(row)
        if dossier is None:
            return None
        reported = None if _empty(row["change_status"]) else self._status(row, "change_status")
        return self._change(row, dossier, self._needed_time(row, "at"), reported)

    def payment(self, row: Table[str, Any]) -> Change | None:
        """A payment request as it is now. Raises `RowError`."""
        dossier = self._dossier(row)
        if dossier is None:
            return None
        rule, requested_at = self._mapping.payments, self._needed_time(row, "requested_at")
        if "row" not in rule.told_by:
            return self._change(row, dossier, requested_at, None)
        payment = Payment(
            id=str(row["id"]),
            state=self._payment_state(row),
            amount=_amount(row, "amount"),
            requested_at=requested_at,
            changed_at=self._time(row, "changed_at"),
            both=self._fees_by_status,
        )
        return self._change(row, dossier, requested_at, None, payment)

    def standing(self, row: Table[str, Any], now: datetime) -> Change | None:
        """A dossier as it stands, for the baseline: dated by the best time that it has. Raises `RowError`."""
        dossier = self._dossier(row)
        if dossier is None:
            return None
        return self._change(row, dossier, dossier.finished_at or dossier.accepted_at or now, dossier.status)

    def _change(
        self, row: Table[str, Any], dossier: Dossier, at: datetime, status: Status | None, fee: Payment | None = None
    ) -> Change:
        if fee is None and self._fees_by_status and status is dossier.status is Status.OBLIGATION:
            fee = self._fee_by_status(row, at)
        return Change(
            dossier,
            at,
            status=status,
            payment=fee,
            told=self._told(dossier.unit),
            taken_back=None if _empty(row.get("taken_back")) else _flag(row["taken_back"]),
            fees_by_status=self._fees_by_status,
            row=row_id(row) if "id" in row else 0,
        )

    def _fee_by_status(self, row: Table[str, Any], at: datetime) -> Payment:
        """The fee that status 6 asks for: one a amount, since no row gives it an id."""
        amount = _amount(row, "fee_amount")
        return Payment(
            id=f"{BY_STATUS}{amount or 0}",
            state=PaymentState.REQUESTED,
            amount=amount,
            requested_at=at,
            by_status=True,
            both="row" in self._mapping.payments.told_by,
        )

    def changed_at(self, row: Table[str, Any]) -> datetime | None:
        """When the row was changed, UTC; None where the source does not say, or says nothing believable."""
        try:
            return self._time(row, "changed_at") if "changed_at" in row else None
        except RowError:
            return None

    def _dossier(self, row: Table[str, Any]) -> Dossier | None:
        if _empty(row["code"]) or _flag(row["ignored"]) or not self._is_told(row):
            return None
        status = self._status(row, "status")
        return Dossier(
            code=_code(row),
            unit=_unit(row),
            status=status,
            phone=self._phone(row),
            accepted_at=self._time(row, "accepted_at"),
            appointment_at=self._time(row, "appointment_at"),
            finished_at=self._time(row, "finished_at"),
            result_given=status in _DONE and self._result_given(row),
            result=self._result(row),
            given_back=status in _DONE and self._says(row, self._mapping.result.given_back),
            apologised=self._says(row, self._mapping.result.apology),
            submitted_at=self._known_time(row, "submitted_at"),
            returned_at=self._known_time(row, "returned_at"),
            deadline_at=self._known_time(row, "deadline_at"),
            step=_step(row),
            reason=None if _empty(row.get("reason")) else self._mapping.reasons.get(word(row["reason"])),
            sms=_flag(row.get("sms")),
            source_code=str(row["code"]),
            former_code=_former_code(row),
            stable_key=None if _empty(row.get("stable_key")) else str(row["stable_key"]).strip(),
        )

    def _phone(self, row: Table[str, Any]) -> str | None:
        """The first of the mapping's recipients who has a number: the submitter alone by default (R6)."""
        for who in self._mapping.dossiers.recipients:
            if not _empty(number := row[PHONES[who]]):
                return str(number)
        return None

    def _is_told(self, row: Table[str, Any]) -> bool:
        return not _empty(row["channel"]) and word(row["channel"]) in self._mapping.dossiers.channels_told

    def _status(self, row: Table[str, Any], column: str) -> Status:
        status: Status = _known(self._mapping.status, row, column)
        return status

    def _payment_state(self, row: Table[str, Any]) -> PaymentState:
        if not _empty(row["payment_way"]) and word(row["payment_way"]) in self._mapping.payments.exempt:
            return PaymentState.EXEMPT
        state: PaymentState = _known(self._mapping.payments.states, row, "payment_state")
        return state

    def _result_given(self, row: Table[str, Any]) -> bool:
        """Whether 9 or 10 means a result: not one that awaits confirmation, nor a dossier given back (R39)."""
        rule, state, kind = self._mapping.result, row["result_state"], row["result_kind"]
        if not _empty(kind) and word(kind) not in rule.given | rule.not_given:
            raise RowError("result_kind", "holds a word that the mapping does not know")
        confirmed = _empty(state) or _number(row, "result_state") >= rule.confirmed_from
        return confirmed and (_empty(kind) or word(kind) in rule.given)

    def _result(self, row: Table[str, Any]) -> str:
        """Which result it is: always the first, or one for each day on which the work on it ended (R40)."""
        if self._mapping.result.again == "never":
            return ONCE
        finished_at = self._time(row, "finished_at")
        return f"{finished_at.astimezone(self._mapping.zone):%Y%m%d}" if finished_at else ONCE

    def _says(self, row: Table[str, Any], words: frozenset[str]) -> bool:
        return not _empty(row["result_kind"]) and word(row["result_kind"]) in words

    def _known_time(self, row: Table[str, Any], column: str) -> datetime | None:
        """A time that not every source has; one that makes no sense is none, since a text can do without it."""
        try:
            return None if row.get(column) is None else self._time(row, column)
        except RowError:
            return None

    def _needed_time(self, row: Table[str, Any], column: str) -> datetime:
        moment = self._time(row, column)
        if moment is None:
            raise RowError(column, "is empty")
        return moment

    def _time(self, row: Table[str, Any], column: str) -> datetime | None:
        """A time as UTC; None for an empty one and for a stand-in of "no date"."""
        local = row[column]
        if type(local) is not datetime:
            if _empty(local):
                return None
            local = _datetime(row, column)
        if local.date() in _NO_DATE:
            return None
        if local.year not in _YEARS:
            raise RowError(column, "is not a believable time")
        return local.astimezone(UTC) if local.tzinfo else from_local(local, self._mapping.zone)


def row_id(row: Table[str, Any]) -> int:
    """The id by which a feed goes on. Raises `RowError` if it is no whole number: then the mapping is wrong."""
    return int(_number(row, "id"))


def source_time(row: Table[str, Any]) -> datetime | None:
    """When the row was changed, in the source's own clock, since it is handed back to it; None if unreadable."""
    try:
        return None if _empty(row["changed_at"]) else _datetime(row, "changed_at")
    except RowError:
        return None


def _empty(value: object) -> bool:
    return value is None or (type(value) is str and not value.strip())


def _flag(value: object) -> bool:
    return not _empty(value) and word(value) in _YES


def _known(words: Table[str, Any], row: Table[str, Any], column: str) -> Any:
    if _empty(row[column]):
        raise RowError(column, "is empty")
    meaning = words.get(word(row[column]))
    if meaning is None:
        raise RowError(column, "holds a word that the mapping does not know")
    return meaning


def _code(row: Table[str, Any]) -> str:
    try:
        return normalize_code(str(row["code"]))
    except ValueError as error:
        raise RowError("code", f"cannot be used: {error}") from None


def _former_code(row: Table[str, Any]) -> str | None:
    """One that cannot be a code names no dossier."""
    try:
        return None if _empty(row.get("former_code")) else normalize_code(str(row["former_code"]))
    except ValueError:
        return None


def _unit(row: Table[str, Any]) -> str | None:
    """Only statistics read it, so what cannot be printed is dropped rather than the row."""
    unit = nfc(str(row["unit"] or ""))
    if not unit.isprintable():
        unit = "".join(filter(str.isprintable, unit))
    return modern_unit(unit) or None


def _amount(row: Table[str, Any], column: str) -> int | None:
    return None if _empty(row.get(column)) else int(_number(row, column))


def _step(row: Table[str, Any]) -> str | None:
    """Anything that is another one for another pause (a time, a number): only its short hash is kept."""
    return None if _empty(row.get("step")) else sha256(str(row["step"]).strip().encode()).hexdigest()[:12]


def _number(row: Table[str, Any], column: str) -> Decimal:
    """A whole number, in whichever type the driver gives it."""
    try:
        number = Decimal(str(row[column]))
        if number.is_finite() and number == number.to_integral_value():
            return number
    except ArithmeticError:
        pass
    raise RowError(column, "is not a whole number")


def _datetime(row: Table[str, Any], column: str) -> datetime:
    value = row[column]
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time.min)
    try:
        return datetime.fromisoformat(str(value).strip())  # SQLite, and times that Python cannot hold
    except ValueError:
        raise RowError(column, "is not a believable time") from None
