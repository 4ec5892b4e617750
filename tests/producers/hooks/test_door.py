"""`POST /hooks/zalo` over HTTP: 200 once it is in the ledger, 4xx for what is not Zalo's, never a traceback."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any, TypeVar

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import Engine, text

import producers.hooks.http
from config.settings import Settings
from operators.checks.zalo import check_events
from operators.web import build
from producers.hooks.signature import signature
from tests.producers.hooks.conftest import APP, NOW, OA, PHONE, SECRET, USER, body, follow, ms, signed, submit
from worker.services.bootstrap import Services

Client = TestClient[web.Request, web.Application]
Found = TypeVar("Found")
PATH = "/hooks/zalo"


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """One entry for each time the workers were rung for."""
    rings: list[None] = []
    monkeypatch.setattr(producers.hooks.http, "ring_events", lambda: rings.append(None))
    return rings


@pytest.fixture
def services(ledger_url: str, redis_url: str, rung: list[None]) -> Iterator[Services]:
    made = Services(settings_on(ledger_url, redis_url))
    yield made
    made.close()


def settings_on(ledger_url: str, redis_url: str, secret: str = SECRET) -> Settings:
    return Settings(
        _env_file=None, database_url=ledger_url, redis_url=redis_url, secret_keys=["0123456789abcdef"],
        zalo_app_id=APP, zalo_oa_id=OA, zalo_oa_secret=secret,
    )  # type: ignore[call-arg]  # fmt: skip


def visit(services: Services, deed: Callable[[Client], Awaitable[Found]]) -> Found:
    """Do something with the running application."""

    async def do() -> Found:
        async with TestClient(TestServer(build(services))) as client:
            return await deed(client)

    return asyncio.run(do())


async def post(client: Client, raw: bytes, *, mac: str | None = None, **headers: str) -> int:
    """The status of the answer to these bytes, rightly signed where nothing else is said."""
    given = signed(raw).signature if mac is None else mac
    async with client.post(PATH, data=raw, headers={"X-ZEvent-Signature": given} | headers) as answer:
        return answer.status


async def persist(client: Client, raw: bytes) -> int:
    """As Zalo does: it comes again after a 503, which a busy machine may give."""
    while (status := await post(client, raw)) == 503:
        pass
    return status


def recorded(ledger: Engine) -> int:
    with ledger.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM zalo_events")).scalar_one())


def test_many_events_at_once_are_recorded_together_and_each_once(
    services: Services, ledger: Engine, rung: list[None]
) -> None:
    """Four hundred at once, each twice: every one answered, few commits, few bells."""

    async def storm(client: Client) -> list[int]:
        return await asyncio.gather(*(persist(client, follow(user=str(7000 + n % 400))) for n in range(800)))

    assert set(visit(services, storm)) == {200}
    assert recorded(ledger) == 400
    with ledger.connect() as connection:
        commits = connection.execute(text("SELECT count(DISTINCT xmin::text) FROM zalo_events")).scalar_one()
    assert commits < 200
    assert 1 <= len(rung) < 50


def test_nothing_is_answered_before_it_is_in_the_ledger(services: Services, ledger: Engine) -> None:
    """While the ledger cannot take it, Zalo hears nothing."""

    async def held_up(client: Client) -> tuple[bool, int]:
        with ledger.begin() as tx:
            tx.execute(text("LOCK TABLE zalo_events IN ACCESS EXCLUSIVE MODE"))
            answer = asyncio.create_task(post(client, follow()))
            await asyncio.sleep(0.4)
            early = answer.done()
        return early, await answer

    assert visit(services, held_up) == (False, 200)


def test_without_a_ledger_zalo_is_told_to_come_again(redis_url: str, rung: list[None]) -> None:
    """An event that is not recorded for certain is not answered 200."""
    nobody = Services(settings_on("postgresql://x@127.0.0.1:1/x", redis_url))
    assert visit(nobody, lambda client: post(client, follow())) == 503
    assert rung == []


def test_without_a_secret_everything_is_refused_and_said_so(
    ledger_url: str, redis_url: str, rung: list[None], caplog: pytest.LogCaptureFixture
) -> None:
    unset = Services(settings_on(ledger_url, redis_url, secret=""))
    assert visit(unset, lambda client: post(client, follow())) == 403
    assert "set HCC_ZALO_OA_SECRET" in caplog.text


def test_a_huge_body_is_refused_declared_or_not(services: Services) -> None:
    async def chunks() -> Any:
        for _ in range(200):
            yield b" " * 4096

    async def send(client: Client) -> list[int]:
        async with client.post(PATH, data=chunks()) as answer:
            return [await post(client, b" " * 70_000, mac="mac=0"), answer.status]

    assert visit(services, send) == [413, 413]


async def first_line(request: bytes, client: Client) -> bytes:
    """The first line of the answer to a request that no client of ours would send, from its second header on."""
    assert client.port is not None
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    writer.write(b"POST /hooks/zalo HTTP/1.1\r\nHost: x\r\n" + request)
    answer = await reader.readline()
    writer.close()
    return answer


def test_a_slow_body_is_refused(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a body, and then nothing: the connection is not held for it."""
    monkeypatch.setattr(producers.hooks.http, "_READ_SECONDS", 0.1)

    assert b" 408 " in visit(services, partial(first_line, b"Content-Length: 100\r\n\r\n{"))


def test_garbled_bodies_are_refused(services: Services) -> None:
    """Chunks that are none."""
    assert b" 400 " in visit(services, partial(first_line, b"Transfer-Encoding: chunked\r\n\r\nno chunk\r\n"))


def test_compressed_bodies_are_refused_before_they_are_read(services: Services) -> None:
    """A few bytes of them may be gigabytes, and Zalo sends none."""

    async def send(client: Client) -> int:
        return await post(client, b"no gzip at all", mac="mac=0", **{"Content-Encoding": "gzip"})

    assert visit(services, send) == 415


def test_what_the_head_refuses_is_not_read(services: Services) -> None:
    """The answer comes though the body never does."""

    async def send(client: Client) -> list[bytes]:
        assert client.port is not None
        answers = []
        for head in (b"", b"X-ZEvent-Signature: mac=00\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
            writer.write(b"POST /hooks/zalo HTTP/1.1\r\nHost: x\r\n" + head + b"Content-Length: 60000\r\n\r\n")
            answers.append(await reader.readline())
            writer.close()
        return answers

    assert [answer.split()[1] for answer in visit(services, send)] == [b"403", b"403"]


def test_other_methods_are_not_answered(services: Services) -> None:
    async def get(client: Client) -> int:
        async with client.get(PATH) as answer:
            return answer.status

    assert visit(services, get) == 405


def test_signed_nonsense_is_taken_and_changes_nothing(services: Services, ledger: Engine) -> None:
    """What Zalo signed is never answered 5xx, whatever it holds, or Zalo would end the subscription."""
    nasty = (None, True, 0, 10**300, "\u0000", "\ud800", "x" * 5000, [], {}, [[]], {"id": {}}, {"id": "\u0000"})
    whole = [{"event_name": name, "app_id": APP, "timestamp": ms(NOW), field: value}
             for name in ("follow", "user_submit_info", "user_seen_message", "\ud800")
             for field in ("follower", "sender", "message", "info") for value in nasty]  # fmt: skip
    bodies = [json.dumps(one).encode() for one in whole]

    async def send(client: Client) -> set[int]:
        return {await post(client, raw, mac=signature(APP, raw, ms(NOW), SECRET)) for raw in bodies}

    assert visit(services, send) == {200, 403}, "403 where the OA is named and is not ours"
    with ledger.connect() as connection:
        words = set(connection.execute(text("SELECT DISTINCT word FROM zalo_events")).scalars())
    assert words == {"odd", "unknown"}


def test_refused_requests_leave_nothing_personal_in_any_log(
    services: Services, ledger: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has the reason, once in a while; the ledger has nothing."""
    caplog.set_level(logging.DEBUG)

    async def send(client: Client) -> list[int]:
        raws = [submit(), submit(app_id="1"), submit().replace(b"{", b"", 1)]
        return [await post(client, raw, mac="mac=00") for raw in raws] + [await post(client, b"{}", mac="")]

    assert visit(services, send) == [403, 403, 400, 200]
    assert recorded(ledger) == 0
    assert caplog.text.count("event refused: forged") == 1
    for personal in (USER, PHONE, "Nguyễn"):
        assert personal not in caplog.text


def test_metrics_count_events_by_word_and_outcome(services: Services) -> None:
    async def send(client: Client) -> str:
        for mac in (None, None, "mac=00"):
            await post(client, follow(), mac=mac)
        await post(client, b"{}", mac="")
        async with client.get("/metrics") as answer:
            return await answer.text()

    shown = visit(services, send)
    for line in (
        'hcc_zalo_events_total{outcome="recorded",word="followed"} 1.0',
        'hcc_zalo_events_total{outcome="repeated",word="followed"} 1.0',
        'hcc_zalo_events_total{outcome="forged",word="none"} 1.0',
        'hcc_zalo_events_total{outcome="probe",word="none"} 1.0',
    ):
        assert line in shown


def test_the_doctor_tells_how_the_inbox_stands(services: Services) -> None:
    """The newest event, what waits, and what we had no word for."""
    assert "chưa nhận sự kiện nào" in " ".join(check_events(services))
    visit(services, lambda client: post(client, body("user_dances", oa_id=OA)))
    visit(services, lambda client: post(client, follow()))
    told = " ".join(check_events(services))
    assert "1 chưa xử lý" in told
    assert "user_dances" in told
