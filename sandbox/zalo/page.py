"""The page: what the person sees on the phone."""

import html
from pathlib import Path

from aiohttp import web

PAGE = Path(__file__).with_name("page.html")
# All of it is in the one file; nothing may be fetched from elsewhere, also not by a text that was sent.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'"
)


def answer(oa_name: str) -> web.Response:
    text = PAGE.read_text(encoding="utf-8").replace("{{oa_name}}", html.escape(oa_name))
    return web.Response(text=text, content_type="text/html", headers={"Content-Security-Policy": POLICY})
