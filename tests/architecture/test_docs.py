"""The documents lead to what there is: no dead link, no picture that nobody is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from config.settings import ROOT

_LINK = re.compile(r"\]\(([^)#\s]+)")
_MANUAL = ROOT / "docs" / "reference" / "console.md"


def documents() -> Iterator[Path]:
    """Those of the project, and none of what it has installed or made."""
    yield from ROOT.glob("*.md")
    for room in ("docs", "deploy", "benchmarks", "templates"):
        yield from (ROOT / room).rglob("*.md")


def links(page: Path) -> Iterator[Path]:
    """The files of ours that a page leads to."""
    for target in _LINK.findall(page.read_text("utf-8")):
        if not re.match(r"[a-z]+:", target):
            yield (page.parent / target).resolve()


def test_every_link_leads_to_a_file() -> None:
    """From every document."""
    dead = {str(page.relative_to(ROOT)): path for page in documents() for path in links(page) if not path.exists()}
    assert dead == {}


def test_the_manual_shows_each_picture_of_the_console() -> None:
    """`make screenshots` takes them."""
    shown = {path for path in links(_MANUAL) if path.suffix == ".png"}
    assert shown == set((ROOT / "docs" / "console").glob("*.png"))
