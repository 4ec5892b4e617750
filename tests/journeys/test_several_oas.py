"""Several OAs with real processes: each province hears from its own OA, whatever happens to the others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from producers.dossiers.poll import build_poller
from sandbox.servers import Servers
from tests.journeys.conftest import until
from tests.journeys.several import Country, country

pytestmark = pytest.mark.journey

MANY = 20


@pytest.fixture
def common(ledger_url: str, redis_url: str) -> dict[str, str]:
    """What all OAs share."""
    return {
        "HCC_DATABASE_URL": ledger_url, "HCC_REDIS_URL": redis_url, "HCC_SECRET_KEYS": "a-key-for-tests-0123456789",
        "HCC_OLD_EVENT_DAYS": "0",  # the dossiers are of 2024
        "HCC_ZALO_APP_SECRET": "s", "HCC_CHANNELS": "zalo_cs", "HCC_POLL_SECONDS": "0.5",
    }  # fmt: skip


@pytest.fixture
def two(servers: Servers, common: dict[str, str], silent: str, tmp_path: Path) -> Iterator[Country]:
    """Two provinces that work, between two whose dossier databases hang."""
    hangs = {"dossier_url": silent}
    with country(servers, common, tmp_path, first=hangs, ha_tinh={}, nghe_an={"poll_seconds": 1}, last=hangs) as made:
        yield made


def test_each_province_hears_from_its_own_oa_though_others_hang(two: Country) -> None:
    """The same citizens and codes in two provinces, each told once by its own OA, within seconds of the acceptance."""
    working = [two.provinces[name] for name in ("ha_tinh", "nghe_an")]
    codes = [[province.file(number) for number in range(1, MANY + 1)] for province in working]
    for province in working:
        build_poller(province.services.settings).round()  # what is there already is nobody's news
    two.start("worker", "beat")
    until(lambda: "ready." in two.said(), "the worker")
    began = time.monotonic()
    for here, there in zip(*codes, strict=True):
        working[0].accept(here)
        working[1].accept(there)
    for province in working:
        until(lambda: len(province.zalo.messages()) >= MANY, f"OA {province.oa}\n{two.said()[-3000:]}")  # noqa: B023 (called within its turn)
    assert time.monotonic() - began < 15
    for province, theirs in zip(working, codes, strict=True):
        told = [message["text"] for message in province.zalo.messages()]
        assert len(told) == MANY
        assert all(any(code in text for text in told) for code in theirs)
