"""`hcc doctor` and /metrics: whose clock is wrong, which doubts last, whether Redis may throw away what is in use."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import Engine, text

from coordination.clocks import ClockBoard
from ledger.notices import notices
from ledger.notices.notices import NewNotice
from operators.checks.fault import CheckFault
from operators.checks.ledger import check_doubts
from operators.checks.servers import check_clocks, check_redis
from operators.web import build
from tests.worker.upkeep.conftest import OA, LedgersClock
from worker.services import clocks
from worker.services.bootstrap import Services


@contextmanager
def zalo(services: Services, ahead: float, date: str | None = None) -> Iterator[list[dict[str, str]]]:
    """A far side whose clock is so many seconds ahead; gives the headers of what it was asked."""
    asked: list[dict[str, str]] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response_only(404)
            shown = date or format_datetime(datetime.now(UTC) + timedelta(seconds=ahead), usegmt=True)
            self.send_header("Date", shown)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        services.settings = services.settings.model_copy(
            update={"zalo_openapi_url": f"http://127.0.0.1:{server.server_port}"}
        )
        try:
            yield asked
        finally:
            server.shutdown()
            thread.join()


def test_clocks_that_agree_are_told_each_with_its_difference(services: Services) -> None:
    """Host, Redis, Zalo and each worker's host, against the ledger's."""
    ClockBoard(services.shared.redis).publish("may-2", timedelta(seconds=-1))
    with zalo(services, 0) as asked:
        [told] = list(check_clocks(services))
    for clock in ("máy này", "Redis", "Zalo", "worker may-2 chậm 1"):
        assert clock in told
    assert [names & {"access_token", "authorization", "appsecret_proof"} for names in map(set, asked)] == [set()]


@pytest.mark.parametrize(
    ("host", "ahead", "told"),
    [("may-2", 8.0, "worker may-2 nhanh 8"), ("may-3", -180.0, "worker may-3 chậm 180")],
)
def test_a_worker_whose_host_is_off_is_named_with_the_cure(
    services: Services, host: str, ahead: float, told: str
) -> None:
    """It said so itself, without a bell; who is right is not named."""
    ClockBoard(services.shared.redis).publish(host, timedelta(seconds=ahead))
    with zalo(services, 0), pytest.raises(CheckFault, match=told) as found:
        list(check_clocks(services))
    assert "NTP" in str(found.value)
    assert "máy này" not in str(found.value)
    assert "hết hạn" not in str(found.value)


def test_zalos_clock_that_is_off_is_named(services: Services) -> None:
    """By the Date of any answer, here a 404."""
    with zalo(services, -180), pytest.raises(CheckFault, match=r"Zalo chậm (179|180)"):
        list(check_clocks(services))


def test_a_ledger_that_jumped_is_off_from_all_and_what_waits_for_it_is_said(
    services: Services, ledgers_clock: LedgersClock
) -> None:
    """Then the server of the ledger is the one to be set."""
    ledgers_clock.set_ahead(hours=1)
    with zalo(services, 0), pytest.raises(CheckFault) as found:
        list(check_clocks(services))
    for words in ("máy này chậm 3600", "Redis chậm 3600", "Zalo chậm 3", "PostgreSQL", "chưa thông báo nào hết hạn"):
        assert words in str(found.value)


@pytest.mark.parametrize("date", ["soon", ""])
def test_a_zalo_that_does_not_tell_its_time_is_no_fault(services: Services, date: str) -> None:
    """Nor is one that cannot be reached: other checks say so."""
    with zalo(services, 0, date=date or " "):
        assert "không hỏi được giờ của Zalo" in list(check_clocks(services))[1]
    services.settings = services.settings.model_copy(update={"zalo_openapi_url": "http://127.0.0.1:1"})
    assert "không hỏi được giờ của Zalo" in list(check_clocks(services))[1]


def test_a_process_publishes_its_clock_by_itself(services: Services, redis_url: str) -> None:
    """Not on a bell: who drops every bell must be heard of."""
    clocks.publish_clock(redis_url)
    end = time.monotonic() + 10.0
    while not (told := services.shared.clock_board.hosts()):
        assert time.monotonic() < end, "nothing was published"
        time.sleep(0.01)
    assert [abs(ahead) < timedelta(seconds=1) for ahead in told.values()] == [True]


def metrics(services: Services) -> str:
    """What Prometheus gets."""

    async def ask() -> str:
        async with TestClient(TestServer(build(services))) as client:
            return await (await client.get("/metrics")).text()

    return asyncio.run(ask())


def test_prometheus_sees_every_clock_but_zalos(services: Services) -> None:
    """Of the workers' hosts it is the one that is furthest off. Zalo is not asked at each scrape."""
    ClockBoard(services.shared.redis).publish("may-2", timedelta(seconds=8))
    ClockBoard(services.shared.redis).publish("may-3", timedelta(seconds=-3))
    told = dict(re.findall(r'hcc_clock_offset_seconds\{clock="([^"]+)"\} (\S+)', metrics(services)))
    assert sorted(told) == ["host", "redis", "worker"]
    assert 7.5 < float(told["worker"]) < 8.5


def doubt(ledger: Engine, code: str, channel: str, hours: float) -> None:
    """A notice in doubt for so long."""
    now = datetime.now(UTC)
    with ledger.begin() as tx:
        notices.record(tx, OA, [NewNotice(f"{code}/accepted/1", code, "accepted", None, {}, None, None, now, now)])
        tx.execute(text("UPDATE notices SET state = 'uncertain', channel = :c WHERE code = :code"),
                   {"c": channel, "code": code})  # fmt: skip
        told = """INSERT INTO history (notice_id, at, before, after, by)
                  SELECT id, now() - make_interval(secs => :s), 'sending', 'uncertain', 'test' FROM notices
                  WHERE code = :code"""
        tx.execute(text(told), {"s": hours * 3600, "code": code})


def test_a_doubt_that_lasts_for_an_hour_is_a_fault_and_measured(services: Services, ledger: Engine) -> None:
    """On whichever channel; one that is younger is being settled."""
    doubt(ledger, "YOUNG", "zns", 0.9)
    assert "không có" in next(check_doubts(services))
    assert f'hcc_uncertain_left{{oa="{OA}"}} 0.0' in metrics(services)
    doubt(ledger, "SMS", "sms", 1.1)
    doubt(ledger, "TEXT", "zalo_cs", 2)
    with pytest.raises(CheckFault, match=r"2 thông báo .*hcc uncertain list.*hcc uncertain settle"):
        list(check_doubts(services))
    assert f'hcc_uncertain_left{{oa="{OA}"}} 2.0' in metrics(services)


def test_a_redis_that_may_evict_what_is_in_use_is_a_fault(services: Services) -> None:
    """Limits and marks would go without a word."""
    redis = services.shared.redis
    before = redis.config_get("maxmemory-policy")["maxmemory-policy"]
    try:
        redis.config_set("maxmemory-policy", "allkeys-lru")
        with pytest.raises(CheckFault, match=r"allkeys-lru.*noeviction"):
            list(check_redis(services))
        redis.config_set("maxmemory-policy", "noeviction")
        assert "noeviction" in next(check_redis(services))
    finally:
        redis.config_set("maxmemory-policy", before)


def test_the_published_word_holds_nothing_but_numbers(services: Services) -> None:
    """No personal data in Redis."""
    ClockBoard(services.shared.redis).publish("may-2", timedelta(seconds=8))
    [word] = services.shared.redis.hvals("hcc:clocks")
    assert [type(number) for number in json.loads(word)] == [float, float]
