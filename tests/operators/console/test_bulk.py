"""Verbs on many: first how many and at what cost, then an act over exactly what was shown, stopped and taken up."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import Engine

from ledger.notices import verbs
from tests.operators.console.conftest import SignIn
from tests.operators.console.waiting import put, scalar
from worker.services.deployment import Deployment
from worker.upkeep.acts import carry_on


def hidden(html: str) -> dict[str, str]:
    """The hidden fields of the form that confirms."""
    form = html.split('class="narrow"')[1].split("</form>", maxsplit=1)[0]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))


def preview(client: Any, path: str) -> dict[str, str]:
    answer = client.get(path)
    assert answer.status_code == 200, answer.headers
    return hidden(answer.content.decode())


def test_the_preview_says_how_many_why_which_and_at_what_cost(owner: Engine, sign_in: SignIn) -> None:
    """And changes nothing."""
    put(owner, "dead", 30, reason="opted out")
    put(owner, "dead", 7, prefix="B-", kind="result_ready")
    shown = sign_in("operator").get("/dead/retries/new?kind=accepted").content.decode()
    assert "30 thông báo sẽ được xử lý. Chưa làm gì." in shown
    assert shown.count('class="code"') == 20
    assert re.search(r"Chi phí nhiều nhất [\d.]+ đ", shown)
    assert scalar(owner, "SELECT count(*) FROM acts") == 0
    discards = sign_in("operator", "b").get("/dead/discards/new").content.decode()
    assert "không bao giờ được gửi" in discards


def test_a_small_act_is_over_at_once(owner: Engine, sign_in: SignIn) -> None:
    """303 to its page, which says so; the audit has it once, with its number."""
    put(owner, "dead", 30)
    client = sign_in("operator", "lan")
    form = preview(client, "/dead/retries/new?kind=accepted")
    answer = client.post("/dead/retries", {**form, "why": "mẫu đã sửa"})
    assert answer.status_code == 303
    number = scalar(owner, "SELECT id FROM acts")
    assert answer.headers["Location"] == f"/acts/{number}"
    shown = client.get(f"/acts/{number}").content.decode()
    assert 'value="100"' in shown
    assert "30 / 30" in shown
    assert "mẫu đã sửa" in shown
    assert scalar(owner, "SELECT count(*) FROM notices WHERE state = 'due'") == 30
    assert scalar(owner, "SELECT verb || ', ' || by || ', ' || subject FROM audit") == (
        f"dead retry, lan, act {number}: 30 notices"
    )


def test_only_what_was_shown_is_taken(owner: Engine, sign_in: SignIn) -> None:
    """Neither what was recorded meanwhile nor what died anew; the same form sent twice is one act."""
    ids = put(owner, "dead", 5)
    client = sign_in("operator")
    form = preview(client, "/dead/discards/new")
    later = put(owner, "dead", 4, prefix="L-")
    with owner.begin() as tx:
        tx.exec_driver_sql(
            f"INSERT INTO history (notice_id, at, after, by) VALUES ({ids[0]}, clock_timestamp(), 'dead', 'w')"
        )
    assert client.post("/dead/discards", {**form, "why": "thừa"}).status_code == 303
    assert scalar(owner, "SELECT count(*) FROM notices WHERE state = 'discarded'") == 4
    assert scalar(owner, f"SELECT count(*) FROM notices WHERE state = 'dead' AND id >= {later[0]}") == 4
    again = client.post("/dead/discards", {**form, "why": "thừa"})
    assert again.status_code == 409
    assert "đã được xử lý trước đó" in again.content.decode()


def test_a_large_act_is_left_to_the_workers_who_end_at_exactly_its_number(
    owner: Engine, sign_in: SignIn, desk: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its page shows how far it is; the button stops it between two pages, and another lets it go on."""
    monkeypatch.setattr(verbs, "PAGE", 20)
    put(owner, "quarantined", 50, reason="older than 30 days when it was first seen")
    client = sign_in("operator", "lan")
    form = preview(client, "/quarantine/discards/new")
    url = client.post("/quarantine/discards", {**form, "why": "thử"}).headers["Location"]
    shown = client.get(url).content.decode()
    assert ("đang làm" in shown, "0 / 50" in shown, ">Dừng</button>" in shown) == (True, True, True)
    assert client.post(f"{url}/stop").status_code == 303
    assert "đã dừng" in client.get(url).content.decode()
    assert carry_on(desk, 10) == 0
    assert client.post(f"{url}/resume").status_code == 303
    assert carry_on(desk, 10) == 50
    assert "50 / 50" in client.get(url).content.decode()
    assert scalar(owner, "SELECT count(*) FROM notices WHERE state = 'discarded'") == 50
    assert scalar(owner, "SELECT string_agg(verb, ', ' ORDER BY id) FROM audit") == (
        "act stop, act resume, quarantine discard"
    )
    late = client.post(f"{url}/stop", follow=True).content.decode()
    assert "Việc này đã xong hoặc đã dừng." in late
    assert "50 / 50" in client.get("/acts").content.decode()


def test_a_form_without_reason_or_marks_does_nothing(owner: Engine, sign_in: SignIn) -> None:
    """The preview comes back with the fault; a form of somebody else's making is not found."""
    put(owner, "dead", 5)
    client = sign_in("operator")
    form = preview(client, "/dead/retries/new")
    answer = client.post("/dead/retries", {**form, "why": ""})
    assert (answer.status_code, "Cần ghi lý do" in answer.content.decode()) == (400, True)
    assert client.post("/dead/retries", {"why": "x"}).status_code == 404
    assert scalar(owner, "SELECT count(*) FROM acts") == 0


def test_many_doubts_are_decided_by_one_verdict(owner: Engine, sign_in: SignIn) -> None:
    """Which one is asked for; the same list, either way."""
    put(owner, "uncertain", 3)
    client = sign_in("operator", "lan")
    assert 'href="/uncertain/verdicts/new"' in client.get("/uncertain").content.decode()
    form = preview(client, "/uncertain/verdicts/new")
    answer = client.post("/uncertain/verdicts", {**form, "why": "đã hỏi"})
    assert (answer.status_code, "Chưa chọn kết luận" in answer.content.decode()) == (400, True)
    assert client.post("/uncertain/verdicts", {**form, "why": "đã hỏi", "verdict": "sent"}).status_code == 303
    assert scalar(owner, "SELECT count(*) FROM notices WHERE state = 'sent'") == 3
    assert scalar(owner, "SELECT verb FROM audit") == "uncertain settle sent"
    put(owner, "uncertain", 2, prefix="B-")
    form = preview(client, "/uncertain/verdicts/new")
    assert client.post("/uncertain/verdicts", {**form, "why": "x", "verdict": "not-sent"}).status_code == 303
    assert scalar(owner, "SELECT count(*) FROM notices WHERE state = 'due'") == 2


def test_there_is_no_preview_of_nothing(sign_in: SignIn) -> None:
    """Back to the list, with a sentence."""
    client = sign_in("operator")
    answer = client.get("/dead/retries/new", follow=True)
    assert answer.redirect_chain == [("/dead", 303)]
    assert "Không có thông báo nào như vậy." in answer.content.decode()


def test_an_act_that_does_not_exist_is_not_found(sign_in: SignIn) -> None:
    """Neither shown nor stopped."""
    client = sign_in("operator")
    assert client.get("/acts/999").status_code == 404
    assert client.post("/acts/999/stop").status_code == 404
