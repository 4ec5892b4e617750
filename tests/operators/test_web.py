"""The web process: alive, ready, measured."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import Engine, text

from config.settings import Settings
from ledger.notices import notices
from ledger.notices.notices import NewNotice
from ledger.people import probes
from ledger.people.people import Link
from ledger.source import cursors
from operators.checks.fault import CheckFault
from operators.checks.source import check_feeds
from operators.web import build
from producers.probe import probe
from worker.services.bootstrap import Services

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


def test_it_has_no_pages(services: Services) -> None:
    """They are the console's, a process of its own: nothing on a page can delay Zalo's events."""
    assert get(services, "/")[0] == 404


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
    assert "snapshot: đọc đến cuối 0 giây trước" in next(check_feeds(services))
    with services.ledger.begin() as tx:
        cursors.begin(tx, OA, "history", {}, datetime.now(UTC) - timedelta(hours=1))
    with pytest.raises(CheckFault, match=r"history 36\d\d giây"):
        list(check_feeds(services))


def test_the_probe_is_measured_where_there_is_one(services: Services, ledger: Engine) -> None:
    """Nothing of it while nobody is named; then its age, and the delay of each step that it has reached."""
    assert "hcc_probe_age_seconds{" not in get(services, "/metrics")[1]
    with ledger.begin() as tx:
        services.people.link(tx, OA, [Link("6142494823000001001", "+84978001001")], source="test")
        probes.choose(tx, OA, tx.execute(text("SELECT id FROM followers")).scalar_one())
        probe(tx, OA)
        tx.execute(
            text("""
                INSERT INTO history (notice_id, at, before, after, by)
                SELECT id, recorded_at + interval '3 seconds', 'sending', 'sent', 'test' FROM notices""")
        )
    body = get(services, "/metrics")[1]
    assert f'hcc_probe_delay_seconds{{oa="{OA}",step="sent"}} 3.0' in body
    assert 'step="delivered"' not in body
    assert f'hcc_probe_age_seconds{{oa="{OA}"}}' in body
