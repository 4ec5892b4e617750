"""Fair shares: one province's flood, while its Zalo hangs, delays no notice of another."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ledger.notices import notices
from ledger.notices.notices import NewNotice
from ledger.people.people import Link
from producers.dossiers.poll import build_poller
from sandbox.servers import Servers
from tests.journeys.conftest import until
from tests.journeys.several import Country, Province, country

pytestmark = pytest.mark.journey

FLOOD = 2000
CALM = 8  # notices of the quiet province, a second apart
POLL_SECONDS = 0.5
LATE_SECONDS = 3.0  # for a shared machine; a quiet one keeps the poll interval and a second


@pytest.fixture
def provinces(servers: Servers, ledger_url: str, redis_url: str, tmp_path: Path) -> Iterator[Country]:
    """A quiet province, and one in flood."""
    common = {
        "HCC_DATABASE_URL": ledger_url, "HCC_REDIS_URL": redis_url, "HCC_SECRET_KEYS": "a-key-for-tests-0123456789",
        "HCC_OLD_EVENT_DAYS": "0",  # the dossiers are of 2024
        "HCC_ZALO_APP_SECRET": "s", "HCC_CHANNELS": "zalo_cs", "HCC_POLL_SECONDS": str(POLL_SECONDS),
        "HCC_QUIET_HOURS": "00:00-00:00",
    }  # fmt: skip
    with country(servers, common, tmp_path, flooded={}, quiet={}) as made:
        yield made


def flood(province: Province) -> None:
    """Due notices of as many people, recorded at once."""
    now = datetime.now(UTC)
    people = range(5000, 5000 + FLOOD)
    with province.services.ledger.begin() as tx:
        links = [Link(str(6_142_494_823_000_000_000 + n), f"+84978{n:06}") for n in people]
        ids = province.services.people.link(tx, province.oa, links, source="test")
        new = [
            NewNotice(f"F-{person}/result_ready/1", f"F-{person}", "result_ready", None, {}, person, None, now, now)
            for person in ids
        ]
        notices.record(tx, province.oa, new)


def test_a_flood_and_a_zalo_that_hangs_delay_no_other_province(provinces: Country) -> None:
    """While two thousand notices wait for answers that take eight seconds, another province's leave at once."""
    flooded, quiet = provinces.provinces["flooded"], provinces.provinces["quiet"]
    codes = [quiet.file(number) for number in range(1, CALM + 1)]
    for province in (flooded, quiet):
        build_poller(province.services.settings).round()
    flooded.zalo.switch(latency_ms=8000)
    provinces.start("worker", "beat")
    until(lambda: "ready." in provinces.said(), "the worker")
    flood(flooded)
    until(lambda: flooded.zalo.stats()["in_flight"] > 0, "the flood")
    accepted: dict[str, float] = {}
    for code in codes:
        accepted[code] = time.time()
        quiet.accept(code)
        time.sleep(1.0)  # the pace of the quiet province, not a wait for something
    until(lambda: len(quiet.zalo.messages()) >= CALM, f"the quiet province\n{provinces.said()[-3000:]}")
    delays = sorted(
        message["at"] - at
        for message in quiet.zalo.messages()
        for code, at in accepted.items()
        if code in message["text"]
    )
    assert len(delays) == CALM
    assert delays[-1] < LATE_SECONDS, [round(delay, 1) for delay in delays]
