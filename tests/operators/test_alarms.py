"""Alarms reach a person: once a cause, with its end, by mail and chat; a heartbeat is heard only while all is well."""

from __future__ import annotations

import shutil
import socketserver
import threading
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, text

from config.oas import Oa
from config.settings import Settings
from domain.lane import Lane
from ledger.base.sealing import Sealer
from ledger.people.people import Link, People
from operators import stuck as looks
from operators.alarms import Watchman
from operators.cli.main import hcc
from tests.journeys.conftest import until
from tests.operators.test_stuck import CODE, due
from tests.operators.test_web import OA
from worker.services.deployment import Deployment
from worker.upkeep import template_files

KEY = "0123456789abcdef"
USER, PHONE = "6142494823000001001", "+84978001001"
WHO = ("--by", "lan", "--why", "trực")


class MailServer(socketserver.ThreadingTCPServer):
    """As much of RFC 5321 as taking a mail needs; `refuses` has it turn mails away."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.mails: list[EmailMessage] = []
        self.refuses = False

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.server_address[1]}"


class _Conversation(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self._say("220 here")
        for line in self.rfile:
            word = line[:4].upper()
            if word == b"QUIT":
                self._say("221 bye")
                return
            if word == b"DATA" and not self.server.refuses:
                self._say("354 go on")
                body = b"".join(iter(self.rfile.readline, b".\r\n"))
                self.server.mails.append(message_from_bytes(body, policy=policy.default))  # type: ignore[arg-type]  # its default class
            self._say("451 later" if word == b"DATA" and self.server.refuses else "250 ok")

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@pytest.fixture
def post() -> Iterator[MailServer]:
    """A mail server on a free port."""
    with MailServer() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def life() -> Iterator[tuple[str, list[str]]]:
    """Who hears signs of life: its URL, and the paths that were asked for."""
    heard: list[str] = []

    class Ear(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Ear)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/ping/1", heard
    server.shutdown()
    server.server_close()


@pytest.fixture
def known(ledger_url: str, redis_url: str, post: MailServer, life: tuple[str, list[str]]) -> dict[str, Any]:
    """The settings of this test, by field."""
    return {
        "database_url": ledger_url,
        "redis_url": redis_url,
        "secret_keys": [KEY],
        "zalo_oa_id": OA,
        "channels": ["paper"],
        "alarm_mail": ["truc@hatinh.gov.vn"],
        "mail_url": post.url,
        "ping_url": life[0],
    }


@pytest.fixture
def watchman(known: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Watchman]:
    """One that looks when it is told to."""
    monkeypatch.setattr(looks, "_PAUSE", 0.0)
    for name in ("database_url", "redis_url", "zalo_oa_id"):
        monkeypatch.setenv(f"HCC_{name.upper()}", known[name])
    monkeypatch.setenv("HCC_SECRET_KEYS", KEY)
    settings = Settings(_env_file=None, **known)  # type: ignore[call-arg]
    deployment = Deployment({OA: Oa(OA, OA, settings)})
    made = deployment.of(OA)
    until(lambda: made.limiter.peek(made.limits(OA), 1, lane=Lane.BULK).granted == 1, "permits after a flush")
    yield Watchman(deployment)
    deployment.close()


@pytest.fixture
def run(known: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run `hcc` in this process, on this test's ledger."""
    for name, value in known.items():
        monkeypatch.setenv(f"HCC_{name.upper()}", ",".join(value) if isinstance(value, list) else value)
    return lambda *words, lines="": CliRunner().invoke(hcc, list(words), input=lines)


def relieve(ledger: Engine) -> None:
    """What was stuck has left."""
    with ledger.begin() as tx:
        tx.execute(text("UPDATE notices SET state = 'sent' WHERE code = :code"), {"code": CODE})


def test_a_cause_is_mailed_once_and_its_end_once(
    watchman: Watchman, ledger: Engine, post: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    due(ledger, 400)
    for _ in range(5):
        watchman.look()
    [mail] = post.mails
    assert mail["To"] == "truc@hatinh.gov.vn"
    assert mail["Subject"] == f"[HCC Notify] Báo động (OA {OA})"
    assert "đến hạn đã 7 phút mà không đi" in mail.get_content()
    relieve(ledger)
    for _ in range(5):
        watchman.look()
    assert [one["Subject"] for one in post.mails[1:]] == [f"[HCC Notify] Đã hết (OA {OA})"]
    errors = [record for record in caplog.records if record.name == "hcc.alarms" and record.levelname == "ERROR"]
    assert len(errors) == 1


def test_a_bad_file_of_a_template_reaches_a_person_and_stops_nothing(
    watchman: Watchman, post: MailServer, life: tuple[str, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The letter names the kind and its runbook; the heartbeat goes on, for notices leave with the version in use."""
    folder, elsewhere, other = tmp_path / "templates", template_files.TEMPLATES, Watchman(watchman._deployment)
    shutil.copytree(elsewhere, folder)
    for _ in range(3):
        other.look()
    life[1].clear()
    monkeypatch.setattr(template_files, "TEMPLATES", folder)
    file = folder / "accepted" / "message.txt.j2"
    good = file.read_text()
    file.write_text("{{ code")
    for _ in range(3):
        watchman.look()
    [mail] = post.mails
    assert mail["Subject"] == "[HCC Notify] Báo động"
    assert "accepted" in mail.get_content()
    assert "docs/runbooks/template.md" in mail.get_content()
    assert len(life[1]) == 3
    monkeypatch.setattr(template_files, "TEMPLATES", elsewhere)
    for _ in range(3):
        other.look()
    assert len(post.mails) == 1, "the files of another host are good, and that ends nothing"
    monkeypatch.setattr(template_files, "TEMPLATES", folder)
    file.write_text(good)
    for _ in range(3):
        watchman.look()
    assert [one["Subject"] for one in post.mails[1:]] == ["[HCC Notify] Đã hết"]


def test_what_was_so_for_one_look_alarms_nobody(watchman: Watchman, ledger: Engine, post: MailServer) -> None:
    due(ledger, 400)
    watchman.look()
    relieve(ledger)
    watchman.look()
    watchman.look()
    assert post.mails == []


def test_a_mail_that_the_server_does_not_take_is_sent_when_it_does(
    watchman: Watchman, ledger: Engine, post: MailServer
) -> None:
    post.refuses = True
    due(ledger, 400)
    for _ in range(3):
        watchman.look()
    post.refuses = False
    watchman.look()
    assert len(post.mails) == 1


def test_two_processes_that_watch_tell_it_once(watchman: Watchman, ledger: Engine, post: MailServer) -> None:
    other = Watchman(watchman._deployment)
    due(ledger, 400)
    for _ in range(3):
        watchman.look()
        other.look()
    assert len(post.mails) == 1


def test_the_heartbeat_is_heard_only_while_nothing_is_stuck(
    watchman: Watchman, ledger: Engine, life: tuple[str, list[str]]
) -> None:
    watchman.look()
    assert life[1] == ["/ping/1"]
    due(ledger, 400)
    watchman.look()
    watchman.look()
    assert len(life[1]) == 1
    relieve(ledger)
    watchman.look()
    assert len(life[1]) == 2


def test_a_ledger_that_is_away_is_told_by_mail_and_silences_the_heartbeat(
    known: dict[str, Any], post: MailServer, life: tuple[str, list[str]]
) -> None:
    away = known | {"database_url": "postgresql://x@127.0.0.1:1/x"}
    settings = Settings(_env_file=None, **away)  # type: ignore[call-arg]
    watchman = Watchman(Deployment({OA: Oa(OA, OA, settings)}))
    for _ in range(3):
        watchman.look()
    assert [mail["Subject"] for mail in post.mails] == ["[HCC Notify] Báo động"]
    assert life[1] == []


def test_a_ledger_that_is_away_is_logged_once_also_while_no_mail_is_taken(
    known: dict[str, Any], post: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    away = known | {"database_url": "postgresql://x@127.0.0.1:1/x"}
    settings = Settings(_env_file=None, **away)  # type: ignore[call-arg]
    watchman = Watchman(Deployment({OA: Oa(OA, OA, settings)}))
    post.refuses = True
    for _ in range(4):
        watchman.look()
    assert [record.levelname for record in caplog.records].count("ERROR") == 1
    post.refuses = False
    watchman.look()
    assert [mail["Subject"] for mail in post.mails] == ["[HCC Notify] Báo động"]


def test_staff_who_asked_for_it_are_told_in_the_chat_and_of_the_end(
    watchman: Watchman, ledger: Engine, run: Callable[..., Result]
) -> None:
    with ledger.begin() as tx:
        People.of(ledger, Sealer([KEY])).link(tx, OA, [Link(USER, PHONE)], source="test")
    granted = run("staff", "add", "--alarms", *WHO, lines=USER)
    assert granted.exit_code == 0, granted.output
    due(ledger, 400)
    for _ in range(3):
        watchman.look()
    relieve(ledger)
    for _ in range(3):
        watchman.look()
    with ledger.connect() as connection:
        found = connection.execute(text("SELECT event_key, facts FROM notices WHERE kind = 'staff_alarm' ORDER BY id"))
        keys = {row.event_key.rsplit(".", 1)[1]: row.facts["alarm"] for row in found}
    assert list(keys) == ["begun", "over"]
    assert keys["begun"]["cause"] == "due"
    assert keys["over"]["ended_at"]


def test_a_trial_sends_a_mail_and_a_message(run: Callable[..., Result], ledger: Engine, post: MailServer) -> None:
    with ledger.begin() as tx:
        People.of(ledger, Sealer([KEY])).link(tx, OA, [Link(USER, PHONE)], source="test")
    assert run("staff", "add", "--alarms", *WHO, lines=USER).exit_code == 0
    tried = run("alarm", "test", *WHO)
    assert tried.exit_code == 0, tried.output
    assert "thử báo động" in post.mails[0].get_content()
    assert "1 cán bộ" in tried.output
    assert "thử báo động" in run("alarm", "list").output
    post.refuses = True
    refused = run("alarm", "test", *WHO)
    assert refused.exit_code == 1
    assert "Máy chủ thư (HCC_MAIL_URL) không nhận thư" in refused.output
