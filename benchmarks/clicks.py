"""The people at the console: signs in as they do, asks pages one after the other, and lets many click at once."""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp
from yarl import URL

_FIELD = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


@dataclass(frozen=True, slots=True)
class Click:
    """One answer: the page's name, HTTP status, seconds to its last byte, bytes."""

    page: str
    status: int
    seconds: float
    size: int


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session of the console at `base`, and its pages: name → addresses."""

    base: str
    cookies: Mapping[str, str]
    pages: Mapping[str, Sequence[str]]


async def sign_in(base: str, name: str, password: str) -> dict[str, str]:
    """The cookies of a new session. Raises `RuntimeError` if the console does not let this account in."""
    async with aiohttp.ClientSession(base, cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        async with session.get("/sign-in") as page:
            found = _FIELD.search(await page.text())
        form = {"csrfmiddlewaretoken": found[1] if found else "", "login": name, "password": password}
        async with session.post("/sign-in", data=form, allow_redirects=False) as answer:
            if answer.status != HTTPStatus.FOUND:
                raise RuntimeError(f"not signed in: {answer.status}")
        return {cookie.key: cookie.value for cookie in session.cookie_jar}


async def ask_in_turn(there: SignedIn, rounds: int) -> list[Click]:
    """Ask each page (its addresses in turn) once a round, one after the other; the first round is not told.

    Raises `RuntimeError` for a page that is not answered with 200.
    """
    clicks = []
    async with _session(there) as session:
        for number in range(rounds + 1):
            for name, addresses in there.pages.items():
                click = await _ask(session, name, addresses[number % len(addresses)])
                if click.status != HTTPStatus.OK:
                    raise RuntimeError(f"{name}: {click.status}")
                if number:
                    clicks.append(click)
    return clicks


def click_together(there: SignedIn, people: int, rate: float, seconds: float) -> list[Click]:
    """So many people click pages at random, `rate` pages a second together, each at most one at a time."""
    return asyncio.run(_click_together(there, people, rate, seconds))


async def _click_together(there: SignedIn, people: int, rate: float, seconds: float) -> list[Click]:
    clicks: list[Click] = []
    pause, end = people / rate, time.monotonic() + seconds

    async def one(number: int) -> None:
        chance = random.Random(number)  # noqa: S311 (a choice of pages)
        async with _session(there) as session:
            moment = time.monotonic() + chance.random() * pause
            while moment < end:
                await asyncio.sleep(max(0.0, moment - time.monotonic()))
                name = chance.choice(list(there.pages))
                clicks.append(await _ask(session, name, chance.choice(there.pages[name])))
                moment = max(moment + pause, time.monotonic())

    async with asyncio.TaskGroup() as tasks:
        for number in range(people):
            tasks.create_task(one(number))
    return clicks


def _session(there: SignedIn) -> aiohttp.ClientSession:
    """One browser: one connection, no cookies but those of the session."""
    cookies = "; ".join(f"{name}={value}" for name, value in there.cookies.items())
    return aiohttp.ClientSession(
        there.base,
        connector=aiohttp.TCPConnector(limit=1),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"Cookie": cookies},
    )


async def _ask(session: aiohttp.ClientSession, name: str, address: str) -> Click:
    began = time.perf_counter()
    async with session.get(URL(address, encoded=True), allow_redirects=False) as answer:
        body = await answer.read()
        return Click(name, answer.status, time.perf_counter() - began, len(body))
