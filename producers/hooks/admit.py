"""Admits or refuses requests: an event is read only if it comes from Zalo, is for us and is recent. Pure.

    probe → JSON → whose keys → signature → app and OA → age → event

The reasons for a refusal are a closed set: they are counted and logged, and never contain what was sent.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeAlias

from producers.hooks.event_words import KINDS, OA_SENT, USER_SENT, EventForm, EventWord
from producers.hooks.moment import moment
from producers.hooks.read import ZaloEvent, read, text_at
from producers.hooks.signature import is_genuine

OLDEST = timedelta(hours=3)
"""Zalo's last retry arrives up to 1 h 50 min after the event, and may be signed with the time of the first try."""

AHEAD = timedelta(minutes=10)  # how far Zalo's clock may be ahead of ours


class RequestFault(StrEnum):
    """Why a request is refused."""

    NO_SECRET = "no secret key"  # noqa: S105 (a sentence; the setting HCC_ZALO_OA_SECRET is missing)
    MALFORMED = "malformed"
    UNSIGNED = "unsigned"
    FORGED = "forged"
    FOREIGN_APP = "another app"
    FOREIGN_OA = "another OA"
    ANY_OA = "of several OAs"  # the keys of more than one fit, and the body names none
    STALE = "too old"
    AHEAD = "from the future"


@dataclass(frozen=True, slots=True)
class Keys:
    """Our ids at Zalo, and the OA secret key from the webhook page."""

    app_id: str
    oa_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Arrived:
    """A request: its raw body, and the relevant headers."""

    body: bytes = field(repr=False)
    signature: str = field(repr=False)
    timestamp: str | None = None  # X-ZEvent-Timestamp: undocumented, for bodies without a timestamp
    by_phone: bool = False  # X-ZEvent-Server: ZNS


@dataclass(frozen=True, slots=True)
class Probe:
    """The empty, unsigned object that Zalo posts when the address is saved: it is answered 200, and nothing else."""


@dataclass(frozen=True, slots=True)
class RejectedRequest:
    """A request that is refused."""

    fault: RequestFault


_ANY = EventForm(EventWord.UNKNOWN)
_ACROSS = {USER_SENT: OA_SENT, OA_SENT: USER_SENT}  # if the user is on one side, the OA is on the other

Admission: TypeAlias = ZaloEvent | Probe | RejectedRequest


def admit(arrived: Arrived, keys: Keys, now: datetime) -> Admission:
    """The event in our words, or why the request is refused."""
    return admit_among(arrived, [keys], now)[1]


def admit_among(arrived: Arrived, keyring: Sequence[Keys], now: datetime) -> tuple[str, Admission]:
    """Like `admit`, for one of several OAs; the id of the OA comes first, empty if it is unknown."""
    body = _object(arrived.body)
    if body is None:
        return "", RejectedRequest(RequestFault.MALFORMED)
    if not body:
        return "", Probe()
    stamp = text_at(body, ("timestamp",)) or arrived.timestamp
    keys = _whose(arrived, body, stamp, keyring)
    if isinstance(keys, RequestFault):
        return "", RejectedRequest(keys)
    return keys.oa_id, _with(keys, arrived, body, stamp, now)


def _with(keys: Keys, arrived: Arrived, body: dict[str, Any], stamp: str | None, now: datetime) -> Admission:
    if (fault := _forgery(arrived, keys, stamp)) or (fault := _foreign(body, keys)):
        return RejectedRequest(fault)
    at = moment(stamp)
    if at is None or at < now - OLDEST:
        return RejectedRequest(RequestFault.STALE)
    if at > now + AHEAD:
        return RejectedRequest(RequestFault.AHEAD)
    return read(body, arrived.body, at, by_phone=arrived.by_phone)


def _whose(arrived: Arrived, body: dict[str, Any], stamp: str | None, keyring: Sequence[Keys]) -> Keys | RequestFault:
    """The keys to check with: those of the OA that the body names, or the only ones that fit the signature.

    If none fit, any keys serve to give the reason, since the request will be refused.
    """
    named = _named(body)
    of_named = next((keys for keys in keyring if keys.oa_id in named), None)
    if of_named is not None or len(keyring) == 1:
        return of_named or keyring[0]
    fitting = [keys for keys in keyring if _forgery(arrived, keys, stamp) is None]
    if len(fitting) > 1 and not named:
        return RequestFault.ANY_OA
    return next(iter([*fitting, *(keys for keys in keyring if keys.secret), *keyring]))


def _forgery(arrived: Arrived, keys: Keys, stamp: str | None) -> RequestFault | None:
    if not keys.secret:
        return RequestFault.NO_SECRET
    if not arrived.signature:
        return RequestFault.UNSIGNED
    try:
        genuine = is_genuine(arrived.signature, keys.app_id, arrived.body, stamp or "", keys.secret)
    except UnicodeEncodeError:  # a timestamp of lone surrogates
        genuine = False
    return None if genuine else RequestFault.FORGED


def _foreign(body: dict[str, Any], keys: Keys) -> RequestFault | None:
    """The fault if the body names another app or OA; a body that names none is accepted, as the signature suffices."""
    app = text_at(body, ("app_id",))
    if app is not None and app != keys.app_id:
        return RequestFault.FOREIGN_APP
    return RequestFault.FOREIGN_OA if _named(body) - {keys.oa_id} else None


def _named(body: dict[str, Any]) -> set[str]:
    """The OAs that a body names; a regular body names one."""
    kind = KINDS.get(text_at(body, ("event_name",)) or "", _ANY)
    paths = [("oa_id",), ("oaId",), *(_ACROSS[user] for user in kind.user if user in _ACROSS)]
    return {oa for path in paths if (oa := text_at(body, path)) is not None}


def _object(raw: bytes) -> dict[str, Any] | None:
    """The JSON object in `raw`; an empty body counts as an empty object."""
    try:
        body = json.loads(raw) if raw.strip() else {}
    except (ValueError, RecursionError):  # not JSON, not UTF-8, a number of a million digits; endlessly nested brackets
        return None
    return body if isinstance(body, dict) else None
