"""Holds that Zalo imposed are lifted on the page of the system, as `hcc hold lift` does."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from coordination.connection import open_redis
from coordination.holds import Holds
from tests.operators.console.conftest import OA, SignIn
from tests.operators.console.waiting import put, scalar
from worker.services.deployment import Deployment

CHANNEL = f"channel:{OA}:zalo_cs"


@pytest.fixture
def held(owner: Engine, desk: Deployment) -> Deployment:
    """A channel that Zalo told us to leave alone, and what waits for it."""
    desk.shared.redis.flushall()
    desk.shared.holds.hold(CHANNEL, 3600, "quota")
    put(owner, "due", 2, reason="quota", in_seconds=3600)
    return desk


def test_a_hold_is_lifted_with_a_reason_and_what_waited_is_sent(
    owner: Engine, sign_in: SignIn, held: Deployment
) -> None:
    """Recorded under the account's name; whoever is second reads that it is over."""
    client = sign_in("operator", "lan")
    assert f'action="/holds/{CHANNEL}/lift"' in client.get("/system").content.decode()
    assert "cần một lý do" in client.post(f"/holds/{CHANNEL}/lift", {"why": " "}, follow=True).content.decode()
    assert held.shared.holds.of([CHANNEL])
    answer = client.post(f"/holds/{CHANNEL}/lift", {"why": "Zalo báo đã mở lại"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/system#holds")
    assert "2 thông báo được gửi ngay" in client.get("/system").content.decode()
    assert not held.shared.holds.of([CHANNEL])
    assert scalar(owner, "SELECT count(*) FROM notices WHERE due_at <= now()") == 2
    assert scalar(owner, "SELECT verb || ', ' || subject || ', ' || by FROM audit") == f"hold lift, {CHANNEL}, lan"
    again = client.post(f"/holds/{CHANNEL}/lift", {"why": "x"}, follow=True).content.decode()
    assert "không còn tạm ngừng" in again


def test_a_hold_of_another_oa_is_not_ours(owner: Engine, sign_in: SignIn, held: Deployment) -> None:
    """This console serves others."""
    other = "channel:999:zalo_cs"
    held.shared.holds.hold(other, 3600, "quota")
    sign_in("operator").post(f"/holds/{other}/lift", {"why": "x"})
    assert held.shared.holds.of([other])
    assert scalar(owner, "SELECT count(*) FROM audit") == 0


def test_without_redis_nothing_is_lifted_and_the_page_says_so(
    owner: Engine, sign_in: SignIn, held: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sentence, not a fault."""
    monkeypatch.setattr(held.shared, "holds", Holds(open_redis("redis://127.0.0.1:1/0")))
    shown = sign_in("operator").post(f"/holds/{CHANNEL}/lift", {"why": "x"}, follow=True).content.decode()
    assert "Redis không trả lời" in shown
    assert scalar(owner, "SELECT count(*) FROM audit") == 0
