"""The pages of work in a real browser: accessible, narrow, live, and done by keyboard alone."""

from __future__ import annotations

from playwright.sync_api import Browser
from sqlalchemy import Engine

from tests.operators.console.browser import WIDTHS, look, looks, opened
from tests.operators.console.conftest import SignIn
from tests.operators.console.test_browser import faults
from tests.operators.console.waiting import furnish, put, scalar
from worker.services.deployment import Deployment


def test_every_page_of_work_is_accessible_and_fits_a_narrow_screen(
    chromium: Browser, address: str, owner: Engine, desk: Deployment, sign_in: SignIn
) -> None:
    """axe finds nothing, and nothing but tables scrolls sideways at 320 px; light and dark, in both languages."""
    pages = furnish(owner, desk)
    with opened(chromium, address, sign_in("operator")) as page:
        found = []
        for path, language, scheme in looks([*pages.values()]):
            look(page, address, language, scheme)
            page.set_viewport_size({"width": WIDTHS[-1], "height": 768})
            page.goto(path)
            assert page.locator("h1").count() == 1, path
            found += faults(page)
            page.set_viewport_size({"width": WIDTHS[0], "height": 768})
            wide = page.evaluate("document.documentElement.scrollWidth")
            found += [f"{path} is {wide} px wide"] if wide > WIDTHS[0] else []
    assert found == []


def test_a_notice_is_retried_by_keyboard_and_many_after_a_preview(
    chromium: Browser, address: str, owner: Engine, desk: Deployment, sign_in: SignIn
) -> None:
    """Open, reason, Enter; then all of a cause, with how many before."""
    put(owner, "dead", 4, reason="not a valid request")
    with opened(chromium, address, sign_in("operator")) as page:
        page.goto("/dead")
        summary = page.locator("tbody details.verb > summary").first
        summary.focus()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.type("đã sửa địa chỉ")
        page.keyboard.press("Enter")
        page.get_by_text("Đã cho gửi lại tin của hồ sơ").wait_for()
        page.get_by_role("link", name="Gửi lại nhiều thông báo").press("Enter")
        page.get_by_text("3 thông báo sẽ được xử lý.").wait_for()
        page.get_by_label("Lý do").fill("đã sửa địa chỉ")
        page.keyboard.press("Enter")
        page.get_by_text("3 / 3").wait_for()
    assert scalar(owner, "SELECT count(*) FROM notices WHERE state = 'due'") == 4
