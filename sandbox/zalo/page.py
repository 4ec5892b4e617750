"""Serves the page that shows the messages as on the person's phone."""

import html
from pathlib import Path

from aiohttp import web

PAGE = Path(__file__).with_name("page.html")
# The page is a single file. Nothing may be fetched from elsewhere, not even by the text of a message.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'"
)


def answer(oa_name: str) -> web.Response:
    text = PAGE.read_text(encoding="utf-8").replace("{{oa_name}}", html.escape(oa_name))
    return web.Response(text=text, content_type="text/html", headers={"Content-Security-Policy": POLICY})
