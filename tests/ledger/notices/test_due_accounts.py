"""Which OAs have something to do: one statement names them, and no other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from ledger.base.sealing import Sealer
from ledger.notices import due_accounts, notices
from ledger.notices.due_accounts import AgeLimits
from ledger.notices.notices import NewNotice
from ledger.zalo import inbox, receipts
from ledger.zalo.credentials import Credentials, Pair
from ledger.zalo.inbox import NewZaloEvent
from ledger.zalo.receipts import Receipt

OAS = ["1", "2", "3"]
AGES = {"1": AgeLimits(72, 14), "2": AgeLimits(72, 14), "3": AgeLimits(1, 1)}


def record(tx: Connection, oa: str, *, kind: str = "accepted", hours: float = 0.0, **changes: Any) -> int:
    """A notice of this age; `changes` are columns set afterwards. Returns its id."""
    at = datetime.now(UTC) - timedelta(hours=hours)
    code = f"H-{oa}"
    notices.record(tx, oa, [NewNotice(f"{code}/{kind}/1", code, kind, None, {}, None, None, at, at)])
    where = {"oa": oa, "key": f"{code}/{kind}/1", **changes}
    for column in changes:
        tx.execute(text(f"UPDATE notices SET {column} = :{column} WHERE oa = :oa AND event_key = :key"), where)
    found: int = tx.execute(text("SELECT id FROM notices WHERE oa = :oa AND event_key = :key"), where).scalar_one()
    return found


SOON = datetime.now(UTC) + timedelta(hours=1)
PAST = datetime.now(UTC) - timedelta(minutes=1)


@pytest.mark.parametrize(
    ("notice", "delivered", "swept"),
    [
        ({}, ["1"], []),
        ({"due_at": SOON}, [], []),
        ({"hours": 71}, ["1"], []),
        ({"hours": 73}, [], ["1"]),
        ({"kind": "fee_reminder"}, [], []),
        ({"lane": 0}, ["1"], []),
        ({"state": "sending", "lease_until": PAST}, [], ["1"]),
        ({"state": "sending", "lease_until": SOON}, [], []),
        ({"state": "waiting"}, [], ["1"]),
        ({"state": "unreachable", "hours": 24 * 13}, [], []),
        ({"state": "unreachable", "hours": 24 * 15}, [], ["1"]),
        ({"state": "sent", "hours": 24 * 15}, [], []),
    ],
)
def test_an_oa_is_named_where_a_notice_may_be_sent_or_is_amiss(
    ledger: Engine, notice: dict[str, Any], delivered: list[str], swept: list[str]
) -> None:
    """Each state and age that calls for a worker, and those that do not; at night no reminder does."""
    with ledger.begin() as tx:
        record(tx, "1", **notice)
        assert due_accounts.to_deliver(tx, AGES, frozenset({"fee_reminder"})) == delivered
        assert due_accounts.to_sweep(tx, AGES) == swept


def test_each_oa_has_its_own_ages(ledger: Engine) -> None:
    """Two hours are nothing to one OA and too old for another; an OA without notices is not named at all."""
    with ledger.begin() as tx:
        record(tx, "1", hours=2)
        record(tx, "3", hours=2)
        assert due_accounts.to_deliver(tx, AGES, frozenset()) == ["1"]
        assert due_accounts.to_sweep(tx, AGES) == ["3"]


def test_a_notice_behind_an_unfinished_one_calls_nobody(ledger: Engine) -> None:
    """Order per dossier: what waits for an earlier one is neither sent nor let go."""
    with ledger.begin() as tx:
        record(tx, "1", state="uncertain", due_at=SOON)
        record(tx, "1", kind="result_ready")
        assert (due_accounts.to_deliver(tx, AGES, frozenset()), due_accounts.to_sweep(tx, AGES)) == ([], [])


def test_an_oa_is_named_where_a_look_or_an_event_or_a_token_is_due(ledger: Engine) -> None:
    """Uncertain notices by their next look; events until they are applied; receipts by their look; worn tokens."""
    now = datetime.now(UTC)
    credentials = Credentials(Sealer(["0123456789abcdef"]))
    with ledger.begin() as tx:
        record(tx, "1", state="uncertain")
        record(tx, "2", state="uncertain", due_at=SOON)
        inbox.record(tx, "1", [NewZaloEvent(b"1", "follow", "followed", now, b"sealed")])
        inbox.record(tx, "2", [NewZaloEvent(b"1", "shown", "noted", now, None)])
        receipts.keep(tx, "3", [Receipt("seen", "m", now)])
        for oa, life in (("1", 1000), ("2", 1000), ("3", 1000)):
            credentials.store(tx, oa, Pair("a", "r", life))
        tx.execute(text("UPDATE credentials SET issued_at = issued_at - interval '900 s' WHERE oa IN ('1', '2')"))
        tx.execute(text("UPDATE credentials SET expires_at = issued_at + interval '1000 s'"))
        credentials.bury(tx, "2", "gone")
    with ledger.connect() as connection:
        assert due_accounts.to_look_up(connection, OAS) == ["1"]
        assert sorted(due_accounts.to_apply(connection, OAS)) == ["1", "3"]
        assert due_accounts.to_renew(connection, OAS) == ["1"]
        worn = credentials.read(connection, "1")
        assert worn is not None
        assert worn.worn, "as the credential itself says"
