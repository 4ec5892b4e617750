"""Accounts: on their page, by `hcc account`, and by the role of the console in a ledger of one's own."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result
from django.contrib.auth.password_validation import get_default_password_validators
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import ProgrammingError

from config.settings import Settings
from ledger.console import grant_statements, role_statements
from operators.cli.main import hcc
from operators.console.words import LANGUAGES
from operators.console.words import words as words_of
from sandbox.servers import Servers
from tests.operators.console.conftest import OA, SignIn
from worker.services.deployment import Deployment

PHRASE = "một mật khẩu đủ dài 17"
WHY = ["--by", "lan", "--why", "thử"]


@pytest.fixture
def run(desk: Deployment, console_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """`hcc` on the ledger of the session's console."""
    given = {
        "DATABASE_URL": console_settings.database_url, "CONSOLE_DATABASE_URL": console_settings.console_database_url,
        "DOSSIER_URL": "postgresql://x@127.0.0.1:1/x", "REDIS_URL": console_settings.redis_url, "ZALO_OA_ID": OA,
        "ZALO_APP_ID": "1", "SECRET_KEYS": "0123456789abcdef",
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(f"HCC_{name}", value)
    return lambda *words, lines="": CliRunner().invoke(hcc, list(words), input=lines)


def test_the_first_administrator_is_made_by_the_command(run: Callable[..., Result], client: Callable[[], Any]) -> None:
    """The password is read from standard input; then it opens the pages."""
    done = run("account", "add", "Lan", "--role", "admin", *WHY, lines=f"{PHRASE}\n")
    assert done.exit_code == 0, done.output
    assert PHRASE not in done.output
    browser = client()
    assert browser.post("/sign-in", {"login": "lan", "password": PHRASE}).headers["Location"] == "/"
    assert browser.get("/accounts").status_code == 200
    listed = run("account", "list", "--json")
    assert '"role": "admin"' in listed.output
    assert PHRASE not in listed.output


@pytest.mark.parametrize(
    ("words", "lines", "told", "code"),
    [
        (("add", "lan", "--role", "admin"), "ngắn\n", "Mật khẩu chưa đủ mạnh. Mật khẩu phải có ít nhất 12 ký tự.\n", 1),
        (("add", "lan", "--role", "admin"), "password1234\n", "Mật khẩu này quá phổ biến, dễ bị đoán.\n", 1),
        (("add", "lan.nguyen.van", "--role", "admin"), "lan.nguyen.van\n", "quá giống tên đăng nhập.\n", 1),
        (("add", "Nguyễn", "--role", "admin"), f"{PHRASE}\n", "chữ thường không dấu", 1),
        (("add", "lan", "--role", "viewer", "--unit", "x y"), f"{PHRASE}\n", "không phải mã đơn vị", 1),
        (("add", "lan", "--role", "viewer"), "", "Cần mật khẩu", 2),
        (("role", "ai", "--role", "admin"), "", "Không có tài khoản", 3),
    ],
)
def test_what_cannot_be_done_is_a_sentence(
    run: Callable[..., Result], words: tuple[str, ...], lines: str, told: str, code: int
) -> None:
    """And nothing is made."""
    done = run("account", *words, *WHY, lines=lines)
    assert done.exit_code == code
    assert told in done.output
    assert "[]" in run("account", "list", "--json").output


def test_an_account_that_does_not_exist_is_named_to_programs(run: Callable[..., Result]) -> None:
    done = run("account", "remove", "ai", "--json", *WHY)
    answered = json.loads(done.stdout)
    assert (done.exit_code, answered["done"]) == (3, 0)
    assert answered["refused"] == [{"name": "ai", "why": "not found"}]


def test_every_reason_of_a_weak_password_has_words_in_both_languages(desk: Deployment) -> None:
    """By the validators that are configured; an unknown reason would be shown as Django's code."""
    sources = {inspect.getsource(type(one)) for one in get_default_password_validators()}
    codes = {code for source in sources for code in re.findall(r'code="(\w+)"', source)}
    assert codes
    for language in LANGUAGES:
        assert {f"accounts.weak.{code}" for code in codes} == {
            key for key in words_of(language) if key.startswith("accounts.weak.")
        }


def test_a_new_password_ends_sessions_and_one_administrator_stays(
    run: Callable[..., Result], client: Callable[[], Any]
) -> None:
    """Whoever lost a phone or a password starts anew; nobody locks everybody out."""
    run("account", "add", "lan", "--role", "admin", *WHY, lines=f"{PHRASE}\n")
    browser = client()
    browser.post("/sign-in", {"login": "lan", "password": PHRASE})
    assert run("account", "password", "lan", *WHY, lines="một mật khẩu khác hẳn\n").exit_code == 0
    assert browser.get("/accounts").status_code == 302
    for words in (("remove", "lan"), ("role", "lan", "--role", "viewer")):
        assert "quản trị cuối cùng" in run("account", *words, *WHY).output
    run("account", "add", "minh", "--role", "admin", *WHY, lines=f"{PHRASE}\n")
    assert run("account", "remove", "lan", *WHY).exit_code == 0


def test_an_administrator_adds_changes_and_disables_accounts_on_the_page(
    sign_in: SignIn, client: Callable[[], Any], owner: Engine
) -> None:
    """Each deed is in the audit; a disabled account is out at once."""
    admin = sign_in("admin", "lan")
    made = admin.post("/accounts", {"name": "minh", "role": "viewer", "unit": "h27.37", "why": "quầy 3"})
    password = re.findall(r'<code class="secret">([\w-]+)</code>', made.content.decode())[0]
    clerk = client()
    assert clerk.post("/sign-in", {"login": "minh", "password": password}).status_code == 302
    number = re.findall(r"/accounts/(\d+)/role", admin.get("/accounts").content.decode())[1]
    assert admin.post(f"/accounts/{number}/role", {"role": "operator", "unit": "", "why": "trực"}).status_code == 303
    assert admin.post(f"/accounts/{number}/disabling", {"why": " "}).status_code == 422
    assert admin.post(f"/accounts/{number}/disabling", {"why": "nghỉ"}).status_code == 303
    assert clerk.get("/").status_code == 302
    with owner.connect() as connection:
        told = connection.execute(text("SELECT verb || ' ' || subject FROM audit WHERE by = 'lan' ORDER BY id"))
        deeds = list(told.scalars())
    assert deeds == ["account add minh: viewer H27.37", "account role minh: operator", "account off minh"]


def test_guessing_a_password_ends_soon(run: Callable[..., Result], client: Callable[[], Any]) -> None:
    """allauth's limits, counted in the ledger's database."""
    run("account", "add", "lan", "--role", "admin", *WHY, lines=f"{PHRASE}\n")
    browser = client()
    for _ in range(6):
        answer = browser.post("/sign-in", {"login": "lan", "password": "sai"})
    assert "Sai quá nhiều lần" in answer.content.decode()
    assert "Sai quá nhiều lần" in browser.post("/sign-in", {"login": "lan", "password": PHRASE}).content.decode()


def test_nobody_signs_up(client: Callable[[], Any]) -> None:
    """Neither by the address of allauth nor by a form of one's own."""
    assert "Không tự đăng ký được" in client().get("/sign-up").content.decode()
    assert client().post("/sign-up", {"username": "x", "password1": PHRASE}).status_code in (302, 403)


def test_the_role_of_the_console_is_kept_small(desk: Deployment, owner: Engine) -> None:
    """It reads the ledger and writes what verbs write; the ledger's tables are not its own, its time is bounded."""
    with desk.shared.ledger.connect() as connection:
        assert connection.execute(text("SHOW search_path")).scalar_one() == "console, public"
        assert connection.execute(text("SHOW statement_timeout")).scalar_one() == "2s"
        assert connection.execute(text("SELECT count(*) FROM notices_ever")).scalar_one() == 0
    for forbidden in ("DELETE FROM notices", "UPDATE credentials SET version = 0", "DROP TABLE notices"):
        with desk.shared.ledger.connect() as connection, pytest.raises(ProgrammingError):
            connection.execute(text(forbidden))
    with owner.connect() as connection:
        made = connection.execute(text("SELECT tableowner FROM pg_tables WHERE schemaname = 'console'")).scalars()
        assert set(made) == {"hcc_console"}


def test_migrate_prints_what_makes_the_role_and_that_is_enough(
    servers: Servers, migrated: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a ledger of one's own: first the statements, then the setting."""
    name = "console_outside"
    servers.create_database(name, template=migrated)
    monkeypatch.setenv("HCC_DATABASE_URL", servers.database_url(name))
    told = CliRunner().invoke(hcc, ["migrate"]).output
    for statement in (*role_statements(), *grant_statements()):
        assert f"  {statement};" in told
    assert "CREATE ROLE hcc_console LOGIN PASSWORD" in told
    engine = create_engine(servers.database_url(name))
    with engine.begin() as connection:
        for statement in grant_statements():
            connection.execute(text(statement))
    engine.dispose()
    as_console = create_engine(servers.postgres.url_as("hcc_console", name))
    with as_console.begin() as connection:
        connection.execute(text("CREATE TABLE account (id int)"))
        assert connection.execute(text("SELECT 'account'::regclass::text")).scalar_one() == "account"
        assert connection.execute(text("SELECT count(*) FROM console.account")).scalar_one() == 0
    as_console.dispose()
    servers.drop_database(name)
