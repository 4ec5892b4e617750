"""One console for the session, in this process: a ledger with the console's role, and Django's test client."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest
from playwright.sync_api import Browser
from sqlalchemy import Engine, text

from config.oas import Oa
from config.settings import Settings
from ledger.base.engine import open_ledger
from ledger.console import role_statements
from sandbox.servers import Servers
from tests.operators.console import browser
from worker.services.deployment import Deployment

# Playwright runs a loop in the thread of the tests; Django would then refuse to ask its database there.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"

OA = "4024926008133882615"
PASSWORD = "một mật khẩu đủ dài"
_CLEARED = (
    "notices", "history", "attempts", "act_notices", "acts", "audit_seals", "audit", "switches", "oddities", "cursors",
    "credentials", "spending", "alarms", "phone_claims", "staff", "alarm_staff", "followers", "people", "units",
    "tally_day", "tally_tries", "tally_dossiers", "tally_minute", "tally_stale", "tally_rounds", "scans", "letters",
    "exports",
)  # fmt: skip


class SignIn(Protocol):
    """Makes an account of a role and a client that is signed in by it."""

    def __call__(self, role: str, name: str = "") -> Any: ...


@pytest.fixture(scope="session")
def console_settings(servers: Servers, migrated: str) -> Settings:
    """The settings of the session's console."""
    servers.create_database("console", template=migrated)
    servers.create_role("hcc_console", role_statements())
    return Settings(
        _env_file=None,
        database_url=servers.database_url("console"),
        console_database_url=servers.postgres.url_as("hcc_console", "console"),
        redis_url=servers.redis_url(),
        secret_keys=["0123456789abcdef"],
        zalo_oa_id=OA,
    )  # type: ignore[call-arg]


@pytest.fixture(scope="session")
def _console(console_settings: Settings) -> Iterator[Deployment]:
    from operators.console.setup import migrate_console, open_console  # noqa: PLC0415 (Django)

    owner = open_ledger(console_settings.database_url)
    assert migrate_console(owner, console_settings) is None
    _hash_quickly()
    made = open_console({OA: Oa(OA, OA, console_settings)})
    _ = made.shared.people
    yield made
    made.close()
    owner.dispose()


def _hash_quickly() -> None:
    """Argon2 is slow and wide on purpose; tests sign in often."""
    from django.contrib.auth.hashers import Argon2PasswordHasher  # noqa: PLC0415 (Django)

    Argon2PasswordHasher.time_cost, Argon2PasswordHasher.memory_cost, Argon2PasswordHasher.parallelism = 1, 64, 1


@pytest.fixture
def desk(_console: Deployment, console_settings: Settings) -> Iterator[Deployment]:
    """The console with nothing in its ledger and no accounts."""
    from operators.console import unit_names, vitals  # noqa: PLC0415 (Django)
    from operators.console.layout import forget_banner  # noqa: PLC0415

    yield _console
    forget_banner()
    vitals.forget()
    unit_names.forget()
    owner = open_ledger(console_settings.database_url)
    with owner.begin() as tx:
        for table in _CLEARED:
            tx.execute(text(f"DELETE FROM {table}"))  # partitions are many: a TRUNCATE of them takes a second
    owner.dispose()
    from django.contrib.sessions.models import Session  # noqa: PLC0415 (Django)
    from django.core.cache import cache  # noqa: PLC0415

    from operators.console.models import Account  # noqa: PLC0415

    Account.objects.all().delete()
    Session.objects.all().delete()
    cache.clear()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for a file: Playwright keeps this thread's event loop, which other tests need."""
    if not browser.CHROMIUM.exists():
        pytest.skip(f"{browser.CHROMIUM} is not installed: pages are not seen in a browser")
    with browser.started() as one:
        yield one


@pytest.fixture(scope="session")
def address(_console: Deployment) -> Iterator[str]:
    """Where the session's console answers a browser."""
    with browser.served() as base:
        yield base


@pytest.fixture
def owner(desk: Deployment, console_settings: Settings) -> Iterator[Engine]:
    """The ledger of the console, by its owner: what workers write."""
    engine = open_ledger(console_settings.database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def client(desk: Deployment) -> Callable[[], Any]:
    """Makes clients that have not signed in; faults are answered, as in a real process."""
    from django.test import Client  # noqa: PLC0415 (Django)

    return lambda: Client(raise_request_exception=False, SERVER_NAME="127.0.0.1")


@pytest.fixture
def sign_in(client: Callable[[], Any]) -> SignIn:
    """Accounts and their clients."""
    from allauth.account.internal.flows.login import (  # noqa: PLC0415 (Django)
        _AUTHENTICATION_METHODS_USER_SESSION_KEY,
        AUTHENTICATION_METHODS_SESSION_KEY,
    )

    from operators.console.models import Account  # noqa: PLC0415 (Django)

    def made(role: str, name: str = "") -> Any:
        account = Account(username=name or f"{role}.test", role=role)
        account.set_password(PASSWORD)
        account.save()
        one = client()
        one.force_login(account)
        session = one.session
        session[_AUTHENTICATION_METHODS_USER_SESSION_KEY] = str(account.pk)
        session[AUTHENTICATION_METHODS_SESSION_KEY] = [
            {"method": "password", "at": time.time(), "reauthenticated": True}
        ]
        session.save()
        return one

    return made
