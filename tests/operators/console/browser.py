"""A browser on the session's console: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any, Literal

from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
WIDTHS = (320, 768, 1366)
HEIGHT = 768
Scheme = Literal["light", "dark"]
LOOKS: Sequence[tuple[str, Scheme]] = (("vi", "light"), ("en", "dark"), ("en", "light"), ("vi", "dark"))
"""Language and colour scheme."""
_FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@contextmanager
def started() -> Iterator[Browser]:
    """One browser, for many pages."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        yield browser
        browser.close()


def looks(paths: Sequence[str]) -> Iterator[tuple[str, str, Scheme]]:
    """Each path with a language and a scheme, in turns; with all of them where `HCC_LOOKS` is `all` (`make axe`)."""
    for number, path in enumerate(paths):
        chosen = LOOKS if os.environ.get("HCC_LOOKS") == "all" else [LOOKS[number % len(LOOKS)]]
        yield from ((path, language, scheme) for language, scheme in chosen)


def look(page: Page, base: str, language: str, scheme: Scheme) -> None:
    """Let the pages that follow be in this language and scheme."""
    page.context.add_cookies([{"name": "hcc_language", "value": language, "url": base}])
    page.emulate_media(color_scheme=scheme)


@contextmanager
def served() -> Iterator[str]:
    """The console of this process on a free port of loopback; yields its address."""
    from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler  # noqa: PLC0415 (Django)
    from django.core.wsgi import get_wsgi_application  # noqa: PLC0415

    class Quiet(WSGIRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Nothing."""

    class Server(ThreadedWSGIServer):
        def handle_error(self, *_: Any) -> None:
            """A browser that closes resets its connections."""

    server = Server(("127.0.0.1", 0), Quiet)
    server.set_app(get_wsgi_application())
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@contextmanager
def opened(browser: Browser, base: str, client: Any = None, **options: Any) -> Iterator[Page]:
    """A page of its own; with the session of a test client, if one is given."""
    settings = {"viewport": {"width": 1366, "height": HEIGHT}, "base_url": base} | options
    context = browser.new_context(**settings)
    if client is not None:
        value = client.cookies["hcc_session"].value
        context.add_cookies([{"name": "hcc_session", "value": value, "url": base}])
    page = context.new_page()
    page.set_default_timeout(20_000)
    yield page
    context.close()
