"""Reports are mailed on schedule, each once, whatever ends in between."""

from __future__ import annotations

import io
import json
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import pytest
from pypdf import PdfReader
from sqlalchemy import Engine, text

from domain.paces import ReportPace, ended_period
from ledger.reports import schedules
from operators.reports import posting
from tests.operators.conftest import Run
from tests.operators.test_alarms import MailServer
from worker.upkeep import mailing

ADD = ("report", "schedule", "add", "--report", "dossiers", "--every", "daily")
WHO = ("--by", "lan", "--why", "giao ban")
TO = ("--to", "ban@hatinh.gov.vn", "--to", "truc@hatinh.gov.vn")


@pytest.fixture
def post() -> Iterator[MailServer]:
    """A mail server on a free port."""
    with MailServer() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def run(run: Run, post: MailServer, ledger: Engine, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Commands, with a mail server."""
    monkeypatch.setenv("HCC_MAIL_URL", post.url)
    return run


@pytest.fixture
def due(run: Run, ledger: Engine) -> int:
    """A schedule that is as old as if its first period had ended."""
    result = run(*ADD, *TO, *WHO, "--json")
    assert result.exit_code == 0, result.output
    age(ledger)
    return int(json.loads(result.stdout)["id"])


def age(ledger: Engine) -> None:
    with ledger.begin() as tx:
        tx.execute(text("UPDATE report_schedules SET added_at = added_at - interval '3 days'"))


def scalar(ledger: Engine, query: str) -> Any:
    with ledger.connect() as connection:
        return connection.execute(text(query)).scalar_one()


def made(run: Run) -> dict[str, Any]:
    result = run("report", "schedule", "run", "--json")
    assert result.exit_code == 0, result.output
    return {name: value for name, value in json.loads(result.stdout).items() if name in {"done", "put_off"}}


def attached(mail: EmailMessage) -> tuple[str, bytes]:
    [file] = mail.iter_attachments()
    return str(file.get_filename()), bytes(file.get_payload(decode=True))


def test_a_report_that_is_due_is_mailed_once(run: Run, due: int, post: MailServer) -> None:
    """To all receivers in one mail, as a PDF of the day that has ended."""
    assert made(run) == {"done": 1, "put_off": 0}
    assert made(run) == {"done": 0, "put_off": 0}
    [mail] = post.mails
    first, _ = ended_period(ReportPace.DAILY, datetime.now(UTC))
    assert mail["To"] == "ban@hatinh.gov.vn, truc@hatinh.gov.vn"
    assert mail["Subject"] == f"[HCC Notify] Hồ sơ báo được qua Zalo, theo ngày và đơn vị, {first:%d/%m/%Y}"
    name, content = attached(mail)
    assert name == f"dossiers-{first}-{first}.pdf"
    assert "Hồ sơ báo được qua Zalo" in PdfReader(io.BytesIO(content)).pages[0].extract_text()
    assert f"lịch số {due}" in mail.get_body().get_content()  # type: ignore[union-attr]  # it has one


def test_a_period_that_began_before_the_schedule_is_not_mailed(run: Run, post: MailServer) -> None:
    """Nothing is due on the day on which it was added."""
    assert run(*ADD, *TO, *WHO).exit_code == 0
    assert made(run)["done"] == 0
    assert post.mails == []


def test_a_process_that_is_killed_before_it_noted_the_mail_leaves_it_to_the_next(
    run: Run, due: int, ledger: Engine, post: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy has the same Message-ID; after a note there is no copy."""

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as blow:
        blow.setattr(posting.schedules, "mailed", killed)
        assert run("report", "schedule", "run").exit_code != 0
    assert [made(run)["done"] for _ in range(2)] == [1, 0]
    assert len({mail["Message-ID"] for mail in post.mails}) == 1
    assert len(post.mails) == 2


def test_two_processes_do_not_mail_the_same(run: Run, due: int, ledger: Engine, post: MailServer) -> None:
    """What one has taken the other does not see."""
    with ledger.begin() as tx:
        schedules.plan(tx, datetime.now(UTC))
    with ledger.begin() as busy:
        assert schedules.take(busy, datetime.now(UTC))
        assert made(run)["done"] == 0
    assert made(run)["done"] == 1


def test_a_mail_that_is_refused_is_tried_again_later(run: Run, due: int, ledger: Engine, post: MailServer) -> None:
    """After a pause; for seven days."""
    post.refuses = True
    assert made(run) == {"done": 0, "put_off": 1}
    post.refuses = False
    assert made(run) == {"done": 0, "put_off": 0}, "not before the pause has passed"
    with ledger.begin() as tx:
        tx.execute(text("UPDATE report_mails SET next_at = now()"))
    assert made(run) == {"done": 1, "put_off": 0}
    assert len(post.mails) == 1
    with ledger.begin() as tx:
        tx.execute(text("UPDATE report_mails SET mailed_at = NULL, last = last - 9, next_at = now()"))
        assert schedules.take(tx, datetime.now(UTC)) is None


@pytest.mark.parametrize(("form", "begins"), [("xlsx", b"PK"), ("csv", b"\xef\xbb\xbf")])
def test_it_comes_in_the_form_that_was_asked_for(
    run: Run, ledger: Engine, post: MailServer, form: str, begins: bytes
) -> None:
    """Of a unit, if one was named."""
    assert run(*ADD, *TO, "--form", form, "--unit", "h27", *WHO).exit_code == 0
    age(ledger)
    assert made(run)["done"] == 1
    name, content = attached(post.mails[0])
    assert name.endswith(f".{form}")
    assert content.startswith(begins)
    assert "Đơn vị: H27" in post.mails[0].get_body().get_content()  # type: ignore[union-attr]  # it has one


def test_a_report_that_is_too_large_for_a_mail_says_so(
    run: Run, due: int, post: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a file."""
    monkeypatch.setattr(posting, "MOST_BYTES", 10)
    assert made(run)["done"] == 1
    assert list(post.mails[0].iter_attachments()) == []
    assert "không đính kèm được" in post.mails[0].get_content()


def test_schedules_are_listed_and_removed_and_every_deed_is_in_the_audit(run: Run, due: int, ledger: Engine) -> None:
    """Without the addresses."""
    listed = run("report", "schedule", "list")
    assert "hằng ngày" in listed.output
    assert json.loads(run("report", "schedule", "list", "--json").stdout)[0]["receivers"].startswith("ban@")
    assert run("report", "schedule", "remove", due, *WHO).exit_code == 0
    assert run("report", "schedule", "remove", due, *WHO).exit_code == 3
    assert scalar(ledger, "SELECT count(*) FROM report_schedules") == 0
    told = scalar(ledger, "SELECT string_agg(verb || ' ' || subject || ' ' || by, '; ' ORDER BY id) FROM audit")
    assert told == f"schedule add {due}: dossiers daily pdf, 2 receivers lan; schedule remove {due}: dossiers daily lan"


def test_what_is_no_address_or_no_report_of_units_is_refused(run: Run, ledger: Engine) -> None:
    """As usage errors."""
    assert run(*ADD, "--to", "nobody", *WHO).exit_code == 2
    costs = run("report", "schedule", "add", "--report", "costs", "--every", "weekly", *TO, "--unit", "H27", *WHO)
    assert costs.exit_code == 2
    assert "không theo đơn vị" in costs.output


def test_the_worker_starts_the_command_only_when_something_is_due(
    run: Run, ledger: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a process of its own; one that fails is logged."""
    begun: list[list[str]] = []
    said: list[Any] = []

    def ran(words: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        begun.append(words)
        return subprocess.CompletedProcess(words, 4)

    monkeypatch.setattr(mailing.subprocess, "run", ran)
    monkeypatch.setattr(mailing.log, "error", lambda _text, status: said.append(status))
    mailing.mail_reports(ledger)
    assert begun == []
    assert run(*ADD, *TO, *WHO).exit_code == 0
    age(ledger)
    mailing.mail_reports(ledger)
    assert begun[0][-3:] == ["report", "schedule", "run"]
    assert said == [4]
