"""The people of this Zalo, found by user id or by phone, and the reasons why some cannot be written to."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.zalo.clock import seconds

# Trouble with a person → the host's code; the first that applies is answered.
OA_TROUBLES: Mapping[str, int] = {
    "banned": -227,
    "restricted": -244,
    "blocked": -217,
    "receive_cap": -218,
}
ZNS_TROUBLES: Mapping[str, int] = {
    "no_zalo": -118,
    "inactive": -114,
    "cannot_receive": -119,
    "refuses_kind": -139,
    "refuses_oa": -141,
}
PHONE_OFF = "phone_off"  # a message is accepted and not delivered
PHONE = re.compile(r"84\d{9,10}")
TROUBLES = {*OA_TROUBLES, *ZNS_TROUBLES, PHONE_OFF}
FIELDS = {"user_id", "phone", "name", "follows", "last_interaction", "shared", *TROUBLES}


@dataclass(slots=True)
class Person:
    """One person as one OA sees them. `last_interaction` is seconds since 1970, None for never."""

    user_id: str
    phone: str = ""
    name: str = ""
    follows: bool = True
    last_interaction: float | None = None
    troubles: frozenset[str] = frozenset()
    shared: dict[str, str] = field(default_factory=dict)  # submitted by the person

    @property
    def display_name(self) -> str:
        return self.name or f"Công dân {(self.user_id or self.phone)[-4:]}"

    @property
    def user_id_by_app(self) -> str:
        """The person's id for this App; ids are decimal strings above 2^53."""
        return str(2**61 + int.from_bytes(hashlib.sha256(self.user_id.encode()).digest()[:7], "big"))


class People:
    """The registered people; with `everybody_known` also any other numeric user id and any other phone."""

    def __init__(self) -> None:
        self._by_id: dict[str, Person] = {}
        self._by_phone: dict[str, Person] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def register(self, person: Person) -> None:
        """Add or replace a person."""
        if person.user_id:
            self._by_id[person.user_id] = person
        if person.phone:
            self._by_phone[person.phone] = person

    def by_id(self, user_id: str, *, everybody: bool, now: float) -> Person | None:
        person = self._by_id.get(user_id)
        if person is None and everybody and user_id.isdecimal():
            return Person(user_id, last_interaction=now)
        return person

    def by_phone(self, phone: str, *, everybody: bool, now: float) -> Person | None:
        person = self._by_phone.get(phone)
        return Person("", phone, last_interaction=now) if person is None and everybody else person

    def all(self) -> list[Person]:
        return list(self._by_id.values())


def read_person(row: Mapping[str, Any], now: float) -> Person:
    """A person as the control receives them. By default they are a follower whose last interaction is now.

    Raises ValueError with a sentence for an unknown key, or for an id or a phone of the wrong form.
    """
    if unknown := set(row) - FIELDS:
        raise ValueError(f"a person has no {', '.join(sorted(unknown))}; there are {', '.join(sorted(FIELDS))}")
    user_id, phone = row.get("user_id", ""), row.get("phone", "")
    if not isinstance(user_id, str) or not isinstance(phone, str) or not (user_id or phone):
        raise ValueError(f"a person needs a user_id or a phone, as strings: {dict(row)!r}")
    if phone and not PHONE.fullmatch(phone):
        raise ValueError(f"a phone is written 84…: {phone!r}")
    follows = bool(row.get("follows", True))
    last = row.get("last_interaction", now if follows else None)
    return Person(
        user_id=user_id,
        phone=phone,
        name=row.get("name", ""),
        follows=follows,
        last_interaction=None if last is None else seconds(last),
        shared=dict(row.get("shared", {})),
        troubles=frozenset(name for name in TROUBLES if row.get(name)),
    )
