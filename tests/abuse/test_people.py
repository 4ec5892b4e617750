"""One person's flood: who files thousands of dossiers asks for them hundreds of times, and everybody else goes on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text

from tests.abuse.conftest import SECONDS, Figures, Siege
from tests.journeys.conftest import until

pytestmark = pytest.mark.journey

_DOSSIERS = 10_000 if SECONDS > 5 else 1_000
_MESSAGES = 500


def test_five_hundred_messages_of_one_person(siege: Siege, survives: Callable[..., Figures]) -> None:
    """Their ten answers a minute, and the follows that come behind them, are there within seconds."""
    world = siege.world
    user = world.follow(5)
    with world.services.ledger.begin() as tx:
        tx.execute(
            text("""
                INSERT INTO notices (oa, event_key, code, kind, rank, facts, person_id, event_at, fresh_at, recorded_at,
                                     due_at, state)
                SELECT f.oa, 'F' || n || '/accepted/1', 'F' || n, 'accepted', 1, '{}', f.person_id, now(), now(), now(),
                       now(), 'sent'
                FROM followers f CROSS JOIN generate_series(1, :number) AS n WHERE f.user_id = :user"""),
            {"number": _DOSSIERS, "user": user},
        )
    url = f"http://127.0.0.1:{siege.port}/hooks/zalo"

    def flood(siege: Siege) -> None:
        for number in range(_MESSAGES):
            world.zalo.event("user_send_text", url, user_id=user, text=f"hồ sơ của tôi {number}")
            siege.blows += 1
            if siege.over.is_set() and number >= _MESSAGES // 5:
                break
        world.zalo.event("follow", url, user_id="6142494823000009999")

    survives(f"{_MESSAGES} messages about {_DOSSIERS} dossiers", flood, people=range(10, 20))
    until(
        lambda: bool(world.rows("SELECT FROM followers WHERE user_id = '6142494823000009999' AND follows")),
        "the follow behind the flood", world=world,
    )  # fmt: skip
    assert len(world.rows("SELECT FROM notices WHERE code LIKE 'chat-%'")) <= 20
