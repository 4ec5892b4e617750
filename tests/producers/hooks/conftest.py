"""What the tests of the hooks begin with: Zalo's pen, and an inbox on a real ledger."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from domain.phone_claims import Demand
from ledger.base.sealing import Sealer
from ledger.people.people import People
from ledger.zalo import inbox
from producers.hooks.admit import Arrived, Keys, admit
from producers.hooks.apply import Applier
from producers.hooks.read import ZaloEvent
from producers.hooks.record import seal
from producers.hooks.signature import signature

APP, OA, SECRET = "4213356789012345678", "4024926008133882615", "oa-secret-key"
USER, OTHER = "6142494823000001001", "6142494823000001002"
KEYS = Keys(APP, OA, SECRET)
PHONE = "84978001001"
NOW = datetime.now(UTC).replace(microsecond=0)


def ms(at: datetime) -> str:
    """Zalo's way to write a moment."""
    return str(int(at.timestamp() * 1000))


def body(name: str, at: datetime = NOW, **fields: Any) -> bytes:
    """A body as Zalo writes it."""
    whole = {"event_name": name, "app_id": APP, "timestamp": ms(at)} | fields
    return json.dumps(whole, ensure_ascii=False).encode()


def from_user(name: str, user: str = USER, at: datetime = NOW, **fields: Any) -> bytes:
    return body(name, at, **({"sender": {"id": user}, "recipient": {"id": OA}} | fields))


def to_user(name: str, user: str = USER, at: datetime = NOW, **fields: Any) -> bytes:
    return body(name, at, **({"sender": {"id": OA}, "recipient": {"id": user}} | fields))


def follow(name: str = "follow", user: str = USER, at: datetime = NOW, **fields: Any) -> bytes:
    return body(name, at, **({"oa_id": OA, "follower": {"id": user}, "source": "oa_profile"} | fields))


def submit(phone: object = PHONE, user: str = USER, at: datetime = NOW, **info: Any) -> bytes:
    return from_user("user_submit_info", user, at, info={"name": "Nguyễn Văn An", "phone": phone, **info})


def signed(raw: bytes, **more: Any) -> Arrived:
    """A request with the right signature."""
    stamp = json.loads(raw).get("timestamp", "")
    return Arrived(raw, "mac=" + signature(APP, raw, str(stamp), SECRET), **more)


def event(raw: bytes, **more: Any) -> ZaloEvent:
    """The event that is let in."""
    admitted = admit(signed(raw, **more), KEYS, datetime.now(UTC) + timedelta(seconds=1))
    assert isinstance(admitted, ZaloEvent), admitted
    return admitted


class Office:
    """An inbox and what follows from it, in this process.

    HCC_PHONE_PROOF=none unless said: what is not about proofs shares a phone and is told.
    """

    def __init__(self, ledger: Engine, demand: Demand = Demand.NONE, *, sends_codes: bool = False) -> None:
        self.ledger = ledger
        self.sealer = Sealer(["0123456789abcdef"])
        self.people = People.of(ledger, self.sealer)
        self.rung = 0
        self.applier = Applier(
            OA, ledger, self.people, self.sealer, grace_days=14, ring=self._ring, demand=demand, sends_codes=sends_codes
        )

    def _ring(self) -> None:
        self.rung += 1

    def receive(self, *raws: bytes, apply: bool = True, **more: Any) -> int:
        """Record signed bodies in this order, and draw the consequences; returns how many were new."""
        with self.ledger.begin() as tx:
            new = [len(inbox.record(tx, OA, [seal(event(raw, **more), self.sealer)])) for raw in raws]
        if apply:
            self.applier.run(10)
        return sum(new)

    def rows(self, sql: str, **values: Any) -> list[Any]:
        with self.ledger.connect() as connection:
            return list(connection.execute(text(sql), values))

    def states(self) -> dict[str, str]:
        return {row.event_key: row.state for row in self.rows("SELECT event_key, state FROM notices")}


@pytest.fixture
def office(ledger: Engine) -> Office:
    return Office(ledger)
