"""Zalo's events with real processes: from the first follow to the silence after the last."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from config.settings import ROOT
from tests.journeys.conftest import MORNING, World, until

pytestmark = pytest.mark.journey

USER, PHONE = "6142494823000001001", "84978001001"
SEND = "/v3.0/oa/message"
AT_REST = {"sent", "suppressed"}


class Zalo:
    """The stand-in as it tells our web process what people do."""

    def __init__(self, world: World) -> None:
        self._world = world
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        world.environment["PORT"] = str(self._port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/hooks/zalo"

    def wait(self, seconds: float = 30.0) -> None:
        until(self._listens, "the web process", seconds, self._world)

    def _listens(self) -> bool:
        with socket.socket() as knock:
            return knock.connect_ex(("127.0.0.1", self._port)) == 0

    def tell(self, event: str, **order: Any) -> None:
        """An event happens, and is answered 200."""
        sent = self._world.zalo.event(event, self.url, **({"user_id": USER} | order))
        assert set(sent["statuses"]) == {200}, sent["statuses"]

    def metrics(self) -> str:
        return requests.get(self.url.replace("/hooks/zalo", "/metrics"), timeout=10).text


@pytest.fixture
def zalo(world: World) -> Zalo:
    """A citizen who does not follow yet, and the processes; who shares a phone need not prove it here."""
    told = Zalo(world)
    world.zalo.people([{"user_id": USER, "phone": PHONE, "follows": False}])
    world.start("worker", "beat", "web", phone_proof="none")
    told.wait()
    return told


def dossier(world: World, code: str) -> dict[str, Any]:
    """What `hcc dossier CODE --json` shows."""
    answer = subprocess.run(
        [str(Path(sys.executable).parent / "hcc"), "dossier", code, "--json"],
        cwd=ROOT, env=os.environ | world.environment, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    shown: dict[str, Any] = json.loads(answer.stdout)
    return shown


def becomes(world: World, key: str, state: str) -> Callable[[], bool]:
    return lambda: world.states().get(key) == state


def test_from_the_first_follow_to_the_silence_after_the_last(world: World, zalo: Zalo) -> None:
    """R8, R27, R28: welcomed once, told what was held, seen to be told, and left alone afterwards."""
    code = world.accept(1001)
    held = f"{code}/accepted/1"
    until(becomes(world, held, "unreachable"), "the notice to be held", world=world)
    for _ in range(4):
        zalo.tell("follow")
    zalo.tell("follow", times=5)
    welcome, request = world.messages(2)
    assert welcome["text"].startswith("Cảm ơn Ông/Bà đã quan tâm Zalo “Hành chính công tỉnh Hà Tĩnh”")
    assert request["attachment"]["payload"]["template_type"] == "request_user_info"
    zalo.tell("user_submit_info", phone=PHONE, times=2)
    told = world.messages(3)[2]
    assert code in told["text"]
    until(becomes(world, held, "sent"), "the notice to be sent", world=world)
    zalo.tell("user_received_message", message_id=told["message_id"], times=2)
    until(becomes(world, held, "delivered"), "the receipt", world=world)
    zalo.tell("user_seen_message", message_id=told["message_id"])
    until(becomes(world, held, "seen"), "the second receipt", world=world)
    zalo.tell("user_received_message", message_id=told["message_id"])
    shown = dossier(world, code)["notices"][0]
    assert (shown["state"], shown["channel"]) == ("seen", "zalo_cs")
    assert [step["to"] for step in shown["history"]][-3:] == ["sent", "delivered", "seen"]
    zalo.tell("unfollow")
    until(lambda: not world.rows("SELECT FROM followers WHERE follows"), "the unfollow", world=world)
    world.dossiers.finish(code, at=MORNING + timedelta(minutes=32))
    until(becomes(world, f"{code}/result_ready/1", "unreachable"), "the silence", world=world)
    assert len(world.zalo.messages()) == 3
    metrics = zalo.metrics()
    assert 'hcc_zalo_events_total{outcome="recorded",word="followed"} 5.0' in metrics
    assert 'hcc_zalo_events_total{outcome="repeated",word="followed"} 4.0' in metrics


def test_an_echo_settles_what_nobody_saw_the_end_of(world: World, zalo: Zalo) -> None:
    """Law 3: Zalo accepted, we never heard, the look-up is broken: its echo says that it arrived."""
    zalo.tell("follow")
    zalo.tell("user_submit_info", phone=PHONE)
    until(lambda: len([s for s in world.states().values() if s == "sent"]) >= 1, "the welcome", world=world)
    until(
        lambda: "due" not in world.states().values() and "sending" not in world.states().values(), "rest", world=world
    )
    before = len(world.zalo.messages())
    world.zalo.fault("http_500", path="/v2.0/oa/conversation")
    world.zalo.fault("reset_after", count=1, path=SEND)
    code = world.accept(1001)
    key = f"{code}/accepted/1"
    until(becomes(world, key, "uncertain"), "the doubt", world=world)
    message = world.messages(before + 1)[before]
    zalo.tell("oa_send_text", message_id=message["message_id"])
    zalo.tell("user_seen_message", message_id=message["message_id"])
    until(becomes(world, key, "seen"), "the doubt to be settled", world=world)
    assert len(world.zalo.messages()) == before + 1


def test_what_was_answered_is_not_lost_when_the_process_dies(world: World) -> None:
    """Killed before anything followed from the event: it was in the ledger before Zalo heard 200."""
    told = Zalo(world)
    processes = world.start()
    web = processes.start("web", "hcc web")
    told.wait()
    told.tell("follow")
    web.send_signal(signal.SIGKILL)
    world.start("worker", "beat")
    assert len(world.messages(2)) == 2


def test_an_event_under_a_newer_key_waits_for_the_worker_that_has_it(world: World) -> None:
    """The web process was given the key first. A worker without it starts a new child for every task meanwhile."""
    zalo = Zalo(world)
    newer = f"another-key-for-tests-9876543210,{world.environment['HCC_SECRET_KEYS']}"
    users = [str(6_142_494_823_000_002_000 + number) for number in range(5)]
    world.zalo.people([{"user_id": user, "follows": False} for user in users])
    world.start("web", secret_keys=newer)
    world.start("beat")
    worker = "celery -A worker.app worker -n {}@%h --concurrency 1 --loglevel INFO"
    old = world.start().start("old", f"{worker.format('old')} --max-tasks-per-child 1")
    zalo.wait()
    for number, user in enumerate(users, 1):
        zalo.tell("follow", user_id=user)
        until(lambda: len(world.rows("SELECT FROM unread_events")) == number, "the event to be kept", world=world)  # noqa: B023 (waited for here)
    assert {row.faults for row in world.rows("SELECT faults FROM unread_tries")} == {1}
    assert world.states() == {}
    old.send_signal(signal.SIGTERM)
    old.wait(60)
    world.start(secret_keys=newer).start("new", worker.format("new"))
    world.messages(2 * len(users))
    until(lambda: not world.rows("SELECT FROM unread_events"), "the events to be read", world=world)
    assert {message["user_id"] for message in world.zalo.messages()} == set(users)


def test_07_receipts_overtake_our_own_commits_and_a_worker_dies_among_them(world: World) -> None:
    """Incident 7: seen before delivered, both twice and before we know that it was sent; a kill -9 in the middle."""
    zalo = Zalo(world)
    users = {world.follow(number): number for number in range(1001, 1041)}
    world.zalo.switch(latency_ms=1500)  # half of it passes between acceptance and answer
    world.start("beat", "web")
    processes = world.start(lease_seconds="5")
    worker = "celery -A worker.app worker -n {}@%h --concurrency 2 --loglevel INFO"
    first = processes.start("first", worker.format("first"))
    zalo.wait()
    for number in users.values():
        world.accept(number)
    seen = 0
    while seen < len(users):
        for message in world.zalo.messages(since=seen, wait=30):
            for event in ("oa_send_text", "user_seen_message", "user_received_message", "user_seen_message"):
                zalo.tell(event, message_id=message["message_id"], user_id=message["user_id"])
            seen += 1
            if seen == 10:
                os.killpg(first.pid, signal.SIGKILL)
                processes.start("second", worker.format("second"))
    until(lambda: set(world.states().values()) == {"seen"}, "all to be seen", 90, world)
    told = [message["user_id"] for message in world.zalo.messages()]
    assert sorted(told) == sorted(users)
    steps = world.rows("SELECT DISTINCT before, after FROM history WHERE before IN ('sent', 'delivered', 'seen')")
    assert {tuple(step) for step in steps} <= {("sent", "delivered"), ("sent", "seen"), ("delivered", "seen")}


def test_what_is_not_zalos_is_refused_and_leaves_no_trace(world: World, zalo: Zalo) -> None:
    """Forged, foreign, stale, damaged, huge: 4xx, nothing recorded, nothing personal in any log."""
    refused = [
        world.zalo.event("follow", zalo.url, user_id=USER, secret="another")["statuses"],
        world.zalo.event("follow", zalo.url, user_id=USER, signature="")["statuses"],
        world.zalo.event("follow", zalo.url, user_id=USER, timestamp=1)["statuses"],
    ]
    assert refused == [[403], [403], [403]]
    for raw, status in ((b"{", 400), (b'{"phone": "%s"}' % PHONE.encode(), 403), (b" " * 70_000, 413), (b"{}", 200)):
        assert requests.post(zalo.url, raw, timeout=10).status_code == status
    assert world.rows("SELECT FROM zalo_events") == []
    logs = "".join(path.read_text() for path in world.logs.glob("*.log"))
    assert "event refused: forged" in logs
    for personal in (USER, PHONE, PHONE[2:]):
        assert personal not in logs
