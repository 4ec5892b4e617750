"""At the door: is it really Zalo, is it for us, is it of now? Only then is the body looked at. Pure.

    probe → JSON → whose keys → signature → app and OA → age → event

The reasons of a refusal are a closed set: they are counted and logged, and never hold what was sent.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeAlias

from producers.hooks.moment import moment
from producers.hooks.read import ZaloEvent, read, text_at
from producers.hooks.signature import is_genuine
from producers.hooks.words import KINDS, OA_SENT, USER_SENT, Kind, Word

OLDEST = timedelta(hours=3)
"""Zalo's last retry comes up to 1 h 50 min after the event, and it may be signed with the first try's time."""

AHEAD = timedelta(minutes=10)  # how far Zalo's clock may be before ours


class Fault(StrEnum):
    """Why a request is refused."""

    NO_SECRET = "no secret key"  # noqa: S105 (a sentence; the setting HCC_ZALO_OA_SECRET is missing)
    MALFORMED = "malformed"
    UNSIGNED = "unsigned"
    FORGED = "forged"
    FOREIGN_APP = "another app"
    FOREIGN_OA = "another OA"
    ANY_OA = "of several OAs"  # the keys of more than one fit, and the body does not say which it is for
    STALE = "too old"
    AHEAD = "from the future"


@dataclass(frozen=True, slots=True)
class Keys:
    """Who we are to Zalo, and the OA secret key of the webhook page."""

    app_id: str
    oa_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Arrived:
    """A request: its body as it came, and the headers that matter."""

    body: bytes = field(repr=False)
    signature: str = field(repr=False)
    timestamp: str | None = None  # X-ZEvent-Timestamp: undocumented, for bodies that have none
    by_phone: bool = False  # X-ZEvent-Server: ZNS


@dataclass(frozen=True, slots=True)
class Probe:
    """The empty object that Zalo posts, unsigned, when the address is saved: to be answered 200, and nothing else."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Not let in."""

    fault: Fault


_ANY = Kind(Word.UNKNOWN)
_ACROSS = {USER_SENT: OA_SENT, OA_SENT: USER_SENT}  # where the user stands on one side, the OA stands on the other

Admission: TypeAlias = ZaloEvent | Probe | Refused


def admit(arrived: Arrived, keys: Keys, now: datetime) -> Admission:
    """What came, in our words, or why it is not let in."""
    return admit_among(arrived, [keys], now)[1]


def admit_among(arrived: Arrived, keyring: Sequence[Keys], now: datetime) -> tuple[str, Admission]:
    """As `admit`, for one of several OAs; the id of the OA comes first, empty where it is not known."""
    body = _object(arrived.body)
    if body is None:
        return "", Refused(Fault.MALFORMED)
    if not body:
        return "", Probe()
    stamp = text_at(body, ("timestamp",)) or arrived.timestamp
    keys = _whose(arrived, body, stamp, keyring)
    if isinstance(keys, Fault):
        return "", Refused(keys)
    return keys.oa_id, _with(keys, arrived, body, stamp, now)


def _with(keys: Keys, arrived: Arrived, body: dict[str, Any], stamp: str | None, now: datetime) -> Admission:
    if (fault := _forgery(arrived, keys, stamp)) or (fault := _foreign(body, keys)):
        return Refused(fault)
    at = moment(stamp)
    if at is None or at < now - OLDEST:
        return Refused(Fault.STALE)
    if at > now + AHEAD:
        return Refused(Fault.AHEAD)
    return read(body, arrived.body, at, by_phone=arrived.by_phone)


def _whose(arrived: Arrived, body: dict[str, Any], stamp: str | None, keyring: Sequence[Keys]) -> Keys | Fault:
    """The keys to check with: those of the OA that the body names, or the only ones that fit the signature.

    Where none fit, any will do to say why: it will be refused.
    """
    named = _named(body)
    of_named = next((keys for keys in keyring if keys.oa_id in named), None)
    if of_named is not None or len(keyring) == 1:
        return of_named or keyring[0]
    fitting = [keys for keys in keyring if _forgery(arrived, keys, stamp) is None]
    if len(fitting) > 1 and not named:
        return Fault.ANY_OA
    return next(iter([*fitting, *(keys for keys in keyring if keys.secret), *keyring]))


def _forgery(arrived: Arrived, keys: Keys, stamp: str | None) -> Fault | None:
    if not keys.secret:
        return Fault.NO_SECRET
    if not arrived.signature:
        return Fault.UNSIGNED
    try:
        genuine = is_genuine(arrived.signature, keys.app_id, arrived.body, stamp or "", keys.secret)
    except UnicodeEncodeError:  # a timestamp of lone surrogates
        genuine = False
    return None if genuine else Fault.FORGED


def _foreign(body: dict[str, Any], keys: Keys) -> Fault | None:
    """The app and the OA that a body names are ours; where it names none, the signature has said enough."""
    app = text_at(body, ("app_id",))
    if app is not None and app != keys.app_id:
        return Fault.FOREIGN_APP
    return Fault.FOREIGN_OA if _named(body) - {keys.oa_id} else None


def _named(body: dict[str, Any]) -> set[str]:
    """The OAs that a body names; one, if it is as it should be."""
    kind = KINDS.get(text_at(body, ("event_name",)) or "", _ANY)
    paths = [("oa_id",), ("oaId",), *(_ACROSS[user] for user in kind.user if user in _ACROSS)]
    return {oa for path in paths if (oa := text_at(body, path)) is not None}


def _object(raw: bytes) -> dict[str, Any] | None:
    """The JSON object in `raw`; nothing at all counts as an empty one."""
    try:
        body = json.loads(raw) if raw.strip() else {}
    except (ValueError, RecursionError):  # not JSON, not UTF-8, a number of a million digits; brackets without end
        return None
    return body if isinstance(body, dict) else None
