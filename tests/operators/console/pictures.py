"""`make screenshots`: a picture of each page for the operators' manual, written into docs/console."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Browser
from sqlalchemy import Engine

from config.settings import ROOT
from tests.operators.console.browser import WIDTHS, opened
from tests.operators.console.conftest import SignIn
from tests.operators.console.stage import DEAD, DOUBT, FOLLOWS_NOT, SEEN, Stage
from tests.operators.console.test_browser import FACTORS, factors
from tests.operators.console.waiting import furnish
from worker.services.deployment import Deployment

_FOLDER = Path(os.environ.get("PICTURES", ROOT / "docs" / "console"))
_WIDTHS = WIDTHS if "PICTURES" in os.environ else WIDTHS[-1:]  # elsewhere: every width, to look at


def test_pictures_of_every_page(
    chromium: Browser, address: str, owner: Engine, desk: Deployment, sign_in: SignIn
) -> None:
    """Full pages at the widest; the dossier's page also narrow, dark and in English."""
    person = Stage(owner, desk).furnish()
    pages = {
        "search": "/", "dossier": f"/dossiers/{SEEN}", "not-followed": f"/dossiers/{FOLLOWS_NOT}",
        "uncertain": f"/dossiers/{DOUBT}", "dead": f"/dossiers/{DEAD}", "unknown-code": "/dossiers/H27.37-240219-1009",
        "person": f"/people/{person}", "audit": "/audit", "accounts": "/accounts", "password": "/account/password",
        "factors-app": "/account/factors/app/new", "factors-key": "/account/factors/keys/new",
        "not-found": "/no-such-page",
    }  # fmt: skip
    admin = sign_in("admin", "minh")
    for name, path in pages.items():
        _take(chromium, address, admin, name, path, _WIDTHS)
    _take(chromium, address, None, "sign-in", "/sign-in", _WIDTHS)
    _take(chromium, address, sign_in("viewer", "lan"), "refused", "/audit", _WIDTHS)
    _take(chromium, address, admin, "dossier-narrow", f"/dossiers/{SEEN}", WIDTHS[:1])
    _take(chromium, address, admin, "dossier-dark-en", f"/dossiers/{SEEN}", _WIDTHS, language="en", scheme="dark")


def test_pictures_of_the_pages_of_work(
    chromium: Browser, address: str, owner: Engine, desk: Deployment, sign_in: SignIn
) -> None:
    """Of an operator; the overview also dark and in English."""
    pages, operator = furnish(owner, desk), sign_in("operator", "lan")
    for name, path in pages.items():
        _take(chromium, address, operator, name, path, _WIDTHS)
    _take(chromium, address, operator, "reports-dark", pages["reports"], _WIDTHS, scheme="dark")
    _take(chromium, address, operator, "overview-dark-en", "/overview", _WIDTHS, language="en", scheme="dark")


def test_pictures_of_ones_own_factors(chromium: Browser, address: str, desk: Deployment) -> None:
    """With a key, an app and recovery codes."""
    _FOLDER.mkdir(parents=True, exist_ok=True)
    with opened(chromium, address) as page:
        for template, path in zip(FACTORS, factors(page, "minh"), strict=True):
            page.goto(path)
            name = template.removeprefix("/account/").replace("/{key}", "-one").replace("/", "-")
            page.screenshot(path=_FOLDER / f"{name}.png", full_page=True)


def _take(  # noqa: PLR0917 (a picture: where, whose, which, how wide)
    chromium: Browser, address: str, client: object, name: str, path: str, widths: Sequence[int],
    *, language: str = "vi", scheme: str = "light",
) -> None:  # fmt: skip
    _FOLDER.mkdir(parents=True, exist_ok=True)
    with opened(chromium, address, client, color_scheme=scheme) as page:
        page.context.add_cookies([{"name": "hcc_language", "value": language, "url": address}])
        for width in widths:
            page.set_viewport_size({"width": width, "height": 768})
            page.goto(path)
            mark = "" if len(widths) == 1 else f"-{width}"
            page.screenshot(path=_FOLDER / f"{name}{mark}.png", full_page=True)
