"""What the pages say, by Django's client: the answer first, phones never where they stay, faults as sentences."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, text

from ledger.console import open_console_ledger
from ledger.notices import switches
from ledger.notices.switches import EVERY_OA
from tests.operators.console.conftest import SignIn
from tests.operators.console.stage import FOLLOWS_NOT, OA, PHONE, SEEN, TEXT, Stage
from tests.operators.console.waiting import furnish
from worker.services.deployment import Deployment

Client = Any


@pytest.fixture
def stage(owner: Engine, desk: Deployment) -> Stage:
    """The ledger's other side."""
    return Stage(owner, desk)


def page(client: Client, path: str, **more: Any) -> str:
    """A page that must be there."""
    answer = client.get(path, **more)
    assert answer.status_code == 200, answer.content.decode()
    return str(answer.content.decode())


def deeds(owner: Engine) -> list[tuple[str, str, str, str]]:
    """The audit."""
    with owner.connect() as connection:
        return [tuple(row) for row in connection.execute(text("SELECT verb, subject, by, why FROM audit ORDER BY id"))]  # type: ignore[misc]


def test_the_box_takes_a_code_as_a_scanner_types_it(sign_in: SignIn, stage: Stage) -> None:
    """Enter leads straight to the answer, in whatever spelling."""
    stage.furnish()
    for typed in (SEEN, " h27.37-240219-1001 ", "H27372402191001"):
        answer = sign_in("viewer", f"v{len(typed)}").post("/searches", {"q": typed})
        assert (answer.status_code, answer.headers["Location"]) == (303, f"/dossiers/{SEEN}")


def test_a_dossiers_page_says_the_answer_first_then_the_story(sign_in: SignIn, stage: Stage) -> None:
    """Event, attempt, receipt; the text as the citizen saw it."""
    stage.furnish()
    shown = page(sign_in("viewer"), f"/dossiers/{SEEN}")
    order = [shown.index(words) for words in (f'<h1 class="code">{SEEN}', 'class="said"', "<article", "Phí đã nộp")]
    assert order == sorted(order)
    assert "người dân đã xem" in page(sign_in("operator"), f"/dossiers/{SEEN}")
    assert TEXT.splitlines()[0] in shown
    assert "Gửi qua Tin OA: Zalo đã nhận" in shown
    assert 'data-live hx-get="/dossiers/' in shown
    assert "Người dân chưa quan tâm OA" in page(sign_in("admin"), f"/dossiers/{FOLLOWS_NOT}")


def test_auditors_see_neither_texts_nor_people(sign_in: SignIn, stage: Stage) -> None:
    """They control numbers and deeds."""
    person = stage.furnish()
    auditor = sign_in("auditor")
    shown = page(auditor, f"/dossiers/{SEEN}")
    assert TEXT.splitlines()[0] not in shown
    assert "không xem nội dung tin" in shown
    assert f"/people/{person}" not in shown
    assert auditor.get(f"/people/{person}").status_code == 403
    assert auditor.post("/searches", {"q": PHONE, "reason": "x"}).status_code == 403


def test_a_phone_search_asks_for_a_reason_once_and_is_recorded(
    sign_in: SignIn, stage: Stage, owner: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    """The phone stands in no address, title or log line."""
    person = stage.furnish()
    clerk = sign_in("viewer", "lan")
    asked = clerk.post("/searches", {"q": "0978 362 918"})
    assert "Vì sao tra theo số điện thoại?" in asked.content.decode()
    assert "978" not in re.findall("<title>(.*)</title>", asked.content.decode())[0]
    for given in ({"reason": "quên giấy hẹn"}, {}):
        found = clerk.post("/searches", {"q": "0978362918", **given})
        assert (found.status_code, found.headers["Location"]) == (303, f"/people/{person}")
    assert deeds(owner)[-2:] == [("phone search", f"person {person}", "lan", "quên giấy hẹn")] * 2
    assert "362918" not in caplog.text


@pytest.mark.parametrize("typed", ["Anh Nam 0978362918", "978362918", "Anh Nam 978362918", "P12 0978 362 918"])
def test_a_phone_beside_a_name_or_without_its_zero_is_a_search_by_phone(
    sign_in: SignIn, stage: Stage, owner: Engine, caplog: pytest.LogCaptureFixture, typed: str
) -> None:
    """Asked why, recorded, and refused to auditors as any other."""
    person = stage.furnish()
    clerk = sign_in("viewer", "lan")
    assert "Vì sao tra theo số điện thoại?" in clerk.post("/searches", {"q": typed}).content.decode()
    found = clerk.post("/searches", {"q": typed, "reason": "quên giấy hẹn"})
    assert (found.status_code, found.headers["Location"]) == (303, f"/people/{person}")
    assert deeds(owner)[-1] == ("phone search", f"person {person}", "lan", "quên giấy hẹn")
    assert sign_in("auditor").post("/searches", {"q": typed, "reason": "x"}).status_code == 403
    assert "362918" not in caplog.text


def test_an_unknown_phone_is_answered_without_being_kept(sign_in: SignIn, stage: Stage, owner: Engine) -> None:
    """No person is made of a search."""
    answer = sign_in("viewer").post("/searches", {"q": "0912 000 111", "reason": "ở quầy"})
    assert "Chưa có hồ sơ nào dùng số 09******11" in answer.content.decode()
    assert deeds(owner)[-1][:2] == ("phone search", "nobody")
    with owner.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM people")).scalar_one() == 0


def test_a_person_is_shown_masked_and_unmasking_is_recorded(sign_in: SignIn, stage: Stage, owner: Engine) -> None:
    """The whole number is shown once; a clerk cannot see it at all."""
    person = stage.furnish()
    clerk = sign_in("viewer")
    page(clerk, f"/dossiers/{SEEN}")
    assert "09******18" in page(clerk, f"/people/{person}")
    operator = sign_in("operator", "minh")
    shown = page(operator, f"/people/{person}")
    assert PHONE not in shown
    assert SEEN in shown
    assert PHONE not in operator.post(f"/people/{person}/unmaskings", {"why": " "}).content.decode()
    assert PHONE in operator.post(f"/people/{person}/unmaskings", {"why": "gọi báo bổ sung"}).content.decode()
    assert deeds(owner)[-1] == ("unmask", f"person {person}", "minh", "gọi báo bổ sung")
    assert PHONE not in page(operator, f"/people/{person}")


def test_the_audit_goes_on_from_page_to_page_and_is_narrowed_by_its_address(sign_in: SignIn, stage: Stage) -> None:
    """By key: nothing is counted, nothing is skipped."""
    for number in range(60):
        stage.deed(subject=f"kind k{number}", by="lan" if number % 2 else "minh")
    auditor = sign_in("auditor")
    first = page(auditor, "/audit")
    assert first.count("<tr>") == 51
    mark = re.findall(r'href="\?before=(\d+)"', first)[0]
    rest = page(auditor, f"/audit?before={mark}")
    assert rest.count("<tr>") == 11
    assert "kind k0<" in rest
    assert 'rel="next"' not in rest
    assert page(auditor, "/audit?by=lan").count("<tr>") == 31
    for number in range(30):
        stage.deed(subject=f"kind l{number}", by="lan")
    assert 'rel="next" href="?by=lan&amp;before=' in page(auditor, "/audit?by=lan")
    assert "Không có việc nào khớp" in page(auditor, "/audit?verb=nothing&before=x")


def test_both_languages_have_the_same_keys_and_places() -> None:
    """A word that one language lacks would be a fault on a page."""
    from operators.console.words import words  # noqa: PLC0415 (beside the others)

    vi, en = words("vi"), words("en")
    assert vi.keys() == en.keys()
    places = {key: (re.findall(r"\{\w+\}", vi[key]), re.findall(r"\{\w+\}", en[key])) for key in vi}
    assert {key for key, (one, other) in places.items() if sorted(one) != sorted(other)} == set()


def test_the_language_is_chosen_in_the_head_and_kept(sign_in: SignIn, stage: Stage) -> None:
    """A cookie, and the attribute `lang`; back to the same page, never to another host."""
    viewer = sign_in("viewer")
    assert '<html lang="vi">' in page(viewer, "/")
    answer = viewer.post("/language", {"language": "en", "next": "/dossiers/X"})
    assert answer.headers["Location"] == "/dossiers/X"
    english = page(viewer, "/")
    assert '<html lang="en">' in english
    assert "Find a dossier" in english
    assert viewer.post("/language", {"language": "en", "next": "//evil.example"}).headers["Location"] == "/"
    assert viewer.post("/language", {"language": "xx"}).status_code == 400


def test_a_page_that_did_not_change_is_not_sent_again(sign_in: SignIn, stage: Stage) -> None:
    """The time of the last look comes with the refusal."""
    stage.furnish()
    viewer = sign_in("viewer")
    tag = viewer.get(f"/dossiers/{SEEN}").headers["ETag"]
    again = viewer.get(f"/dossiers/{SEEN}", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert re.fullmatch(r"\d\d:\d\d:\d\d", again.headers["X-Updated"])
    stage.notice(SEEN, "result_ready")
    assert viewer.get(f"/dossiers/{SEEN}", headers={"If-None-Match": tag}).status_code == 200


def test_what_is_stopped_is_told_on_every_page(sign_in: SignIn, owner: Engine) -> None:
    """With who and why."""
    with owner.begin() as tx:
        switches.switch_off(tx, EVERY_OA, "kind", "apology", until=None, by="lan", why="mẫu tin sai")
    shown = page(sign_in("viewer"), "/")
    assert "Đang dừng: loại tin xin lỗi, hẹn lại." in shown
    assert "mẫu tin sai" in shown


def test_headers_and_cookies_give_nothing_away(sign_in: SignIn, client: Callable[[], Client]) -> None:
    """No inline code, no frame, no copy on a shared computer."""
    answer = sign_in("viewer").get("/")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    shown = answer.content.decode()
    assert "<style" not in shown
    assert " style=" not in shown
    assert not re.search(r"<script(?![^>]*(src=|application/json))", shown)
    cookies = client().get("/sign-in").cookies
    assert all(one["httponly"] and one["samesite"] == "Lax" for one in cookies.values())


@pytest.mark.parametrize("path", ["/no-such-page", "/people/999999999"])
def test_what_is_not_there_is_a_sentence(sign_in: SignIn, path: str) -> None:
    """404, with a way on."""
    answer = sign_in("admin").get(path)
    assert answer.status_code == 404
    assert "Không có trang này" in answer.content.decode()


def test_a_code_without_a_notice_is_an_answer_and_no_404(sign_in: SignIn) -> None:
    """Whoever asks has a citizen in front of them."""
    shown = page(sign_in("viewer"), "/dossiers/H27.37-240219-9999")
    assert 'class="said"' in shown
    assert "Không đọc được mã này" in sign_in("operator").post("/searches", {"q": "x" * 120}).content.decode()


def test_a_question_that_takes_too_long_is_a_sentence(
    sign_in: SignIn, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And not a 500; the ledger's own limit ends it."""
    from ledger.reports import audits  # noqa: PLC0415 (to be slowed)

    monkeypatch.setattr(audits, "_LISTED", "SELECT pg_sleep(20), :oas, :after, :by, :verb, :limit")
    answer = sign_in("admin").get("/audit")
    assert answer.status_code == 503
    assert "Câu hỏi này quá rộng" in answer.content.decode()
    assert "Traceback" not in caplog.text


def test_a_ledger_that_is_away_is_a_sentence_with_503(
    sign_in: SignIn, desk: Deployment, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """On every page, also where the accounts cannot be asked."""
    from django.db import connection  # noqa: PLC0415 (Django)

    from operators.console.layout import forget_banner  # noqa: PLC0415 (Django)

    admin = sign_in("admin")
    forget_banner()
    gone = open_console_ledger("postgresql+psycopg2://x@127.0.0.1:1/x")
    with monkeypatch.context() as patch:
        patch.setitem(vars(desk.shared), "ledger", gone)
        for path in ("/", "/audit", "/people/1", "/dossiers/H27-1"):
            answer = admin.get(path)
            assert answer.status_code == 503, path
            assert "Sổ thông báo tạm thời không trả lời" in answer.content.decode()
    connection.close()
    with monkeypatch.context() as patch:
        patch.setitem(connection.settings_dict, "PORT", 1)
        assert admin.get("/accounts").status_code == 503
    connection.close()
    assert "Traceback" not in caplog.text


def test_the_schedule_is_served_without_the_ledger_to_whoever_was_just_signed_in(
    sign_in: SignIn, owner: Engine, desk: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From Redis alone, by a pass that is good with its session only; every other page is a sentence, as are verbs."""
    from django.db import connection  # noqa: PLC0415 (Django)

    from operators.console.passes import COOKIE  # noqa: PLC0415 (Django)

    path = furnish(owner, desk)["retries"]
    known, clerk, stranger = sign_in("operator"), sign_in("viewer"), sign_in("operator", "minh")
    for one in (known, clerk, stranger):
        page(one, "/")
    stranger.cookies["hcc_session"] = "x" * 32  # the pass of another session
    gone = open_console_ledger("postgresql+psycopg2://x@127.0.0.1:1/x")
    connection.close()
    with monkeypatch.context() as patch:
        patch.setitem(vars(desk.shared), "ledger", gone)
        patch.setitem(connection.settings_dict, "PORT", 1)
        shown = page(known, path)
        assert "H27-8/accepted/1" in shown
        assert "Sổ thông báo chưa trả lời nên chưa so được." in shown
        assert COOKIE not in known.get(path).cookies, "a pass is not renewed by itself"
        assert clerk.get(path).status_code == 403
        for answer in (stranger.get(path), known.post(path), known.get("/"), known.get("/system"), known.get("/dead")):
            assert answer.status_code == 503
            assert "Sổ thông báo tạm thời không trả lời" in answer.content.decode()
    connection.close()
    known.post("/sign-out")
    assert not known.cookies[COOKIE].value


def test_a_fault_of_ours_is_a_sentence_with_a_number(
    sign_in: SignIn, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """No text of the exception, which may hold anything, on the page or in the log."""
    from operators.console.views import audits  # noqa: PLC0415 (to be broken)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("0978362918")

    monkeypatch.setattr(audits, "narrowed", broken)
    answer = sign_in("admin").get("/audit")
    assert answer.status_code == 500
    assert "Số lỗi:" in answer.content.decode()
    assert "0978362918" not in answer.content.decode() + caplog.text


def test_a_clock_of_the_ledger_is_shown(sign_in: SignIn, stage: Stage) -> None:
    """Times are Vietnam's."""
    stage.furnish()
    shown = re.findall(r"<time data-updated>(\d\d):", page(sign_in("viewer"), f"/dossiers/{SEEN}"))
    assert int(shown[0]) in {(datetime.now(UTC).hour + 7 + more) % 24 for more in (0, -1)}
    assert OA not in shown
