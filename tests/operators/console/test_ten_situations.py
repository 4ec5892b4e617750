"""A clerk's ten questions in a real browser: by code and by phone, by keyboard alone, the sentence above the fold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import Engine, text

from config.settings import Settings
from sandbox.dossiers.living import LivingDossiers
from sandbox.servers import Servers
from tests.operators.console.browser import HEIGHT, opened
from tests.operators.console.conftest import OA, SignIn
from tests.operators.console.stage import TEXT, Stage
from worker.services.bootstrap import Services
from worker.services.deployment import Deployment

MORNING = datetime(2024, 2, 19, 9, 9)  # noqa: DTZ001 (local and naive, as the dossier database keeps it)
_DATABASE = "console_dossiers"
_TABS = 10  # more than a person with one dossier needs


@dataclass(frozen=True)
class Question:
    """A dossier, the phone in it as a citizen says it, and the answer; times are HH:MM and DD/MM."""

    code: str
    phone: str
    says: str


NOBODY = "Chưa có hồ sơ nào dùng số"
QUESTIONS = [
    Question("H27.11-240219-1101", "0978362911", "Đã gửi lúc HH:MM; người dân đã xem lúc HH:MM."),
    Question(
        "H27.12-240219-2202", "0978362912",
        "Zalo đã nhận tin lúc HH:MM, chưa báo là máy người dân đã nhận (máy tắt hoặc không có mạng). Không cần gửi"
        " lại.",
    ),
    Question(
        "H27.13-240219-3303", "0978362913",
        "Người dân chưa quan tâm OA, hoặc quan tâm bằng số khác với số trong hồ sơ (09******13). Nếu quan tâm trước"
        " ngày DD/MM, tin sẽ tự đến sau vài giây.",
    ),
    Question("H27.14-240219-4404", "", "Ô số điện thoại của hồ sơ không dùng được: số cố định (02*****55)."),
    Question("H27.15-240219-5505", "0978362915", 'Người dân đã nhắn "dừng" ngày DD/MM nên không gửi nữa.'),
    Question(
        "H27.16-240219-6606", "0978362916",
        "Đường truyền đứt khi đang gửi lúc HH:MM; chưa rõ tin đã đến. Hệ thống đang hỏi Zalo, không gửi lặp.",
    ),
    Question("H27.17-240219-7707", "0978362917", "Không gửi vì không còn đúng: phí đã nộp lúc HH:MM."),
    Question("H27.18-240219-8808", "0978362918", "Đang chờ: giờ nghỉ đến HH:MM. Tin không mất."),
    Question("H27.19-240219-9909", "0978362919", "Không có tin vì hồ sơ nộp trực tiếp, không thuộc diện báo."),
    Question(
        "H27.11-240219-1110", "0978362920",
        "Không thấy mã này trong hệ thống hồ sơ. Có phải H27.11-240219-1101?",
    ),
]  # fmt: skip
"""In the order of the ten situations. Of the last two the ledger has no notice, so it knows nobody by their phone."""


@pytest.fixture
def dossiers(servers: Servers) -> Iterator[LivingDossiers]:
    """The province's dossier database."""
    servers.create_database(_DATABASE)
    living = LivingDossiers(servers.database_url(_DATABASE))
    yield living
    living.close()
    servers.drop_database(_DATABASE)


@pytest.fixture
def furnished(  # noqa: PLR0917 (fixtures)
    owner: Engine,
    desk: Deployment,
    dossiers: LivingDossiers,
    console_settings: Settings,
    servers: Servers,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[None]:
    """The ten dossiers, and a console that can ask the dossier database."""
    from operators.console import ground  # noqa: PLC0415 (Django)
    from operators.explain import Explainer  # noqa: PLC0415 (beside the other)

    _record(Stage(owner, desk), owner)
    dossiers.file(QUESTIONS[8].code, phone=QUESTIONS[8].phone, at=MORNING, channel=1)
    asking = console_settings.model_copy(update={"dossier_url": servers.database_url(_DATABASE)})
    services = Services(asking)
    explainer = Explainer([services])
    monkeypatch.setattr(ground, "_OPEN", [(desk, explainer)])
    yield
    explainer.close()
    services.close()


def _record(stage: Stage, owner: Engine) -> None:
    """What workers leave in the first eight situations."""
    code = [one.code for one in QUESTIONS]
    phone = [one.phone.replace("0", "+84", 1) for one in QUESTIONS]
    stage.person(phone[4])
    stage.notice(code[0], "accepted", "sending", "sent", "delivered", "seen", phone=phone[0], text=TEXT)
    stage.notice(code[1], "accepted", "sending", "sent", phone=phone[1], text=TEXT, channel="zalo_cs")
    not_linked = "no Zalo user of this OA is linked to the phone"
    stage.notice(code[2], "accepted", "unreachable", phone=phone[2], reason=not_linked)
    stage.notice(code[3], "accepted", "unreachable", phone=None, reason="landline", phone_seen="02*****55")
    stage.notice(code[4], "accepted", "suppressed", phone=phone[4], reason="opted out")
    doubt = "no whole answer in time"
    stage.notice(code[5], "accepted", "sending", "uncertain", phone=phone[5], text=TEXT, reason=doubt)
    stage.notice(code[6], "fee_requested", "suppressed", phone=phone[6], reason="fee paid")
    later = datetime.now(UTC) + timedelta(hours=3)
    stage.notice(code[7], "accepted", phone=phone[7], reason="quiet hours", due_at=later)
    with owner.begin() as tx:
        tx.execute(
            text("UPDATE followers SET notices_off = true, switched_at = now() - interval '7 days' WHERE oa = :oa"),
            {"oa": OA},
        )


def test_the_ten_questions_are_answered_by_code_and_by_phone(
    chromium: Browser, address: str, furnished: None, sign_in: SignIn
) -> None:
    """A code takes Enter alone. A phone leads to the person, and from there to the dossier."""
    answers = {}
    with opened(chromium, address, sign_in("viewer")) as page:
        page.route(re.compile(r"\.(js|svg)$"), lambda route: route.abort())  # works without them, and faster
        for one in QUESTIONS:
            _type(page, one.code)
            answers[one.code] = [_said(page)]
            assert page.url.endswith(one.code)
        for one in (each for each in QUESTIONS if each.phone):
            answers[one.code].append(_by_phone(page, one))
    wanted = {one.code: [one.says] for one in QUESTIONS}
    for one in QUESTIONS:
        if one.phone:
            wanted[one.code].append(NOBODY if one in QUESTIONS[8:] else one.says)
    assert answers == wanted


def _type(page: Page, words: str) -> None:
    page.goto("/", wait_until="commit")
    _enter(page, "#q", words)


def _enter(page: Page, field: str, words: str) -> None:
    """Into a field that has the focus by itself."""
    page.locator(f"{field}:focus").wait_for()
    page.keyboard.type(words)
    with page.expect_navigation(wait_until="domcontentloaded"):
        page.keyboard.press("Enter")


def _by_phone(page: Page, one: Question) -> str:
    """What is said in the end; no address on the way holds the phone."""
    _type(page, one.phone)
    if page.locator("#reason").count():  # once a session
        _enter(page, "#reason", "người dân đang ở quầy")
    assert one.phone[1:] not in page.url
    if page.locator(".search-page .sentence").count():
        return NOBODY if NOBODY in page.locator(".search-page .sentence").inner_text() else ""
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the skip link: on to the page's own part
    for _ in range(_TABS):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == one.code:
            break
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/dossiers/{one.code}", wait_until="domcontentloaded")
    return _said(page)


def _said(page: Page) -> str:
    """The sentence, with its times made plain; whether a time has its day depends on the hour of the test."""
    first = page.locator(".said")
    box = first.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < HEIGHT
    plain = re.sub(r"\b\d\d:\d\d\b( ngày \d\d/\d\d\b)?", "HH:MM", first.inner_text())
    return re.sub(r"\b\d\d/\d\d\b", "DD/MM", plain)
