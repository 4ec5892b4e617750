"""Switches on the pages: two clicks stop everything, a banner says so everywhere, and no flush of Redis lifts it."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from tests.operators.console.conftest import OA, SignIn
from tests.operators.console.waiting import put, scalar
from worker.services.deployment import Deployment


def test_two_clicks_from_any_page_stop_everything(owner: Engine, sign_in: SignIn) -> None:
    """The link in the head, then the button, which has its reason."""
    client = sign_in("operator", "lan")
    assert '<a class="stop-link" href="/switches">' in client.get("/").content.decode()
    shown = client.get("/switches").content.decode()
    assert '<input type="hidden" name="sort" value="all">' in shown
    answer = client.post("/switches", {"sort": "all", "why": "Dừng khẩn cấp, đang kiểm tra"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/switches")
    assert scalar(owner, "SELECT sort || ' ' || oa || ' ' || by FROM switches") == "all * lan"
    assert scalar(owner, "SELECT verb || ' ' || subject FROM audit") == "switch off all"


def test_a_pause_is_on_every_page_with_who_since_and_why_and_a_flush_does_not_lift_it(
    owner: Engine, sign_in: SignIn, desk: Deployment
) -> None:
    """Redis is a bell."""
    sign_in("operator", "lan").post("/switches", {"sort": "all", "why": "mẫu tin sai"})
    desk.shared.redis.flushall()
    clerk = sign_in("viewer")
    for path in ("/", "/inbox", "/dead"):
        shown = clerk.get(path).content.decode()
        assert "Đang dừng: tất cả." in shown
        assert "lan dừng từ" in shown
        assert "mẫu tin sai" in shown
        assert 'class="stop-link"' not in shown


def test_a_switch_is_ended_once_and_says_how_many_wait(owner: Engine, sign_in: SignIn) -> None:
    """Whoever is second reads that it is over."""
    put(owner, "due", 3)
    client = sign_in("operator")
    client.post("/switches", {"sort": "kind", "name_kind": "accepted", "hours": "4", "why": "thử"})
    assert "<td>3<br>" in client.get("/switches").content.decode()
    number = scalar(owner, "SELECT id FROM switches WHERE until > now() + interval '3 hours'")
    assert client.post(f"/switches/{number}/end", {"why": ""}).status_code == 400
    ended = client.post(f"/switches/{number}/end", {"why": "xong"}, follow=True).content.decode()
    assert "Đã cho gửi lại: loại tin" in ended
    assert "Không dừng gì" in ended
    again = client.post(f"/switches/{number}/end", {"why": "xong"}, follow=True).content.decode()
    assert "không còn bị dừng" in again
    assert scalar(owner, "SELECT string_agg(verb, ', ' ORDER BY id) FROM audit") == "switch off, switch on"


@pytest.mark.parametrize(
    ("form", "row"),
    [
        ({"sort": "unit", "name_unit": "h27.12"}, "* unit H27.12"),
        ({"sort": "channel", "name_channel": "sms"}, "* channel sms"),
        ({"sort": "oa"}, f"{OA} oa "),
        ({"sort": "kind", "name_kind": "accepted", "name_unit": "H27.1"}, "* kind accepted"),
    ],
)
def test_a_part_is_stopped_by_its_sort_and_name(owner: Engine, sign_in: SignIn, form: dict[str, str], row: str) -> None:
    """Fields of other sorts do not matter."""
    assert sign_in("operator").post("/switches", {**form, "why": "thử"}).status_code == 303
    assert scalar(owner, "SELECT oa || ' ' || sort || ' ' || name FROM switches") == row


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"sort": "all", "why": ""}, "Cần ghi lý do"),
        ({"sort": "kind", "why": "x"}, "Chưa chọn loại tin"),
        ({"sort": "kind", "name_kind": "nonsense", "why": "x"}, "Không có loại tin hoặc kênh này"),
    ],
)
def test_a_form_that_would_stop_nothing_is_refused(
    owner: Engine, sign_in: SignIn, form: dict[str, str], says: str
) -> None:
    """A misspelt name would stop nothing, silently."""
    answer = sign_in("operator").post("/switches", form)
    assert (answer.status_code, says in answer.content.decode()) == (400, True)
    assert scalar(owner, "SELECT count(*) FROM switches") == 0


def test_an_auditor_sees_switches_and_throws_none(owner: Engine, sign_in: SignIn) -> None:
    """Numbers and audit, no verbs."""
    client = sign_in("auditor")
    assert "Dừng tất cả ngay" not in client.get("/switches").content.decode()
    assert client.post("/switches", {"sort": "all", "why": "x"}).status_code == 403
    assert scalar(owner, "SELECT count(*) FROM switches") == 0
