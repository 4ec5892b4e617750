"""The runbooks as tests read them."""

from __future__ import annotations

import re
from pathlib import Path

from config.settings import ROOT

FOLDER = ROOT / "docs" / "runbooks"
INDEX = FOLDER / "README.md"
PAGES = sorted(path for path in FOLDER.glob("*.md") if path != INDEX)

_BLOCK = re.compile(r"^ {4,}(hcc .+)$", re.MULTILINE)
_SPAN = re.compile(r"`(hcc [^`]+)`")


def lines(page: Path, section: str = "") -> list[str]:
    """The commands that stand on lines of their own, in their order; only those below a heading that begins so."""
    text = page.read_text("utf-8").replace("\n\n       ", "\n       ")
    below = text.partition(f"\n## {section}")[2].partition("\n## ")[0] if section else text
    return _BLOCK.findall(below)


def named(page: Path) -> list[str]:
    """The commands within the sentences of a page."""
    return [span.replace("\n", " ") for span in _SPAN.findall(page.read_text("utf-8"))]


def rows() -> dict[str, tuple[list[str], list[str], str]]:
    """The index: by page, the alerts and alarm causes that lead to it, and the test by which it was drilled."""
    found = re.findall(
        r"^\| \[.+?\]\((\S+?\.md)\) \| (.*?) ?\| (.*?) ?\| `(.+?)` \|$", INDEX.read_text("utf-8"), re.MULTILINE
    )
    return {
        page: (re.findall(r"\w+", alerts), re.findall(r"`(\w+)`", causes), drill)
        for page, alerts, causes, drill in found
    }
