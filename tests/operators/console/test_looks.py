"""No page escapes the browser: each is looked at by axe (`make axe`) and has a picture (`make screenshots`)."""

from __future__ import annotations

from operators.console.roles import PUBLIC, ROUTES
from tests.operators.console.test_browser import FACTORS, addresses
from tests.operators.console.waiting import PAGES

_NO_PAGES = {"mfa_download_recovery_codes", "account_set_password"}  # a file; and only for accounts without a password


def test_axe_looks_at_every_page(desk: object) -> None:
    """A new page joins the list of its tests."""
    from django.urls import resolve  # noqa: PLC0415 (Django)

    paths = [path.format(act=1, key=1).partition("?")[0] for path in (*addresses(1), *FACTORS, *PAGES.values())]
    seen = {resolve(path).view_name for path in paths if path != "/no-such-page"}
    pages = {
        name
        for name, methods in ROUTES.items()
        if methods.get("GET", PUBLIC) is not PUBLIC and not name.endswith(("_file", "_plot")) and name != "reports"
    }
    assert pages - seen == _NO_PAGES
