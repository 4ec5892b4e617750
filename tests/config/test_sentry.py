"""Reports to Sentry have types, places and names of events: marked data in every corner of a process stays there."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from config.settings import ROOT, Settings, SettingsError, load

PHONE, NAME, TEXT = "0978362918", "Nguyễn Văn Mẫu", "hồ sơ H27.37-240219-1001 đã giải quyết xong"

PROCESS = f"""
import logging, sys
from config.process import begin_process
from config.settings import Settings

begin_process(Settings(_env_file=None), "worker")

def deliver(phone, name):
    message = {TEXT!r}
    raise ValueError(f"{{name}} {{phone}} {{message}}")

log = logging.getLogger("hcc.deliver")
log.warning("sync of followers put off oa=%s why=%s", {PHONE!r}, {NAME!r})
try:
    deliver({PHONE!r}, {NAME!r})
except ValueError:
    log.exception("claim failed oa=%s why=%s", {PHONE!r}, {TEXT!r}, extra={{"name_of": {NAME!r}}})
    log.exception("claim failed oa=%s why=%s", {PHONE!r}, {TEXT!r})
logging.getLogger("kombu").error(f"{NAME} {PHONE}", extra={{"body": {TEXT!r}}}, stack_info=True)
deliver({PHONE!r}, {NAME!r})
"""


@pytest.fixture
def sentry() -> Iterator[tuple[str, list[bytes]]]:
    """A DSN on loopback, and what arrived there: headers and bodies."""
    arrived: list[bytes] = []

    class Envelopes(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            zipped = self.headers.get("Content-Encoding") == "gzip"
            arrived.append(f"{self.path}\n{self.headers}\n".encode() + (gzip.decompress(body) if zipped else body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Envelopes)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://0123456789abcdef@127.0.0.1:{server.server_port}/1", arrived
    server.shutdown()
    thread.join()
    server.server_close()


def test_nothing_marked_is_in_an_envelope(sentry: tuple[str, list[bytes]]) -> None:
    """In local variables, arguments, texts of exceptions, values and extras of log lines, lines of libraries."""
    dsn, arrived = sentry
    env = {"HCC_SENTRY_DSN": dsn, "HCC_ALLOW_HOSTS": "127.0.0.1", "HCC_LOG_FORMAT": "json", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", PROCESS], env=env, capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert lines[-1]["event"] == "process.ended"
    sent = b"\n".join(arrived).decode()
    for mark in (PHONE, NAME, NAME[:6], TEXT, "H27.37", json.dumps(NAME)[1:-1], "name_of", "message_text"):
        assert mark not in sent
    events = [event for event in map(of_envelope, arrived) if event]
    assert [event["tags"]["event"] for event in events] == ["claim.failed", "library", "process.ended"]
    first, library, last = events
    assert first["logentry"] == {"message": "claim failed oa=%s why=%s"}
    [error] = first["exception"]["values"]
    assert error["type"] == "ValueError"
    assert [frame["function"] for frame in error["stacktrace"]["frames"]][-1] == "deliver"
    assert library["logentry"]["message"].startswith("kombu <string>:")
    assert last["exception"]["values"][0]["type"] == "ValueError"
    assert first["tags"]["process"] == "worker"


def of_envelope(arrived: bytes) -> dict[str, Any] | None:
    """The event in a request: a line of JSON after the header of its item."""
    lines = arrived.split(b"\n")
    headers = [place for place, line in enumerate(lines) if line.startswith(b"{") and b'"type":"event"' in line]
    return json.loads(lines[headers[0] + 1]) if headers else None


def test_the_host_of_the_dsn_has_to_be_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may call it out stands in one list."""
    monkeypatch.setenv("HCC_SENTRY_DSN", "https://0123456789abcdef@sentry.hatinh.gov.vn/7")
    with pytest.raises(SettingsError, match="HCC_ALLOW_HOSTS") as refused:
        load("place")
    assert "sentry.hatinh" not in str(refused.value)
    monkeypatch.setenv("HCC_ALLOW_HOSTS", "khac.vn, Sentry.hatinh.gov.vn")
    assert load("place").sentry_dsn


@pytest.mark.parametrize(
    "dsn", ["sentry.vn/7", "https://sentry.vn/7", "http://abc@sentry.vn/7", "https://abc@sentry.vn"]
)
def test_what_is_no_dsn_is_refused(monkeypatch: pytest.MonkeyPatch, dsn: str) -> None:
    monkeypatch.setenv("HCC_SENTRY_DSN", dsn)
    with pytest.raises(SettingsError, match="HCC_SENTRY_DSN: cần dạng"):
        load("place")


def test_without_the_package_the_start_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.values.find_spec", lambda _name: None)
    monkeypatch.setenv("HCC_ALLOW_HOSTS", "sentry.vn")
    monkeypatch.setenv("HCC_SENTRY_DSN", "https://abc@sentry.vn/7")
    with pytest.raises(SettingsError, match="pip install"):
        load("place")


def test_the_dsn_is_not_shown() -> None:
    shown = repr(Settings(_env_file=None, sentry_dsn="https://abc@sentry.vn/7", allow_hosts=["sentry.vn"]))  # type: ignore[call-arg]
    assert "abc@" not in shown
