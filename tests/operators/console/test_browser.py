"""The pages in a real browser: accessible, usable by keyboard alone, narrow, and signed in to with two factors."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page
from sqlalchemy import Engine

from tests.operators.console.browser import WIDTHS, look, looks, opened
from tests.operators.console.conftest import SignIn
from tests.operators.console.stage import SEEN, Stage
from worker.services.deployment import Deployment

WORDS = "một mật khẩu đủ dài 17"
_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture
def stage(owner: Engine, desk: Deployment) -> Stage:
    """The ledger's other side."""
    return Stage(owner, desk)


def addresses(person: int) -> list[str]:
    """Every page of an administrator."""
    own = ["/account/factors", "/account/factors/app/new", "/account/factors/keys/new", "/account/password"]
    dossiers = [f"/dossiers/{code}" for code in (SEEN, "H27.37-240219-9999")]
    return ["/", *dossiers, f"/people/{person}", "/audit", "/accounts", *own, "/no-such-page"]


FACTORS = (
    "/account/factors", "/account/factors/app/end", "/account/factors/codes", "/account/factors/codes/new",
    "/account/factors/keys", "/account/factors/keys/{key}", "/account/factors/keys/{key}/end", "/account/check",
    "/account/check/code", "/account/check/key",
)  # fmt: skip
"""The pages of an account that has factors."""


def faults(page: Page) -> list[str]:
    """What axe finds on a page."""
    found = Axe().run(page, options=_RULES).response["violations"]
    return [f"{page.url} {one['id']}: {one['nodes'][0]['html'][:120]}" for one in found]


def test_every_page_is_accessible_and_fits_a_narrow_screen(
    chromium: Browser, address: str, stage: Stage, sign_in: SignIn
) -> None:
    """axe finds nothing, and nothing but tables scrolls sideways at 320 px; light and dark, in both languages."""
    person = stage.furnish()
    with opened(chromium, address, sign_in("admin")) as page:
        found = []
        for path, language, scheme in looks(addresses(person)):
            look(page, address, language, scheme)
            page.set_viewport_size({"width": WIDTHS[-1], "height": 768})
            page.goto(path)
            assert urlsplit(page.url).path == path  # no other page in its place
            assert page.locator("html").get_attribute("lang") == language
            assert page.locator("h1").count() == 1, path
            found += faults(page)
            page.set_viewport_size({"width": WIDTHS[0], "height": 768})
            wide = page.evaluate("document.documentElement.scrollWidth")
            found += [f"{path} is {wide} px wide"] if wide > WIDTHS[0] else []
    assert found == []


def test_the_sign_in_is_accessible(chromium: Browser, address: str, desk: Deployment) -> None:
    """Also with a fault on it, which is told beside the form."""
    with opened(chromium, address) as page:
        page.goto("/")
        assert faults(page) == []
        page.get_by_label("Tên đăng nhập").fill("lan")
        page.get_by_label("Mật khẩu").fill("sai")
        page.keyboard.press("Enter")
        page.get_by_text("Tên đăng nhập hoặc mật khẩu không đúng.").wait_for()
        assert faults(page) == []


def test_a_scanned_code_is_answered_by_enter_alone(
    chromium: Browser, address: str, stage: Stage, sign_in: SignIn
) -> None:
    """The box has the focus; the sentence stands above the fold, without any script, too."""
    stage.furnish()
    clerk = sign_in("viewer")
    for scripts in (True, False):
        with opened(chromium, address, clerk, java_script_enabled=scripts) as page:
            page.goto("/")
            if not scripts:
                page.locator("#q").focus()
            page.keyboard.type(SEEN)
            page.keyboard.press("Enter")
            page.wait_for_url(f"**/dossiers/{SEEN}")
            said = page.locator(".said").bounding_box()
            assert said is not None
            assert said["y"] + said["height"] < 768


def test_a_live_page_changes_by_itself_and_can_be_paused(
    chromium: Browser, address: str, stage: Stage, sign_in: SignIn
) -> None:
    """The status line says when; a pause keeps everything as it is, and the focus stays where it is."""
    number = stage.notice(SEEN, "accepted", "sending", "sent")
    with opened(chromium, address, sign_in("viewer")) as page:
        page.clock.install()
        page.goto(f"/dossiers/{SEEN}")
        page.locator("#q").focus()
        stage.notice(SEEN, "result_ready", phone=None)
        page.clock.run_for(6_000)
        page.get_by_role("heading", name=re.compile("Đã có kết quả")).wait_for()
        assert page.evaluate("document.activeElement.id") == "q"
        page.get_by_role("button", name="Tạm dừng cập nhật").click()
        assert page.get_by_role("button", name="Tiếp tục cập nhật").is_visible()
        stage.notice(SEEN, "returned", phone=None)
        with page.expect_request(lambda _: True, timeout=20_000) as asked:
            page.clock.run_for(120_000)
            page.evaluate("fetch('/healthz')")
        assert asked.value.url.endswith("/healthz"), "a paused page asks for nothing"
    assert number


def account(name: str) -> Any:
    """An administrator with a password."""
    from operators.console.models import Account  # noqa: PLC0415 (Django)

    one = Account(username=name, role="admin")
    one.set_password(WORDS)
    one.save()
    return one


def _sign_in(page: Page, name: str) -> None:
    page.goto("/sign-in")
    page.get_by_label("Tên đăng nhập").fill(name)
    page.get_by_label("Mật khẩu").fill(WORDS)
    page.get_by_role("button", name="Đăng nhập", exact=True).click()
    page.wait_for_url(re.compile(r"(:\d+/|/sign-in/code)$"))


def _confirm(page: Page, path: str) -> None:
    """Whoever finds a signed-in browser cannot add a factor of their own."""
    page.goto(path)
    page.get_by_label("Mật khẩu").fill(WORDS)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{path}")


def _code(secret: str) -> str:
    from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time  # noqa: PLC0415

    return format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))


def test_signing_in_takes_a_code_once_an_app_is_set_up(chromium: Browser, address: str, desk: Deployment) -> None:
    """The secret is shown as a picture and as text; recovery codes follow at once."""
    account("lan")
    with opened(chromium, address) as page:
        _sign_in(page, "lan")
        _confirm(page, "/account/factors/app/new")
        secret = page.locator("#totp-secret").inner_text()
        page.get_by_label("Mã 6 số mà ứng dụng hiện").fill(_code(secret))
        page.keyboard.press("Enter")
        page.get_by_text("Còn 10 mã chưa dùng.").wait_for()
        recovery = page.locator(".codes code").first.inner_text()
        page.context.clear_cookies()
        _sign_in(page, "lan")
        box = page.get_by_label("Mã 6 số của ứng dụng xác thực")
        box.fill("000000")
        page.keyboard.press("Enter")
        page.get_by_text("Mã không đúng.").wait_for()
        assert faults(page) == []
        page.get_by_label("Mã 6 số của ứng dụng xác thực").fill(recovery)
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Tra cứu hồ sơ").wait_for()


def add_key(page: Page, name: str) -> None:
    """Sign in as this account and add a key that the browser itself has."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    device = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": device})
    _sign_in(page, name)
    _confirm(page, "/account/factors/keys/new")
    page.get_by_label("Tên khóa").fill("máy ở quầy 3")
    page.get_by_label("Cho đăng nhập chỉ bằng khóa này").check()
    page.locator("#mfa_webauthn_add").click()
    page.wait_for_url("**/account/factors/codes")


def factors(page: Page, name: str) -> list[str]:
    """A new account with a key, an app and recovery codes, signed in; the addresses of its pages."""
    from allauth.mfa.models import Authenticator  # noqa: PLC0415 (Django)
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret  # noqa: PLC0415

    one = account(name)
    add_key(page, name)
    TOTP.activate(one, generate_totp_secret())
    key = Authenticator.objects.get(type=Authenticator.Type.WEBAUTHN).pk
    return [path.format(key=key) for path in FACTORS]


def test_the_pages_of_ones_own_factors_are_accessible(chromium: Browser, address: str, desk: Deployment) -> None:
    """With a key, an app and recovery codes: what may be changed, and each way to confirm that one is still there."""
    with opened(chromium, address) as page:
        paths, found = factors(page, "minh"), []
        for path, language, scheme in looks(paths):
            look(page, address, language, scheme)
            page.goto(path)
            assert urlsplit(page.url).path == path  # no other page in its place
            found += faults(page)
            page.set_viewport_size({"width": WIDTHS[0], "height": 768})
            wide = page.evaluate("document.documentElement.scrollWidth")
            found += [f"{path} is {wide} px wide"] if wide > WIDTHS[0] else []
    assert found == []


def test_a_passkey_alone_signs_in(chromium: Browser, address: str, desk: Deployment) -> None:
    """Added in the browser, then used without name and password."""
    account("minh")
    with opened(chromium, address) as page:
        add_key(page, "minh")
        page.goto("/account/factors/keys")
        assert page.get_by_role("rowheader", name="máy ở quầy 3").is_visible()
        page.context.clear_cookies()
        page.goto("/sign-in")
        page.locator("#passkey_login").click()
        page.get_by_role("heading", name="Tra cứu hồ sơ").wait_for()
