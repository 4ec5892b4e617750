"""Converts the body of a genuine request into an event in our words. Pure; never raises, whatever the body contains.

Ids are decimal strings above 2^53. Recorded bodies differ from those on Zalo's pages, so only the fields that we need
are read. A body without them is `odd`: recorded and counted, but without consequences.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domain.phone import read_phone
from domain.text import nfc
from domain.tracking import notice_in
from producers.hooks.ask import LONGEST
from producers.hooks.event_words import KINDS, EventForm, EventWord, Path
from producers.hooks.moment import moment

_NAME = re.compile(r"[a-z0-9_]{1,64}")
_ID = re.compile(r"[\w-]{1,64}", re.ASCII)
_LONGEST_PHONE = 64  # characters of a field that may hold a phone


@dataclass(frozen=True, slots=True)
class ZaloEvent:
    """An event from Zalo. `key` is the same for an event that is sent again, even with other bytes.

    `at` is when it happened (UTC); `phone` is E.164; `text` is NFC; `mark` is our tracking id, returned by Zalo;
    `number` is its place in the inbox, once it is there.
    """

    name: str
    word: EventWord
    key: bytes
    at: datetime
    user_id: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    text: str | None = field(default=None, repr=False)
    message_ids: tuple[str, ...] = ()
    mark: str | None = None
    number: int = 0


def read(body: Mapping[str, Any], raw: bytes, at: datetime, *, by_phone: bool) -> ZaloEvent:
    """The event in `body`, signed as `raw` at `at`; `by_phone` says that it came from the ZNS host."""
    name = text_at(body, ("event_name",)) or ""
    name = name if _NAME.fullmatch(name) else "nameless"
    kind = KINDS.get(name)
    if kind is None:
        return ZaloEvent(name, EventWord.UNKNOWN, _digest(raw), at)
    if kind.word is EventWord.NOTED:
        return ZaloEvent(name, EventWord.NOTED, _digest(raw), at)
    return _READERS[kind.word](name, kind, body, at, by_phone) or ZaloEvent(name, EventWord.ODD, _digest(raw), at)


def text_at(body: Any, path: Path) -> str | None:
    """The text at a path; a whole number becomes its digits; None for anything else, or if nothing is there."""
    for step in path:
        body = body.get(step) if isinstance(body, dict) else None
    if type(body) is int:
        body = _digits(body)
    return body if isinstance(body, str) and body else None


def _about_user(name: str, kind: EventForm, body: Mapping[str, Any], at: datetime, _: bool) -> ZaloEvent | None:
    user = _user(kind, body)
    if user is None:
        return None
    message = _id_at(body, ("message", "msg_id"))
    return ZaloEvent(name, kind.word, _key(name, user, [message or _stamp(at)]), at, user)


def _wrote(name: str, kind: EventForm, body: Mapping[str, Any], at: datetime, _: bool) -> ZaloEvent | None:
    """A message without text is still an interaction."""
    user, text = _user(kind, body), text_at(body, ("message", "text"))
    if user is None:
        return None
    message = _id_at(body, ("message", "msg_id"))
    key = _key(name, user, [message or _stamp(at)])
    words = _sound(text[:LONGEST]) if text else None
    return ZaloEvent(name, kind.word, key, at, user, text=words, message_ids=(message,) if message else ())


def _submitted(name: str, kind: EventForm, body: Mapping[str, Any], at: datetime, _: bool) -> ZaloEvent | None:
    """Both forms of `info` contain `phone`; an empty one is the number 0."""
    user, raw = _user(kind, body), text_at(body, ("info", "phone"))
    if user is None:
        return None
    phone = read_phone(raw[:_LONGEST_PHONE]).e164 if raw else None
    return ZaloEvent(name, kind.word, _key(name, user, [_stamp(at)]), at, user, phone)


def _received(name: str, kind: EventForm, body: Mapping[str, Any], at: datetime, by_phone: bool) -> ZaloEvent | None:
    """By ZNS the recipient is a phone or its hash, which we do not need, and the true time is `delivery_time`."""
    message = _id_at(body, ("message", "msg_id"))
    if message is None:
        return None
    delivered = moment(text_at(body, ("message", "delivery_time")))
    user = None if by_phone or delivered else _user(kind, body)
    mark = text_at(body, ("message", "tracking_id"))
    return ZaloEvent(
        name,
        kind.word,
        _key(name, "", [message]),
        delivered or at,
        user,
        message_ids=(message,),
        mark=mark if mark and notice_in(mark) else None,
    )


def _seen(name: str, kind: EventForm, body: Mapping[str, Any], at: datetime, _: bool) -> ZaloEvent | None:
    """`msg_ids` repeats ids, so it is read as a set."""
    message = body.get("message")
    listed = message.get("msg_ids") if isinstance(message, dict) else None
    ids = {_an_id(str(one)) for one in listed if isinstance(one, str | int)} if isinstance(listed, list) else set()
    ids.add(_id_at(body, ("message", "msg_id")))
    found = sorted(one for one in ids if one is not None)
    if not found:
        return None
    return ZaloEvent(name, kind.word, _key(name, "", found), at, _user(kind, body), message_ids=tuple(found))


def _echo(name: str, kind: EventForm, body: Mapping[str, Any], at: datetime, _: bool) -> ZaloEvent | None:
    user, message = _user(kind, body), _id_at(body, ("message", "msg_id"))
    text = text_at(body, ("message", "text"))
    if user is None or message is None or text is None:
        return None
    return ZaloEvent(name, kind.word, _key(name, "", [message]), at, user, text=_sound(text), message_ids=(message,))


_READERS = {
    EventWord.FOLLOWED: _about_user,
    EventWord.UNFOLLOWED: _about_user,
    EventWord.INTERACTED: _about_user,
    EventWord.WROTE: _wrote,
    EventWord.WITHDREW: _about_user,
    EventWord.SUBMITTED: _submitted,
    EventWord.RECEIVED: _received,
    EventWord.SEEN: _seen,
    EventWord.ECHO: _echo,
}


def _user(kind: EventForm, body: Mapping[str, Any]) -> str | None:
    return next((user for path in kind.user if (user := _id_at(body, path))), None)


def _id_at(body: Any, path: Path) -> str | None:
    return _an_id(text_at(body, path))


def _an_id(text: str | None) -> str | None:
    return text if text is not None and _ID.fullmatch(text) else None


def _sound(text: str) -> str:
    """The text in NFC, without the lone surrogates that JSON can encode and UTF-8 cannot."""
    return nfc(text.encode("utf-8", "replace").decode())


def _digits(number: int) -> str | None:
    try:
        return str(number)
    except ValueError:  # more digits than Python converts to text
        return None


def _stamp(at: datetime) -> str:
    return at.isoformat()


def _key(name: str, subject: str, marks: Iterable[str]) -> bytes:
    return _digest("\n".join((name, subject, *marks)).encode())


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
