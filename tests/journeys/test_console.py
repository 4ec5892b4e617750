"""The console as its own process, while PostgreSQL stops and Redis forgets."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import requests
from redis import Redis

from ledger.console import ROLE, role_statements
from operators.processes import Processes
from operators.world import SANDBOX_ZALO
from sandbox.servers import Servers
from tests.journeys.conftest import until

pytestmark = pytest.mark.journey

PHRASE = "một mật khẩu đủ dài 17"
_FIELD = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


class Person:
    """Somebody at the console."""

    def __init__(self, base: str) -> None:
        self._base, self._session = base, requests.Session()

    def get(self, path: str) -> tuple[int, str]:
        """The status and the text of a page; 0 while nobody listens."""
        try:
            answer = self._session.get(self._base + path, timeout=40)
        except requests.ConnectionError:
            return 0, ""
        return answer.status_code, answer.text

    def sign_in(self, name: str) -> None:
        """With the password alone."""
        _, form = self.get("/sign-in")
        field = _FIELD.search(form)
        assert field is not None
        typed = {"csrfmiddlewaretoken": field[1], "login": name, "password": PHRASE}
        answer = self._session.post(f"{self._base}/sign-in", data=typed, allow_redirects=False, timeout=20)
        assert answer.status_code == 302, answer.text


@contextmanager
def frozen(pid: int | None) -> Iterator[None]:
    """A server that takes connections and answers nothing, with all its processes."""
    assert pid is not None
    processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    for one in processes:
        one.suspend()
    try:
        yield
    finally:
        for one in processes:
            one.resume()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Servers]:
    """Servers that this test may stop."""
    with Servers(tmp_path / "servers") as servers:
        yield servers


def test_the_console_outlives_its_ledger_and_its_redis(own: Servers, tmp_path: Path) -> None:
    """PostgreSQL stopped: each page is a sentence, the schedule is from Redis alone. Redis flushed: all pages stay."""
    own.create_role(ROLE, role_statements())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    given = SANDBOX_ZALO | {
        "HCC_DATABASE_URL": own.database_url(), "HCC_CONSOLE_DATABASE_URL": own.postgres.url_as(ROLE, "hcc"),
        "HCC_DOSSIER_URL": own.database_url(), "HCC_REDIS_URL": own.redis_url(), "HCC_CONSOLE_PORT": str(port),
        "HCC_SECRET_KEYS": "a-key-for-tests-only-0123456789",
    }  # fmt: skip
    _hcc(given, "migrate")
    _hcc(given, "account", "add", "lan", "--role", "operator", "--by", "minh", "--why", "thử", typed=PHRASE)
    lan = Person(f"http://127.0.0.1:{port}")
    with Processes(["console"], given, tmp_path):
        until(lambda: lan.get("/sign-in")[0] == 200, "the console to listen", 60)
        lan.sign_in("lan")
        pages = ("/", "/overview", "/inbox", "/dead", "/system", "/switches", "/acts", "/reports/reach", "/templates")
        assert [lan.get(path)[0] for path in (*pages, "/retries")] == [200] * (len(pages) + 1)

        own.postgres.stop()
        for path in pages:
            status, shown = lan.get(path)
            assert (status, "Sổ thông báo tạm thời không trả lời" in shown) == (503, True), path
        status, shown = lan.get("/retries")
        assert (status, "Sổ thông báo chưa trả lời nên chưa so được." in shown) == (200, True)

        own.postgres.start()
        until(lambda: [lan.get(path)[0] for path in pages] == [200] * len(pages), "all pages", 30)
        with frozen(own.postgres.pid):
            assert lan.get("/healthz")[0] == 200
            assert lan.get("/retries")[0] == 200
            status, shown = lan.get("/overview")
            assert (status, "Sổ thông báo tạm thời không trả lời" in shown) == (503, True)
        until(lambda: [lan.get(path)[0] for path in pages] == [200] * len(pages), "all pages again", 30)
        with Redis.from_url(own.redis_url()) as redis:
            redis.flushall()
        assert [lan.get(path)[0] for path in (*pages, "/retries")] == [200] * (len(pages) + 1)


def _hcc(given: dict[str, str], *words: str, typed: str = "") -> None:
    command = [str(Path(sys.executable).parent / "hcc"), *words]
    done = subprocess.run(command, env=given, input=typed, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
