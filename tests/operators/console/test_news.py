"""The numbers that staff get by themselves, on a page: the very text, and nobody's name."""

from __future__ import annotations

from datetime import timedelta
from html import unescape

import pytest
from sqlalchemy import Engine, text

from domain.news import Rhythm
from domain.units import ListedUnit
from ledger.base import units
from ledger.base.sealing import Sealer
from ledger.people import staff
from ledger.people.people import Link, People
from ledger.reports import tally_rounds
from operators.reports.news import news_text
from producers.news import newest_news
from tests.operators.console.conftest import OA, SignIn
from tests.operators.console.test_lists import page
from tests.operators.console.waiting import put
from worker.services.deployment import Deployment

USER, PHONE = "6142494823000001001", "+84978001001"


@pytest.fixture
def asked(owner: Engine) -> Engine:
    """A clerk hears of two units each day; the first had three notices yesterday."""
    put(owner, "sent", 3)
    with owner.begin() as tx:
        tx.execute(text("UPDATE notices SET recorded_at = recorded_at - interval '1 day'"))
        units.change(tx, OA, [ListedUnit("H27.12", "Phường Trần Phú")], whole=True)
        People.of(owner, Sealer(["0123456789abcdef"])).link(tx, OA, [Link(USER, PHONE)], source="test")
        clerk = list(tx.execute(text("SELECT id FROM followers")).scalars())
        for unit in ("H27.12", "H27.9"):
            staff.add(tx, OA, clerk, unit)
            staff.set_news(tx, OA, clerk, unit, Rhythm.DAY)
    tally_rounds.catch_up(owner, 30)
    return owner


def test_the_page_shows_the_text_that_leaves(asked: Engine, sign_in: SignIn, desk: Deployment) -> None:
    """Of the first unit, or of the one that is chosen; the entry of the reports is marked."""
    client, [services] = sign_in("operator"), list(desk)
    with asked.connect() as connection:
        found = newest_news(connection, OA, services.shared.clock.now())
        texts = [news_text(connection, services, one) for one in found]
    assert "đã gửi 3" in texts[0]
    shown = unescape(page(client, "/news"))
    assert texts[0].replace("\n", "<br>") in shown
    assert "Phường Trần Phú" in shown
    assert f"{found[0].first:%d/%m/%Y}" in shown
    assert found[0].last - found[0].first == timedelta(0)
    assert texts[1].replace("\n", "<br>") in unescape(page(client, "/news?unit=H27.9&news=day"))
    assert '<a href="/reports" aria-current="true">' in shown
    assert USER not in shown
    assert PHONE[-9:] not in shown


def test_it_is_a_tab_of_the_reports_for_those_who_may_see_it(sign_in: SignIn) -> None:
    """And says so where nobody asked, in both languages."""
    client = sign_in("auditor")
    assert 'href="/news"' in page(client, "/reports/reach")
    assert "Chưa ai đăng ký" in page(client, "/news")
    client.cookies["hcc_language"] = "en"
    assert "Nobody asked for numbers yet." in page(client, "/news")
    assert 'href="/news"' not in page(sign_in("viewer"), "/reports/reach")
