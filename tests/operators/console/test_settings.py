"""What Django is told: cookies and hosts by the address, the key from ours, nothing in the session."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from config.settings import Settings
from operators.console.django_settings import django_settings
from worker.services.deployment import Deployment

KEYS = ["0123456789abcdef", "fedcba9876543210"]


def told(**given: Any) -> dict[str, Any]:
    """The settings of Django for settings of ours."""
    settings = Settings(_env_file=None, secret_keys=KEYS, console_database_url="postgresql://c:p@db:6432/hcc", **given)  # type: ignore[call-arg]
    return django_settings(settings)


def test_behind_a_proxy_cookies_are_secure_and_the_host_is_checked() -> None:
    """Without an address it answers to loopback only."""
    public = told(console_url="https://hcc.example.gov.vn")
    assert public["SESSION_COOKIE_SECURE"]
    assert public["CSRF_COOKIE_SECURE"]
    assert public["SECURE_HSTS_SECONDS"] > 0
    assert public["ALLOWED_HOSTS"] == ["hcc.example.gov.vn"]
    assert public["ALLAUTH_TRUSTED_PROXY_COUNT"] == 1
    local = told()
    assert local["ALLOWED_HOSTS"] == ["127.0.0.1", "localhost", "[::1]"]
    assert not local["SESSION_COOKIE_SECURE"]
    assert all(one["SESSION_COOKIE_HTTPONLY"] and one["CSRF_COOKIE_HTTPONLY"] for one in (public, local))


def test_an_address_without_encryption_is_refused_unless_it_is_loopback() -> None:
    """Passwords travel there."""
    with pytest.raises(ValueError, match="https://"):
        told(console_url="http://hcc.example.gov.vn")
    assert told(console_url="http://localhost:8100")["ALLOWED_HOSTS"] == ["localhost"]


def test_the_key_is_derived_and_changes_with_the_first_of_ours() -> None:
    """The second one is accepted, so that a rotation signs nobody out."""
    known = told()
    assert known["SECRET_KEY"] not in KEYS
    assert len(known["SECRET_KEY_FALLBACKS"]) == 1
    assert known["SECRET_KEY"] not in known["SECRET_KEY_FALLBACKS"]


def test_single_sign_on_is_offered_where_it_is_set() -> None:
    """By its host's name."""
    given = {"console_oidc_url": "https://sso.example.gov.vn/realms/hcc", "console_oidc_client_id": "console"}
    [app] = told(**given)["SOCIALACCOUNT_PROVIDERS"]["openid_connect"]["APPS"]
    assert (app["name"], app["client_id"]) == ("sso.example.gov.vn", "console")
    assert told()["SOCIALACCOUNT_PROVIDERS"]["openid_connect"]["APPS"] == []


def test_nothing_is_set_in_the_session_of_the_accounts(desk: Deployment) -> None:
    """PgBouncer in transaction mode gives each transaction another server: the role brings what is needed."""
    from django.db import connection  # noqa: PLC0415 (Django)

    connection.ensure_connection()
    assert connection.ensure_timezone() is False
    assert connection.settings_dict["DISABLE_SERVER_SIDE_CURSORS"]


@pytest.mark.parametrize(("password", "opened"), [("!", True), ("argon2$x", False)])
def test_single_sign_on_opens_only_accounts_that_were_made_for_it(
    desk: Deployment, password: str, opened: bool
) -> None:
    """A name at the other server must not open an account that has a password here."""
    from operators.console.adapters import SignOnAdapter  # noqa: PLC0415 (Django)
    from operators.console.models import Account  # noqa: PLC0415

    Account(username="minh", password=password).save()
    connected: list[Account] = []
    sign_on = SimpleNamespace(
        is_existing=False,
        account=SimpleNamespace(extra_data={"userinfo": {"preferred_username": "Minh"}}),
        connect=lambda _request, account: connected.append(account),
    )
    SignOnAdapter().pre_social_login(None, sign_on)  # type: ignore[arg-type]
    assert [one.username for one in connected] == (["minh"] if opened else [])
