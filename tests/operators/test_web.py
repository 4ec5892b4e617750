"""The web process: alive, ready, measured, and a console that shows a dossier's story."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import Engine

from config.settings import Settings
from operators.web import build
from worker.bootstrap import Services
from worker.ledger import notices
from worker.ledger.notices import NewNotice

OA = "4024926008133882615"


@pytest.fixture
def services(ledger_url: str, redis_url: str) -> Iterator[Services]:
    """Services on real servers."""
    settings = Settings(
        _env_file=None, database_url=ledger_url, redis_url=redis_url, secret_keys=["0123456789abcdef"], zalo_oa_id=OA
    )  # type: ignore[call-arg]
    made = Services(settings)
    yield made
    made.close()


def get(services: Services, path: str) -> tuple[int, str]:
    """One request to the application."""

    async def ask() -> tuple[int, str]:
        async with TestClient(TestServer(build(services))) as client:
            answer = await client.get(path)
            return answer.status, await answer.text()

    return asyncio.run(ask())


def record(ledger: Engine) -> None:
    """One notice of one dossier."""
    now = datetime.now(UTC)
    new = NewNotice("H27-1/accepted/1", "H27-1", "accepted", None, {}, None, "phone: missing", now, now)
    with ledger.begin() as tx:
        notices.record(tx, OA, [new])


def test_it_is_alive_without_asking_anybody() -> None:
    """Incident 6: liveness answers with the ledger and Redis away."""
    nobody = Settings(_env_file=None, database_url="postgresql://x@127.0.0.1:1/x", redis_url="redis://127.0.0.1:1")  # type: ignore[call-arg]
    assert get(Services(nobody), "/healthz") == (200, "ok\n")


def test_it_is_ready_when_ledger_and_redis_answer(services: Services) -> None:
    """Ready may take work."""
    assert get(services, "/readyz") == (200, "ready\n")


def test_it_says_what_keeps_it_from_being_ready() -> None:
    """Not ready names what is away."""
    nobody = Settings(_env_file=None, database_url="postgresql://x@127.0.0.1:1/x", redis_url="redis://127.0.0.1:1")  # type: ignore[call-arg]
    status, text = get(Services(nobody), "/readyz")
    assert status == 503
    assert "ledger" in text
    assert "Redis" in text


def test_metrics_count_the_live_states(services: Services) -> None:
    """Prometheus sees how many notices are due."""
    record(services.ledger)
    assert f'hcc_notices{{oa="{OA}",state="due"}} 1.0' in get(services, "/metrics")[1]


def test_the_console_tells_a_dossiers_story_in_both_languages(services: Services) -> None:
    """R38: one search by code shows every notice; what is typed is shown escaped."""
    record(services.ledger)
    status, page = get(services, "/?code=h27-1")
    assert status == 200
    assert "H27-1/accepted/1" in page
    assert "Bàn trực" in page
    assert "Console" in get(services, "/?lang=en")[1]
    assert "<script>" not in get(services, "/?code=<script>")[1]
