"""Converts rows of the source into dataclasses, or reports which column cannot be read and why.

The facts of an unreadable column are lost, and the notices that depend on it are held back; the rest of the row is
used. Only a row without a code or a time of its own is set aside as a whole. No error text shows a value, because the
fault may be that a column contains something other than the mapping expects.
"""

from __future__ import annotations

from collections.abc import Mapping as Table
from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from hashlib import sha256
from typing import Any

from domain.cells import as_text, whole
from domain.clock import from_local
from domain.code import modern_unit, normalize_code
from domain.dossier import Change, Dossier, Payment, PaymentState, Status
from domain.kinds.fees import BY_STATUS
from domain.kinds.kind import ONCE
from domain.moments import is_believable, read_local
from domain.money import read_amount
from domain.phone import phone_field
from domain.text import nfc
from producers.dossiers.faults import ColumnFaults, RowError
from producers.dossiers.mapping import PHONES, Mapping, word
from producers.dossiers.row_keys import row_id, row_key

_DONE = (Status.FINISHED, Status.RETURNED)
_YES = frozenset({"1", "-1", "true", "t", "y", "yes", "on", "x", word("có"), word("đúng")})
_NO = frozenset({"0", "false", "f", "n", "no", "off", word("không"), word("sai")})
_UNKNOWN_WORD = "holds a word that the mapping does not know"


class Silence(Enum):
    """Why nobody is told of a dossier (R4)."""

    NO_DOSSIER = "no dossier"
    IGNORED = "ignored"
    CHANNEL = "channel"


class RowReader:
    """Reads rows by a mapping. Methods that read a row return None for a dossier that nobody is told about (R4)."""

    def __init__(self, mapping: Mapping) -> None:
        self._mapping = mapping
        self._fees_by_status = "status" in mapping.payments.told_by
        self._told = lru_cache(maxsize=4096)(mapping.kinds.of)

    def history(self, row: Table[str, Any]) -> Change | None:
        """Read a row of the history: the status that it reports, which may be empty. Raises `RowError`."""
        faults = ColumnFaults(f"history/{row_key(row)}")
        dossier = self._dossier(row, faults)
        if dossier is None:
            return None
        at = self._time(row, "at", faults)
        if at is None:
            raise RowError("at", "is not a believable time" if faults.of("at") else "is empty")
        reported = None if _empty(row["change_status"]) else self._status(row, "change_status", faults)
        return self._change(row, dossier, at, reported or None, faults, numbered=self._mapping.keys.history == "number")

    def payment(self, row: Table[str, Any]) -> Change | None:
        """Read a payment request in its current state. Raises `RowError`."""
        faults = ColumnFaults(f"payments/{row_key(row)}")
        dossier = self._dossier(row, faults)
        if dossier is None:
            return None
        rule, changed_at = self._mapping.payments, self._time(row, "changed_at", faults)
        requested_at = self._time(row, "requested_at", faults)
        if requested_at is None:
            if not faults.of("requested_at"):
                faults.add("requested_at", "is empty")
            requested_at = changed_at or datetime.now(UTC)
        numbered = self._mapping.keys.payments == "number"
        if "row" not in rule.told_by:
            return self._change(row, dossier, requested_at, None, faults, numbered=numbered)
        payment = Payment(
            id=str(row_id(row)) if numbered else row_key(row),
            state=self._payment_state(row, faults),
            amount=_amount(row, "amount", faults),
            requested_at=requested_at,
            changed_at=changed_at,
            both=self._fees_by_status,
        )
        return self._change(row, dossier, requested_at, None, faults, fee=payment, numbered=numbered)

    def standing(self, row: Table[str, Any], now: datetime) -> Change | None:
        """Read a dossier in its current state, for the baseline, dated by its best time. Raises `RowError`."""
        faults = ColumnFaults("")
        dossier = self._dossier(row, faults)
        if dossier is None:
            return None
        return self._change(row, dossier, dossier.finished_at or dossier.accepted_at or now, dossier.status, faults)

    def _change(
        self,
        row: Table[str, Any],
        dossier: Dossier,
        at: datetime,
        status: Status | None,
        faults: ColumnFaults,
        *,
        fee: Payment | None = None,
        numbered: bool = False,
    ) -> Change:
        if fee is None and self._fees_by_status and status is dossier.status is Status.OBLIGATION:
            fee = self._fee_by_status(row, at, faults)
        return Change(
            dossier,
            at,
            status=status,
            payment=fee,
            told=self._told(dossier.unit),
            taken_back=_taken_back(row, faults),
            fees_by_status=self._fees_by_status,
            row=row_id(row) if numbered else 0,
            oddities=faults.oddities(dossier.code),
            holds=faults.holds(dossier.code, fee),
        )

    def _fee_by_status(self, row: Table[str, Any], at: datetime, faults: ColumnFaults) -> Payment:
        """The fee that status 6 requests: one fee per amount, since no row gives it an id."""
        amount = _amount(row, "fee_amount", faults)
        return Payment(
            id=f"{BY_STATUS}{amount or 0}",
            state=PaymentState.REQUESTED,
            amount=amount,
            requested_at=at,
            by_status=True,
            both="row" in self._mapping.payments.told_by,
        )

    def changed_at(self, row: Table[str, Any]) -> datetime | None:
        """When the row was changed, in UTC; None if the source gives no time, or none that is believable."""
        return self._time(row, "changed_at", ColumnFaults("")) if "changed_at" in row else None

    def silence(self, row: Table[str, Any]) -> Silence | None:
        """Why nobody is told of this dossier, whatever happens to it; None if somebody is told."""
        if _empty(row["code"]):
            return Silence.NO_DOSSIER
        if _flag(row["ignored"]):
            return Silence.IGNORED
        return None if self._is_told(row) else Silence.CHANNEL

    def _dossier(self, row: Table[str, Any], faults: ColumnFaults) -> Dossier | None:
        if self.silence(row):
            return None
        code, ignored = _code(row), _flag(row["ignored"])
        if ignored is None:
            faults.add("ignored", _UNKNOWN_WORD, word=row["ignored"])
        status = self._status(row, "status", faults)
        return Dossier(
            code=code,
            unit=_unit(row),
            status=status if ignored is False else Status.UNKNOWN,
            phone=self._phone(row),
            accepted_at=self._accepted_at(row, faults),
            appointment_at=self._time(row, "appointment_at", faults),
            finished_at=self._time(row, "finished_at", faults),
            result_given=status in _DONE and self._result_given(row, faults),
            result=self._result(row, faults),
            given_back=status in _DONE and self._says(row, self._mapping.result.given_back),
            apologised=self._says(row, self._mapping.result.apology),
            submitted_at=self._time(row, "submitted_at", faults),
            returned_at=self._time(row, "returned_at", faults),
            deadline_at=self._time(row, "deadline_at", faults),
            step=_step(row),
            reason=None if _empty(row.get("reason")) else self._mapping.reasons.get(word(row["reason"])),
            sms=bool(_flag(row.get("sms"))),
            by_post=bool(_flag(row.get("by_post"))),
            source_code=str(row["code"]),
            former_code=_former_code(row),
            stable_key=None if _empty(row.get("stable_key")) else str(row["stable_key"]).strip(),
        )

    def _phone(self, row: Table[str, Any]) -> str | None:
        """The phone of the mapping's first recipient who has one; by default only the submitter (R6)."""
        for who in self._mapping.dossiers.recipients:
            if not _empty(number := row[PHONES[who]]):
                return phone_field(number)
        return None

    def _is_told(self, row: Table[str, Any]) -> bool:
        return not _empty(row["channel"]) and word(row["channel"]) in self._mapping.dossiers.channels_told

    def _status(self, row: Table[str, Any], column: str, faults: ColumnFaults) -> Status:
        if _empty(row[column]):
            faults.add(column, "is empty", word="")
            return Status.UNKNOWN
        status = self._mapping.status.get(word(row[column]))
        if status is None:
            faults.add(column, _UNKNOWN_WORD, word=row[column])
            return Status.UNKNOWN
        return status

    def _payment_state(self, row: Table[str, Any], faults: ColumnFaults) -> PaymentState:
        rule, said = self._mapping.payments, row["payment_state"]
        if not _empty(row["payment_way"]) and word(row["payment_way"]) in rule.exempt:
            return PaymentState.EXEMPT
        state = None if _empty(said) else rule.states.get(word(said))
        if state is None:
            faults.add(
                "payment_state", "is empty" if _empty(said) else _UNKNOWN_WORD, word="" if _empty(said) else said
            )
        return state or PaymentState.UNKNOWN

    def _result_given(self, row: Table[str, Any], faults: ColumnFaults) -> bool:
        """Whether 9 or 10 means a result: not if it awaits confirmation, nor if the dossier was given back (R39)."""
        rule, state, kind = self._mapping.result, row["result_state"], row["result_kind"]
        known = _empty(kind) or word(kind) in rule.given | rule.not_given
        if not known:
            faults.add("result_kind", _UNKNOWN_WORD, word=kind)
        try:
            confirmed = _empty(state) or whole(state) >= rule.confirmed_from
        except ValueError as error:
            faults.add("result_state", str(error), word=state)
            return False
        return confirmed and known and (_empty(kind) or word(kind) in rule.given)

    def _result(self, row: Table[str, Any], faults: ColumnFaults) -> str:
        """Which result it is: always the first, or one for each day on which processing ended (R40)."""
        if self._mapping.result.again == "never":
            return ONCE
        finished_at = self._time(row, "finished_at", faults)
        return f"{finished_at.astimezone(self._mapping.zone):%Y%m%d}" if finished_at else ONCE

    def _says(self, row: Table[str, Any], words: frozenset[str]) -> bool:
        return not _empty(row["result_kind"]) and word(row["result_kind"]) in words

    def _accepted_at(self, row: Table[str, Any], faults: ColumnFaults) -> datetime | None:
        """When it was accepted. An implausible date still means acceptance: then another time of the row is used."""
        at = self._time(row, "accepted_at", faults)
        if at is None and faults.of("accepted_at"):
            others = (self._time(row, column, ColumnFaults("")) for column in ("at", "changed_at", "finished_at"))
            return next(filter(None, others), None) or datetime.now(UTC)
        return at

    def _time(self, row: Table[str, Any], column: str, faults: ColumnFaults) -> datetime | None:
        """A time in UTC; None if it is empty, a placeholder for "no date", or not believable."""
        value = row.get(column)
        if value is None:
            return None
        try:
            local = read_local(value)
            if local is None:
                return None
            moment = local.astimezone(UTC) if local.tzinfo else from_local(local, self._mapping.zone)
        except (ValueError, OverflowError):
            faults.add(column, "is not a believable time")
            return None
        if is_believable(moment, datetime.now(UTC)):
            return moment
        faults.add(column, "is not a believable time")
        return None


def _empty(value: object) -> bool:
    return value is None or (type(value) is str and not value.strip())


def _flag(value: object) -> bool | None:
    """True for yes, False for no or empty; None for a word that is neither."""
    if _empty(value):
        return False
    said = word(value)
    return True if said in _YES else False if said in _NO else None


def _taken_back(row: Table[str, Any], faults: ColumnFaults) -> bool | None:
    if _empty(row.get("taken_back")):
        return None
    flag = _flag(row["taken_back"])
    if flag is None:
        faults.add("taken_back", _UNKNOWN_WORD, word=row["taken_back"])
    return flag


def _code(row: Table[str, Any]) -> str:
    try:
        return normalize_code(as_text(row["code"]) or "")
    except ValueError as error:
        raise RowError("code", f"cannot be used: {error}") from None


def _former_code(row: Table[str, Any]) -> str | None:
    """The former code; None if it is not a valid code and so names no dossier."""
    try:
        return None if _empty(row.get("former_code")) else normalize_code(str(row["former_code"]))
    except ValueError:
        return None


def _unit(row: Table[str, Any]) -> str | None:
    """The unit. Only statistics read it, so unprintable characters are dropped rather than the row."""
    unit = nfc(str(row["unit"] or ""))
    if not unit.isprintable():
        unit = "".join(filter(str.isprintable, unit))
    return modern_unit(unit) or None


def _amount(row: Table[str, Any], column: str, faults: ColumnFaults) -> int | None:
    if _empty(row.get(column)):
        return None
    try:
        return read_amount(row[column])
    except ValueError as error:
        faults.add(column, str(error))
        return None


def _step(row: Table[str, Any]) -> str | None:
    """Short hash of any value that differs from pause to pause (a time, a number); only the hash is kept."""
    return None if _empty(row.get("step")) else sha256(str(row["step"]).strip().encode()).hexdigest()[:12]
