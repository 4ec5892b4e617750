"""The pages for citizens: without session, script or cookie; scans are counted, people are not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from domain.guide import follow_link, guide
from domain.units import ListedUnit
from ledger.base import units
from tests.operators.console.conftest import OA

UNIT = ListedUnit("H27.115", "Phường Bắc Hồng <Lĩnh>")
SHEET = Path(__file__).parents[3] / "operators/console/static/console/guide.css"
Visitor = Callable[[], Any]


@pytest.fixture(autouse=True)
def listed(owner: Engine) -> Iterator[None]:
    """One unit in the list."""
    with owner.begin() as tx:
        units.change(tx, OA, [UNIT], whole=True)
    yield
    with owner.begin() as tx:
        tx.execute(text("DELETE FROM units"))
        tx.execute(text("DELETE FROM scans"))


def scans(owner: Engine) -> list[tuple[str, int]]:
    """(unit, scans) of today by Vietnam's calendar."""
    query = (
        "SELECT unit, number FROM scans WHERE oa = :oa AND day = CAST(now() AT TIME ZONE 'Asia/Ho_Chi_Minh' AS date)"
    )
    with owner.connect() as connection:
        return [(row.unit, row.number) for row in connection.execute(text(query), {"oa": OA})]


class Outline(HTMLParser):
    """The tags of a page, with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def of(self, *names: str) -> list[dict[str, str | None]]:
        """The attributes of each tag of these names, in their order."""
        return [attributes for tag, attributes in self.tags if tag in names]


def test_the_guide_says_the_guides_words_to_everybody(client: Visitor) -> None:
    """Word for word, below 20 kB with its sheet, without script or cookie."""
    answer = client().get("/guide/H27.115")
    page = answer.content.decode()
    words, said = guide("tỉnh Hà Tĩnh"), re.sub(r"\s+", " ", unescape(re.sub("<[^>]+>", " ", page)))
    for one in (UNIT.name, words.title, words.audience, words.caption, words.instruction, *words.steps):
        assert one in said
    assert len(answer.content) + SHEET.stat().st_size < 20_000
    assert "<script" not in page
    assert not answer.cookies
    assert follow_link(OA) in page


def test_the_guide_is_built_for_readers_of_every_kind(client: Visitor) -> None:
    """One language, one h1, headings in order, pictures with words, labels that exist, nothing inline."""
    page = Outline(client().get("/guide/H27.115").content.decode())
    assert page.of("html") == [{"lang": "vi"}]
    assert [tag for tag, _ in page.tags if tag in ("main", "h1", "h2", "h3")] == ["main", "h1", "h2", "h2"]
    assert all(one["alt"] and one["width"] and one["height"] for one in page.of("img"))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert sorted(one["aria-labelledby"] or "" for one in page.of("section")) == sorted(ids)  # type: ignore[type-var]
    assert len(page.of("li")) == 6
    assert not [tag for tag, attributes in page.tags if "style" in attributes or tag in ("style", "script")]
    viewports = [one["content"] for one in page.of("meta") if one.get("name") == "viewport"]
    assert viewports == ["width=device-width, initial-scale=1"], "it may be enlarged"


def test_a_scan_leads_to_zalo_and_is_one_more_of_its_unit_today(client: Visitor, owner: Engine) -> None:
    """Neither a cookie nor an address is kept; a preview (HEAD) is no scan; small letters are the same unit."""
    for path in ("/q/H27.115", "/q/h27.115"):
        answer = client().get(path)
        assert (answer.status_code, answer.headers["Location"]) == (302, follow_link(OA))
        assert not answer.cookies
        assert answer.headers["Cache-Control"] == "no-store"
    assert client().head("/q/H27.115").status_code == 302
    assert scans(owner) == [("H27.115", 2)]
    with owner.connect() as connection:
        columns = connection.execute(text("SELECT * FROM scans")).keys()
    assert list(columns) == ["oa", "unit", "day", "number"]


def test_a_poster_of_a_unit_that_is_gone_still_leads_there_and_strangers_fill_no_table(
    client: Visitor, owner: Engine
) -> None:
    """There is one OA, so it is known who is meant; a guide for nobody is not found."""
    for unit in ("H27.999", "x" * 300, "%3Cb%3E"):
        assert client().get(f"/q/{unit}").headers["Location"] == follow_link(OA)
        assert client().get(f"/guide/{unit}").status_code == 404
    assert client().post("/q/H27.115").headers["Location"].startswith("/sign-in")
    assert scans(owner) == []


def test_a_scan_leads_to_zalo_also_while_the_ledger_is_away(
    client: Visitor, owner: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not counted then."""
    from operators.console.views import public  # noqa: PLC0415 (Django)

    def away(*_: object) -> None:
        raise OperationalError("", {}, Exception("gone"))

    monkeypatch.setattr(public, "_found", away)
    assert client().get("/q/H27.115").headers["Location"] == follow_link(OA)
    assert client().get("/guide/H27.115").status_code == 503
    assert scans(owner) == []
