"""What is done at a desk by accident or on purpose: nothing personal in addresses, one deed for two clicks, no 500."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from datetime import timedelta
from threading import Barrier
from urllib.parse import quote, unquote

import pytest
from sqlalchemy import Engine, text

from tests.domain.test_desk_search import PHONES
from tests.operators.console.conftest import SignIn
from tests.operators.console.stage import FOLLOWS_NOT, SEEN, Stage
from tests.operators.console.test_bulk import preview
from tests.operators.console.test_lists import WHY
from tests.operators.console.waiting import put, scalar
from worker.services.deployment import Deployment

NUL = "%00"


@pytest.fixture
def stage(owner: Engine, desk: Deployment) -> Stage:
    """The ledger's other side."""
    return Stage(owner, desk)


def test_no_way_of_typing_a_phone_puts_it_into_an_address(sign_in: SignIn) -> None:
    """A clerk is asked for a reason, or told that it is no mobile; an auditor is refused."""
    clerk, auditor = sign_in("viewer"), sign_in("auditor")
    for typed in (*PHONES, "02393855555", "091234567"):
        answer = clerk.post("/searches", {"q": typed})
        assert answer.status_code == 200, typed
        assert auditor.post("/searches", {"q": typed}).status_code == (403 if typed in PHONES else 200), typed


@pytest.mark.parametrize("typed", ["Nguyễn Văn A", "Anh Nam", "hồ sơ của tôi đâu", "?", "Nguyễn Văn A 1990",
                                   "Chị Ba, thôn 7", "nam1990@x.vn", "CCCD 042097001234"])  # fmt: skip
def test_a_text_without_a_code_stays_out_of_addresses_titles_and_logs(
    sign_in: SignIn, typed: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It may be a name: the page that took it says what to type."""
    for role in ("viewer", "auditor"):
        answer = sign_in(role).post("/searches", {"q": typed})
        assert (answer.status_code, answer.headers.get("Location")) == (200, None)
        page = answer.content.decode()
        assert "Không đọc được mã này. Gõ mã như trên giấy hẹn" in page
        assert typed not in re.findall("<title>(.*)</title>", page)[0]
    assert typed not in caplog.text


def test_a_code_beside_a_name_and_a_phone_is_all_that_is_in_the_address(sign_in: SignIn) -> None:
    """Known or not."""
    clerk = sign_in("viewer")
    for code in ("H27.37-261130-1001", "000.00.37.H27-240101-0001", "G22.99-20261130-0912345"):
        for typed in (f"Anh Nam 0978362919 {code}", f"hồ sơ {code} của chị Ba, 978362919", f"http://x.vn/?mahoso={code}",
                      f"{'Kính gửi ông bà, ' * 50}{code}.", f"]C1{code}"):  # fmt: skip
            answer = clerk.post("/searches", {"q": typed})
            assert (answer.status_code, answer.headers.get("Location")) == (303, f"/dossiers/{code}"), typed


def test_a_code_with_words_in_it_is_found_where_the_ledger_knows_it(sign_in: SignIn, owner: Engine) -> None:
    """And only there: it has no shape by which it differs from a name with a number."""
    put(owner, "sent", 1, prefix="SỐ 7/2024 (BỔ SUNG) ")
    clerk = sign_in("viewer")
    assert clerk.post("/searches", {"q": "số 7/2024 (bổ sung) 1"}).status_code == 303
    assert clerk.post("/searches", {"q": "số 8/2024 (bổ sung) 1"}).status_code == 200


@pytest.mark.parametrize(
    "typed", ["Nguyễn Văn A", "ANH NAM 0978362919", "0978362919", "978362919", "Nguyễn Văn A 1990"]
)
def test_an_address_that_somebody_typed_is_answered_and_kept_out_of_the_title(sign_in: SignIn, typed: str) -> None:
    """Browsers keep titles."""
    answer = sign_in("viewer").get(f"/dossiers/{quote(typed)}")
    assert answer.status_code == 200
    assert 'class="said"' in answer.content.decode()
    assert "<title>Tra cứu hồ sơ · HCC Notify</title>" in answer.content.decode()


def test_the_title_of_a_dossiers_page_is_its_code(sign_in: SignIn) -> None:
    """Also where nobody knows it."""
    clerk = sign_in("viewer")
    for code in ("H27.37-261130-1001", "HS%2F2024-15"):
        assert f"<title>{unquote(code)} · " in clerk.get(f"/dossiers/{code}").content.decode()


def test_a_code_of_digits_alone_is_found_where_the_ledger_knows_it(sign_in: SignIn, owner: Engine) -> None:
    """Some sources have such codes."""
    put(owner, "sent", 1, prefix="091234567")
    assert sign_in("viewer").post("/searches", {"q": "0912345671"}).headers["Location"] == "/dossiers/0912345671"


@pytest.mark.parametrize(
    "path",
    [f"/dead?unit={NUL}", f"/dead?cause={NUL}", f"/inbox?unit={NUL}", f"/audit?by={NUL}", f"/audit?verb={NUL}",
     f"/dossiers/A{NUL}B", f"/reports/reach?unit={NUL}", f"/unreachable.csv?unit={NUL}",
     f"/dead/retries/new?unit={NUL}", f"/guide/H27{NUL}", f"/q/H27{NUL}"],
)  # fmt: skip
def test_a_nul_in_an_address_is_a_bad_request(sign_in: SignIn, path: str) -> None:
    """PostgreSQL's texts cannot have one."""
    assert sign_in("admin").get(path).status_code == 400


def test_a_nul_in_a_form_changes_nothing(sign_in: SignIn, owner: Engine) -> None:
    """No deed without its row in the audit."""
    admin = sign_in("admin")
    for path, form in (
        ("/accounts", {"name": "minh", "role": "admin", "unit": "", "why": "x\0"}),
        ("/switches", {"sort": "all", "why": "x\0"}),
        ("/searches", {"q": "0912345678", "reason": "x\0"}),
        ("/sign-in", {"login": "a\0", "password": "x"}),
    ):
        assert admin.post(path, form).status_code == 400, path
    assert "minh" not in admin.get("/accounts").content.decode()
    assert scalar(owner, "SELECT count(*) FROM switches") == 0


def test_a_page_that_did_not_change_still_renews_the_pass(sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a live page would lose it, and the schedule with it, when the ledger goes away."""
    from operators.console import passes  # noqa: PLC0415 (Django)

    client, later = sign_in("operator"), int(time.time()) + 120
    tag = client.get("/retries")["ETag"]
    monkeypatch.setattr(passes, "_now", lambda: later)
    unchanged = client.get("/retries", HTTP_IF_NONE_MATCH=tag)
    assert unchanged.status_code == 304
    assert passes.COOKIE in unchanged.cookies


def test_an_account_that_cannot_be_recorded_is_not_made(
    sign_in: SignIn, desk: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is one changed."""
    from operators.console import accounts  # noqa: PLC0415 (Django)

    admin, clerk = sign_in("admin", "lan"), sign_in("viewer", "minh").session["_auth_user_id"]
    with monkeypatch.context() as patch:
        patch.setattr(accounts, "audit", lambda *_, **__: 1 / 0)
        form = {"name": "hoa", "role": "admin", "unit": "", "why": "thử"}
        assert admin.post("/accounts", form).status_code == 500
        assert admin.post(f"/accounts/{clerk}/role", {"role": "admin", "why": "thử"}).status_code == 500
        assert admin.post(f"/accounts/{clerk}/disabling", {"why": "thử"}).status_code == 500
    assert accounts.named("hoa") is None
    kept = accounts.named("minh")
    assert kept is not None
    assert (kept.role, kept.is_active) == ("viewer", True)


def test_two_administrators_who_end_each_other_leave_one(sign_in: SignIn, desk: Deployment) -> None:
    """Nobody could make one from the pages again."""
    from django.db import connection  # noqa: PLC0415 (Django)

    from operators.console.accounts import AccountFault, Accounts, named  # noqa: PLC0415 (Django)

    for name in ("lan", "minh"):
        sign_in("admin", name)
    both = Barrier(2)

    def end(name: str) -> str:
        account = named(name)
        assert account is not None
        both.wait()
        try:
            Accounts(desk.shared.ledger, by="thử").disable(account, why="thử")
        except AccountFault as fault:
            return fault.key
        finally:
            connection.close()
        return "done"

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(end, ("lan", "minh"))) == ["done", "last_admin"]


def test_a_name_that_somebody_takes_meanwhile_and_a_long_unit_are_sentences(sign_in: SignIn) -> None:
    """The database decides, not a look before it."""
    admin = sign_in("admin", "lan")
    form = {"name": "lan", "role": "viewer", "unit": "", "why": "thử"}
    assert admin.post("/accounts", form).status_code == 422
    assert admin.post("/accounts", {**form, "name": "hoa", "unit": ".".join(["H27"] * 20)}).status_code == 422


def test_a_double_click_is_one_act(owner: Engine, sign_in: SignIn) -> None:
    """The second waits for the first, and goes to its page or finds nothing left to do."""
    from django.db import connection  # noqa: PLC0415 (Django)

    put(owner, "dead", 1200)
    lan = sign_in("operator", "lan")
    clients = [copy(lan) for _ in range(3)]  # one session, three requests
    form = preview(lan, "/dead/discards/new") | WHY
    together = Barrier(len(clients))

    def click(client: object) -> int:
        together.wait()
        try:
            return int(client.post("/dead/discards", form).status_code)  # type: ignore[attr-defined]
        finally:
            connection.close()

    with ThreadPoolExecutor(len(clients)) as threads:
        assert set(threads.map(click, clients)) <= {303, 409}
    assert scalar(owner, "SELECT count(*) FROM acts") == 1


def test_an_auditor_sees_no_phone_on_a_dossier(sign_in: SignIn, stage: Stage) -> None:
    """Not even masked; the desk sees it."""
    stage.furnish()
    assert "*" in sign_in("viewer").get(f"/dossiers/{FOLLOWS_NOT}").content.decode()
    assert "*" not in sign_in("auditor").get(f"/dossiers/{FOLLOWS_NOT}").content.decode()


def test_an_oa_that_is_not_served_is_not_found(sign_in: SignIn, owner: Engine) -> None:
    """A stale form never acts on another OA."""
    put(owner, "dead", 2)
    admin = sign_in("admin")
    assert admin.get("/dead?oa=9").status_code == 404
    assert admin.post("/switches", {"sort": "oa", "oa": "9", **WHY}).status_code == 404
    form = {"oa": "9", "upto": "9", "as_of": "2026-01-01T00:00:00+07:00"}
    assert admin.post("/dead/retries", form).status_code == 404
    assert (scalar(owner, "SELECT count(*) FROM switches"), scalar(owner, "SELECT count(*) FROM acts")) == (0, 0)


def test_a_pause_of_an_oa_that_is_not_served_is_neither_shown_nor_ended(sign_in: SignIn, owner: Engine) -> None:
    """Its author and reason belong to others."""
    with owner.begin() as tx:
        number = tx.execute(
            text("""
                INSERT INTO switches (oa, sort, name, since, by, why)
                VALUES ('9', 'oa', '', now(), 'hoa', 'việc riêng') RETURNING id""")
        ).scalar_one()
    admin = sign_in("admin")
    assert "việc riêng" not in admin.get("/").content.decode()
    assert admin.post(f"/switches/{number}/end", WHY).status_code == 404
    assert scalar(owner, "SELECT count(*) FROM switches") == 1


def test_a_unit_that_is_none_stops_nothing_and_says_so(sign_in: SignIn, owner: Engine) -> None:
    """A misspelt one would stand in the banner and stop nothing."""
    admin = sign_in("admin")
    assert admin.post("/switches", {"sort": "unit", "name_unit": "H27,12 hehe", **WHY}).status_code == 400
    assert scalar(owner, "SELECT count(*) FROM switches") == 0


def test_a_clerk_meets_people_by_their_dossiers_only(sign_in: SignIn, stage: Stage) -> None:
    """Nobody walks through all numbers; whoever is on duty may."""
    person = stage.furnish()
    clerk = sign_in("viewer")
    assert clerk.get(f"/people/{person}").status_code == 403
    clerk.get(f"/dossiers/{SEEN}")
    assert clerk.get(f"/people/{person}").status_code == 200
    assert sign_in("operator").get(f"/people/{person}").status_code == 200


def test_heads_of_pages_are_answered(sign_in: SignIn) -> None:
    """As GET is, by the table of routes."""
    admin = sign_in("admin")
    assert {admin.head(path).status_code for path in ("/", "/overview", "/dead", "/healthz", "/audit")} == {200}


def test_a_right_that_the_console_lacks_is_a_fault_with_a_number(sign_in: SignIn, owner: Engine) -> None:
    """Not "the ledger is away": it would never come back."""
    admin = sign_in("admin")
    with owner.begin() as tx:
        tx.execute(text("REVOKE SELECT ON acts FROM hcc_console"))
    try:
        answer = admin.get("/acts")
    finally:
        with owner.begin() as tx:
            tx.execute(text("GRANT SELECT ON acts TO hcc_console"))
    assert answer.status_code == 500
    assert "Số lỗi:" in answer.content.decode()


def test_a_try_of_a_host_whose_clock_is_behind_is_in_the_story(sign_in: SignIn, stage: Stage, owner: Engine) -> None:
    """By the ledger's clock it is older than its notice."""
    stage.furnish()
    with owner.begin() as tx:
        tx.execute(
            text("UPDATE attempts SET at = (SELECT recorded_at - :some FROM notices WHERE id = notice_id)"),
            {"some": timedelta(seconds=2)},
        )
    assert "Zalo đã nhận" in sign_in("operator").get(f"/dossiers/{SEEN}").content.decode()


def test_a_sheet_with_letters_that_its_fonts_lack_is_printed(sign_in: SignIn) -> None:
    """They are marks of question."""
    answer = sign_in("admin").get("/reports/reach.pdf?unit=😀")
    assert answer.status_code == 200
    assert b"".join(answer).startswith(b"%PDF")
