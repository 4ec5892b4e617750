"""The web process: alive, ready, measured, and a console that shows a dossier's story."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import Engine

from config.settings import Settings
from operators.cli import doctor
from operators.web import build
from worker.bootstrap import Services
from worker.ledger import cursors, notices
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


def test_it_says_which_of_the_two_is_away_redis_or_the_broker(services: Services) -> None:
    """They may be different servers, and are mended by different people."""
    elsewhere = services.settings.model_copy(update={"broker_url": "amqp://guest:hush@127.0.0.1:1//"})
    assert get(Services(elsewhere), "/readyz") == (
        503,
        "the broker does not answer: OperationalError, connection refused\n",
    )
    away = services.settings.model_copy(
        update={"redis_url": "redis://127.0.0.1:1", "broker_url": services.settings.redis_url}
    )
    assert get(Services(away), "/readyz") == (503, "Redis does not answer or takes no writes\n")


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


def test_the_pace_of_the_feeds_is_measured(services: Services) -> None:
    """A source that is slow or away shows as an age that grows; ids that are waited for are counted."""
    long_ago = datetime.now(UTC) - timedelta(seconds=90)
    with services.ledger.begin() as tx:
        cursors.begin(tx, OA, "history", {"after": 9, "missing": {"7": "2026-01-31", "8": "2026-01-31"}}, long_ago)
        cursors.begin(tx, OA, "snapshot", {"at": "2026-01-31"}, datetime.now(UTC))
    status, text = get(services, "/metrics")
    age = re.search(rf'hcc_source_poll_age_seconds{{feed="history",oa="{OA}"}} ([\d.]+)', text)
    assert status == 200
    assert age
    assert 90 <= float(age[1]) < 120
    assert f'hcc_source_missing_ids{{feed="history",oa="{OA}"}} 2.0' in text
    assert f'hcc_source_missing_ids{{feed="snapshot",oa="{OA}"}} 0.0' in text


def test_the_doctor_says_which_feed_was_not_read_for_long(services: Services) -> None:
    """Late is a fault with the feed's name; a fresh one is told with its age."""
    with services.ledger.begin() as tx:
        cursors.begin(tx, OA, "snapshot", {}, datetime.now(UTC))
    assert "snapshot: đọc đến cuối 0 giây trước" in next(doctor.check_feeds(services))
    with services.ledger.begin() as tx:
        cursors.begin(tx, OA, "history", {}, datetime.now(UTC) - timedelta(hours=1))
    with pytest.raises(doctor.Fault, match=r"history 36\d\d giây"):
        list(doctor.check_feeds(services))
