"""What waits for somebody: by cause first, page by page, filtered by the address; and each verb on one notice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine, text

from domain.units import ListedUnit
from ledger.base import units
from tests.operators.console.conftest import OA, SignIn
from tests.operators.console.waiting import put, scalar, state_of

WHY = {"why": "đã sửa mẫu"}


def page(client: Any, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, answer.content.decode()[:2000]
    return str(answer.content.decode())


def test_the_inbox_counts_each_list_and_names_its_causes(owner: Engine, sign_in: SignIn) -> None:
    """The most frequent first, in words."""
    put(owner, "dead", 3, reason="opted out")
    put(owner, "quarantined", 2, prefix="Q-", reason="older than 30 days when it was first seen")
    shown = page(sign_in("operator"), "/inbox")
    assert "Đã dừng, chờ người trực" in shown
    assert "Người dân đã nhắn" in shown
    assert '<span class="number">3</span>' in shown
    assert "opted out" not in shown.replace("cause=opted+out", "")


def test_the_entry_of_a_page_is_marked_on_the_pages_below_it_too(sign_in: SignIn) -> None:
    """A list is work that waits, a switch the system's."""
    client = sign_in("admin")
    for path, entry, how in [
        ("/inbox", "/inbox", "page"), ("/dead", "/inbox", "true"), ("/acts", "/inbox", "true"),
        ("/switches", "/system", "true"), ("/accounts", "/audit", "true"), ("/dossiers/H27-1", "/", "true"),
    ]:  # fmt: skip
        assert f'<a href="{entry}" aria-current="{how}">' in page(client, path), path


def test_an_empty_inbox_says_so(sign_in: SignIn) -> None:
    """In both languages."""
    client = sign_in("operator")
    assert "Không có việc nào chờ." in page(client, "/inbox")
    client.cookies["hcc_language"] = "en"
    assert "Nothing waits for anybody." in page(client, "/inbox")


@pytest.mark.parametrize(
    ("path", "state"),
    [
        ("/dead", "dead"),
        ("/uncertain", "uncertain"),
        ("/unreachable", "unreachable"),
        ("/quarantine", "quarantined"),
        ("/expired", "expired"),
    ],
)
def test_each_list_shows_causes_then_notices_fifty_a_page(
    owner: Engine, sign_in: SignIn, path: str, state: str
) -> None:
    """The next page is a link that can be sent to a colleague."""
    put(owner, state, 60)
    client = sign_in("operator")
    first = page(client, f"{path}?kind=accepted")
    assert first.count('class="code"') == 50
    assert "Theo nguyên nhân" in first
    following = first.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    assert following.startswith("?kind=accepted&before=")
    second = page(client, path + following)
    assert second.count('class="code"') == 10
    assert "Theo nguyên nhân" not in second
    assert 'rel="next"' not in second


def test_filters_stand_in_the_address(owner: Engine, sign_in: SignIn) -> None:
    """Kind, cause, code and unit, each alone and together; nonsense is no filter."""
    put(owner, "dead", 2, prefix="A-", reason="opted out")
    put(owner, "dead", 3, prefix="B-", kind="result_ready", unit="H27.3", reason="Zalo -201", code=-201)
    client = sign_in("operator")
    for query, number in [
        ("kind=result_ready", 3), ("cause=opted+out", 2), ("code=-201", 3), ("unit=h27.3", 3), ("unit=H27", 5),
        ("kind=accepted&unit=H27.3", 0), ("kind=nonsense", 5), ("code=12x", 5), ("before=x", 5),
    ]:  # fmt: skip
        assert page(client, f"/dead?{query}").count('class="code"') == number, query


def test_a_clerk_sees_the_own_unit_and_no_verbs(owner: Engine, sign_in: SignIn) -> None:
    """Whatever the address asks for; without a unit nothing."""
    from operators.console.models import Account  # noqa: PLC0415 (Django)

    put(owner, "dead", 2, prefix="A-", unit="H27.12.3")
    put(owner, "dead", 3, prefix="B-", unit="H27.3")
    client = sign_in("viewer", "lan")
    assert "chưa gắn với đơn vị nào" in page(client, "/dead")
    assert page(client, "/dead?unit=H27.3").count('class="code"') == 0
    Account.objects.filter(username="lan").update(unit="H27.12")
    assert page(client, "/dead").count('class="code"') == 2
    assert page(client, "/dead?unit=H27.3").count('class="code"') == 2
    assert "<summary>Xử lý" not in page(client, "/dead")
    assert "/dead/retries/new" not in page(client, "/dead")


def test_units_have_their_names_beside_their_codes(owner: Engine, sign_in: SignIn) -> None:
    """In lists and in a dossier's story, where the list of units has them; read once for all pages."""
    with owner.begin() as tx:
        units.change(tx, OA, [ListedUnit("H27.12", "Phường Trần Phú")], whole=True)
    put(owner, "dead", 2)
    put(owner, "dead", prefix="B-", unit="H27.3")
    client = sign_in("operator")
    assert page(client, "/dead").count("H27.12 Phường Trần Phú") == 2
    assert "H27.3</span>" in page(client, "/dead?unit=h27.3")
    assert '<p class="hint" id="unit-name">Phường Trần Phú</p>' in page(client, "/dead?unit=h27.12")
    assert "H27.12 (Phường Trần Phú)." in page(client, "/dead/retries/new?unit=h27.12")
    assert "H27.12 Phường Trần Phú" in page(client, "/dossiers/H27.12-240219-1")


VERBS = [
    ("dead", "retry", {}, "due"),
    ("dead", "discard", {}, "discarded"),
    ("uncertain", "verdict", {"verdict": "sent"}, "sent"),
    ("uncertain", "verdict", {"verdict": "not-sent"}, "due"),
    ("quarantine", "release", {}, "due"),
    ("quarantine", "discard", {}, "discarded"),
    ("expired", "retry", {}, "due"),
]
STATES = {"quarantine": "quarantined"}


@pytest.mark.parametrize(("name", "verb", "more", "after"), VERBS)
def test_a_verb_moves_one_notice_and_says_so(  # noqa: PLR0917 (rows of the table)
    owner: Engine, sign_in: SignIn, name: str, verb: str, more: dict[str, str], after: str
) -> None:
    """With the name of the account and the reason, in history, audit and acts."""
    notice = put(owner, STATES.get(name, name))[0]
    client = sign_in("operator", "lan")
    answer = client.post(f"/{name}/{notice}/{verb}", {**WHY, **more, "next": f"/{name}?kind=accepted"})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/{name}?kind=accepted")
    assert state_of(owner, notice) == after
    assert "hồ sơ H27.12-240219-1" in page(client, f"/{name}")
    assert scalar(owner, f"SELECT by || ': ' || why FROM history WHERE notice_id = {notice} AND before IS NOT NULL AND"
                         " by <> 'promote' ORDER BY id LIMIT 1") == "lan: đã sửa mẫu"  # fmt: skip
    assert scalar(owner, "SELECT count(*) FROM audit") == 1
    assert scalar(owner, "SELECT done FROM acts WHERE until IS NOT NULL") == 1


def test_without_a_reason_nothing_is_done(owner: Engine, sign_in: SignIn) -> None:
    """A form that was tampered with, or an old browser."""
    notice = put(owner, "dead")[0]
    answer = sign_in("operator").post(f"/dead/{notice}/retry", {"why": "  "})
    assert answer.status_code == 400
    assert "cần một lý do" in answer.content.decode()
    assert state_of(owner, notice) == "dead"


def test_whoever_comes_second_reads_who_was_faster(owner: Engine, sign_in: SignIn) -> None:
    """A conflict is a sentence with the new state, and changes nothing."""
    notice = put(owner, "dead")[0]
    assert sign_in("operator", "lan").post(f"/dead/{notice}/discard", WHY).status_code == 303
    answer = sign_in("operator", "minh").post(f"/dead/{notice}/retry", WHY)
    shown = answer.content.decode()
    assert answer.status_code == 409
    assert "vừa được lan xử lý lúc" in shown
    assert "Người trực đã bỏ" in shown
    assert state_of(owner, notice) == "discarded"
    assert scalar(owner, "SELECT count(*) FROM acts") == 1


@pytest.mark.parametrize("path", ["/dead/999999/retry", "/uncertain/1/verdict"])
def test_what_does_not_exist_is_not_found(sign_in: SignIn, path: str) -> None:
    """Neither a notice nor a verdict."""
    assert sign_in("operator").post(path, WHY).status_code == 404


def test_a_notice_of_another_oa_is_not_found(owner: Engine, sign_in: SignIn) -> None:
    """This console serves others."""
    notice = put(owner, "dead")[0]
    with owner.begin() as tx:
        tx.execute(text("UPDATE notices SET oa = 'another'"))
    assert sign_in("operator").post(f"/dead/{notice}/retry", WHY).status_code == 404
    assert OA not in page(sign_in("admin"), "/dead")


def test_pages_never_lead_to_another_site(owner: Engine, sign_in: SignIn) -> None:
    """`next` is a path of ours."""
    notice = put(owner, "dead")[0]
    answer = sign_in("operator").post(f"/dead/{notice}/retry", {**WHY, "next": "https://example.com/"})
    assert answer.headers["Location"] == "/dead"


def test_a_stopped_ledger_is_a_sentence_with_503(
    sign_in: SignIn, monkeypatch: pytest.MonkeyPatch, away: Callable[[], None]
) -> None:
    """On every page of work."""
    client = sign_in("operator")
    away()
    for path in ("/overview", "/inbox", "/dead", "/system", "/switches", "/acts", "/dead/retries/new"):
        answer = client.get(path)
        assert answer.status_code == 503, path
        assert "Sổ thông báo tạm thời không trả lời" in answer.content.decode()


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch, desk: object) -> Callable[[], None]:
    """The ledger does not answer the pages any more; sessions are still there."""
    from ledger.base.engine import open_ledger  # noqa: PLC0415
    from operators.console import ground, vitals  # noqa: PLC0415 (Django)

    def gone() -> None:
        vitals.forget()
        nobody = open_ledger("postgresql+psycopg2://x@127.0.0.1:1/x")
        monkeypatch.setattr(ground.deployment().shared, "ledger", nobody)

    return gone
