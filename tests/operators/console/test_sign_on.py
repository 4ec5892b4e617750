"""Single sign-on, against an OpenID Connect server: it opens the accounts that were made for it, and no others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from config.settings import Settings
from operators.console.django_settings import django_settings
from tests.operators.console.conftest import PASSWORD
from tests.operators.console.sign_on_server import CLIENT, SECRET, SignOnServer, sign_on_server
from worker.services.deployment import Deployment

Client = Any


@pytest.fixture
def server(desk: Deployment, console_settings: Settings) -> Iterator[SignOnServer]:
    """The server that the console is set to sign on by."""
    from django.test import override_settings  # noqa: PLC0415 (Django)

    with sign_on_server() as one:
        told = {"console_oidc_url": one.url, "console_oidc_client_id": CLIENT, "console_oidc_secret": SECRET}
        providers = django_settings(console_settings.model_copy(update=told))["SOCIALACCOUNT_PROVIDERS"]
        with override_settings(SOCIALACCOUNT_PROVIDERS=providers):
            yield one


def account(name: str, role: str, password: str | None = None) -> None:
    """An account; without a password it is for single sign-on."""
    from operators.console.models import Account  # noqa: PLC0415 (Django)

    made = Account(username=name, role=role)
    if password:
        made.set_password(password)
    else:
        made.set_unusable_password()
    made.save()


def sign_on(client: Client) -> Any:
    """From the button to the answer of the console, as a browser goes."""
    there = client.post("/oidc/sso/login/")
    assert there.status_code == 302
    back = requests.get(there.headers["Location"], allow_redirects=False, timeout=10).headers["Location"]
    assert urlsplit(back).path == "/oidc/sso/login/callback/"
    return client.get(f"{urlsplit(back).path}?{urlsplit(back).query}")


def test_it_opens_the_account_of_that_name_that_was_made_for_it(
    server: SignOnServer, client: Callable[[], Client]
) -> None:
    """From then on the server's own number counts, whatever the person is called there."""
    account("lan", "auditor")
    one = client()
    assert 'action="/oidc/sso/login/' in one.get("/sign-in").content.decode()
    answer = sign_on(one)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert 'href="/audit"' in one.get("/").content.decode()
    server.name = "lan.nguyen"
    again = client()
    assert sign_on(again).headers["Location"] == "/"
    assert "lan<span" in again.get("/").content.decode()


@pytest.mark.parametrize("password", [PASSWORD, None])
def test_it_opens_neither_an_account_with_a_password_nor_makes_one(
    server: SignOnServer, client: Callable[[], Client], password: str | None
) -> None:
    """Whoever may choose a name at the server would else be an administrator here."""
    if password:
        account("lan", "admin", password)
    one = client()
    sign_on(one)
    assert one.get("/").headers["Location"].startswith("/sign-in")
    from operators.console.models import Account  # noqa: PLC0415 (Django)

    assert Account.objects.count() == (1 if password else 0)


def test_a_forged_return_opens_nothing(server: SignOnServer, client: Callable[[], Client]) -> None:
    """Without the state of this browser's own sign-in; and a server that is away is a sentence."""
    from django.test import override_settings  # noqa: PLC0415 (Django)

    account("lan", "admin")
    one = client()
    answer = one.get("/oidc/sso/login/callback/?code=x&state=y")
    assert answer.status_code < 500
    assert one.get("/").headers["Location"].startswith("/sign-in")
    with override_settings(SOCIALACCOUNT_PROVIDERS=_away()):
        answer = client().post("/oidc/sso/login/")
    assert answer.status_code == 503
    assert "Máy chủ đăng nhập một lần không trả lời" in answer.content.decode()


def _away() -> dict[str, Any]:
    app = {"provider_id": "sso", "name": "away", "client_id": CLIENT, "secret": SECRET}
    return {"openid_connect": {"APPS": [{**app, "settings": {"server_url": "http://127.0.0.1:1"}}]}}
