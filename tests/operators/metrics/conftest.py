"""A deployment in which something of everything happens, and what `/metrics` answers about it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator

import promql_parser
import pytest
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import text

from config.settings import Settings
from coordination.processes import BEAT, CHILD, Process, ProcessBoard
from ledger.base.sealing import Sealer
from ledger.notices import switches
from ledger.people import probes
from ledger.people.people import Link
from ledger.reports import spending
from ledger.zalo.credentials import Credentials, Pair
from operators.web import build
from producers.probe import probe
from worker.channels.budget import today
from worker.services.bootstrap import Services

OA = "4024926008133882615"
KEY = "0123456789abcdef"

_NOTICES = """
INSERT INTO notices (oa, event_key, code, kind, rank, facts, state, reason, event_at, fresh_at, recorded_at, due_at)
SELECT :oa, state || reason, 'H27-' || state, 'accepted', 10, '{}', state, reason, now(), now(), now(), now()
FROM (VALUES ('due', ''), ('dead', 'HTTP 500 from Zalo'), ('dead', 'what nobody knows'), ('quarantined', 'old'),
             ('uncertain', 'could not be settled by asking Zalo: an operator decides')) AS n (state, reason)
"""
_MINUTES = """
INSERT INTO tally_minute (oa, at, channel, outcome, code, number, dong, delays)
SELECT :oa, date_trunc('minute', now()) - make_interval(mins => back), 'paper', outcome, code, number, 0,
       CASE outcome WHEN 'sent' THEN ARRAY[10,10,0,0,10,0,0,0,0,0,0,0] ELSE array_fill(0, ARRAY[12]) END
FROM (VALUES (3, 'sent', NULL, 30), (3, 'refused', 7, 2), (4, 'refused', 7, 3), (20, 'refused', 7, 99)
) AS m (back, outcome, code, number)
"""
_PROBED = """
INSERT INTO history (notice_id, at, before, after, by)
SELECT id, recorded_at + interval '3 seconds', 'sending', 'sent', 'test' FROM notices WHERE kind = 'probe'
"""
_REST = """
INSERT INTO cursors VALUES (:oa, 'history', '{"missing": {"7": "2026-01-31"}}', 1, now() - interval '90 seconds');
INSERT INTO oddities VALUES (:oa, 'H27-1', '', 'amount', 'not a number', NULL, now(), now(), 1);
INSERT INTO guard_counts VALUES (:oa, date_trunc('minute', now()), 'many', 4);
INSERT INTO tally_rounds VALUES ('days', now() - interval '5 minutes');
"""  # fmt: skip


@pytest.fixture
def services(ledger_url: str, redis_url: str) -> Iterator[Services]:
    """Services on real servers."""
    given = Settings(_env_file=None, database_url=ledger_url, redis_url=redis_url, secret_keys=[KEY], zalo_oa_id=OA,
                     zalo_app_id="7", zalo_oa_secret="hush", zalo_rate_per_minute=600,
                     budget_dong={"zns": 10_000})  # type: ignore[call-arg]  # fmt: skip
    made = Services(given)
    yield made
    made.close()


@pytest.fixture
def eventful(services: Services) -> Services:
    """A little of everything in the ledger and in Redis."""
    with services.ledger.begin() as tx:
        for statement in (_NOTICES, _MINUTES, *_REST.split(";")[:-1]):
            tx.execute(text(statement), {"oa": OA})
        Credentials(Sealer([KEY])).store(tx, OA, Pair("a", "r", 90_000))
        spending.reserve(tx, OA, "zns", today(services.clock.now()), [200] * 6, messages=None, dong=None)
        switches.switch_off(tx, OA, "kind", "accepted", until=None, by="Lan", why="thử")
        services.people.link(tx, OA, [Link("6142494823000001001", "+84978001001")], source="test")
        probes.choose(tx, OA, tx.execute(text("SELECT id FROM followers")).scalar_one())
        probe(tx, OA)
        tx.execute(text(_PROBED))
    redis = services.shared.redis
    for role in (CHILD, CHILD, BEAT):
        ProcessBoard(redis).say(Process("may-1", len(redis.keys()) + 1, 1, role))
    redis.hset("hcc:refused", "foreign", 3)
    services.holds.hold("channel:" + OA + ":zns", 600, "quota")
    services.holds.hold("person:zns:1", 600, "has received as many as allowed")
    services.limiter.take(services.limits(OA), 1)  # the state of a new limit begins here
    return services


def event() -> tuple[bytes, dict[str, str]]:
    """A follow, as Zalo signs it."""
    at = str(round(time.time() * 1000))
    body = json.dumps({"app_id": "7", "oa_id": OA, "event_name": "follow", "timestamp": at,
                       "follower": {"id": "9"}, "source": "oa_profile"}).encode()  # fmt: skip
    mac = hashlib.sha256(b"7" + body + at.encode() + b"hush").hexdigest()
    return body, {"X-ZEvent-Signature": f"mac={mac}", "Content-Type": "application/json"}


@pytest.fixture
def scrape() -> Callable[..., tuple[int, str]]:
    """What Prometheus gets, after an event of Zalo if `told`."""

    async def ask(services: Services, *, told: bool) -> tuple[int, str]:
        async with TestClient(TestServer(build(services))) as client:
            if told:
                body, headers = event()
                await client.post("/hooks/zalo", data=body, headers=headers)
            answer = await client.get("/metrics")
            return answer.status, await answer.text()

    return lambda services, told=False: asyncio.run(ask(services, told=told))


def selectors(expression: str) -> list[promql_parser.VectorSelector]:
    """What an expression selects. Raises `ValueError` for one that is no PromQL."""
    found: list[promql_parser.VectorSelector] = []

    def note(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)

    promql_parser.walk(promql_parser.parse(expression), note)
    return found


def names_in(answer: str) -> set[str]:
    """The names of the samples of an answer."""
    return set(re.findall(r"^(\w+)(?:\{.*\})? \S+$", answer, re.MULTILINE))
