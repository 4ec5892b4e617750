"""Who may do what: every address is in the table, and what a role may not do is refused and logged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from operators.console.roles import ADMINS, NAVIGATION, PUBLIC, ROUTES, Role
from tests.operators.console.conftest import SignIn


def patterns(desk: object) -> Iterator[tuple[str, str]]:
    """Every address of the console: its name, and a path to it."""
    from django.urls import get_resolver, reverse  # noqa: PLC0415 (Django)

    def names(resolver: Any) -> Iterator[Any]:
        for one in resolver.url_patterns:
            yield from names(one) if hasattr(one, "url_patterns") else [one]

    for one in names(get_resolver()):
        wanted = one.pattern.regex.groupindex
        samples = {"provider_id": "sso", "code": "H27-1"}
        yield one.name, reverse(one.name, kwargs={name: samples.get(name, 1) for name in wanted} | (
            {"provider_id": "sso"} if one.name.startswith("openid") else {}
        ))  # fmt: skip


def test_every_address_is_in_the_table_and_no_other(desk: object) -> None:
    """A page that is not in the table would be refused to everybody."""
    assert sorted(name for name, _ in patterns(desk)) == sorted(ROUTES)


def test_every_post_that_a_viewer_may_not_do_is_refused_and_logged(
    desk: object, sign_in: SignIn, caplog: pytest.LogCaptureFixture
) -> None:
    """On every address, also without a valid form: nobody learns more by trying."""
    viewer = sign_in("viewer")
    forbidden = [
        (name, path)
        for name, path in patterns(desk)
        if (roles := ROUTES[name].get("POST", frozenset())) is not PUBLIC and Role.VIEWER not in roles
    ]
    assert {"accounts", "account_role", "person_unmaskings", "dead", "system"} <= {name for name, _ in forbidden}
    for name, path in forbidden:
        caplog.clear()
        answer = viewer.post(path)
        assert answer.status_code == 403, path
        assert "Vai trò của bạn không làm được việc này" in answer.content.decode()
        assert f"role=viewer method=POST route={name}" in caplog.text


def test_a_phone_search_by_an_auditor_is_refused_and_logged(
    desk: object, sign_in: SignIn, caplog: pytest.LogCaptureFixture
) -> None:
    """The route is open to auditors for codes; the phone stands in no line."""
    assert sign_in("auditor").post("/searches", {"q": "0978362918", "reason": "x"}).status_code == 403
    assert "role=auditor method=POST route=searches" in caplog.text
    assert "362918" not in caplog.text


def test_what_a_viewer_may_post_is_the_own_account_and_the_search() -> None:
    """The table says so, row by row."""
    allowed = {name for name, methods in ROUTES.items() if Role.VIEWER in (methods.get("POST") or ())}
    assert {name for name in allowed if not name.startswith(("account_", "mfa_"))} == {"searches"}
    public = {name for name, methods in ROUTES.items() if methods.get("POST", frozenset()) is PUBLIC}
    assert {name for name in public if not name.startswith(("account_log", "mfa_", "openid_connect_"))} == {"language"}


def test_pages_send_strangers_to_the_sign_in(desk: object, client: Callable[[], Any]) -> None:
    """And back to the page afterwards."""
    for name, path in patterns(desk):
        roles = ROUTES[name].get("GET", frozenset())
        if roles is not PUBLIC and roles:
            answer = client().get(path)
            assert answer.status_code == 302, path
            assert answer.headers["Location"].startswith("/sign-in?next=")


def test_a_method_that_is_not_in_the_table_is_refused(sign_in: SignIn) -> None:
    """Whoever asks."""
    assert sign_in("admin").put("/accounts").status_code == 403


def test_an_address_that_only_takes_a_form_says_so_when_it_is_opened(sign_in: SignIn) -> None:
    """From the history of a browser, say. It is no refusal: no role may open it."""
    for role in ("viewer", "admin"):
        answer = sign_in(role, role).get("/dead/5/retry")
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
        assert "Nó chỉ nhận biểu mẫu gửi từ một trang" in answer.content.decode()


def test_an_entry_is_shown_to_those_who_may_see_its_page(sign_in: SignIn) -> None:
    """A clerk has no audit."""
    assert 'href="/audit"' not in sign_in("viewer").get("/").content.decode()
    assert 'href="/audit"' in sign_in("auditor").get("/").content.decode()
    assert len(NAVIGATION) == 7
    assert {Role.ADMIN} == ADMINS
