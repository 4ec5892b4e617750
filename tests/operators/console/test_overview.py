"""Is all well: the verdict first, what flows, and the page of the system; also without Redis."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import Engine, text

from coordination.breaker import Breaker
from coordination.connection import open_redis
from coordination.holds import Holds
from coordination.limits import Limiter
from coordination.schedule import Retry, Schedule
from domain.alarm import AlarmCause
from tests.operators.console.conftest import OA, SignIn
from tests.operators.console.waiting import put
from worker.services.deployment import Deployment

_PARTS: dict[str, Callable[[Redis], object]] = {
    "breaker": Breaker, "holds": Holds, "limiter": Limiter, "schedule": Schedule,
}  # fmt: skip


@pytest.fixture
def well(owner: Engine, desk: Deployment) -> None:
    """An installation that runs: feeds read a moment ago, a token of yesterday."""
    desk.shared.redis.flushall()
    with owner.begin() as tx:
        tx.execute(text("""
            INSERT INTO cursors (oa, feed, position, version, polled_at)
            SELECT :oa, feed, '{}', 1, clock_timestamp()
            FROM unnest(ARRAY['history', 'payments', 'snapshot']) AS w (feed)"""), {"oa": OA})  # fmt: skip
        tx.execute(
            text("""
            INSERT INTO credentials (oa, access_sealed, refresh_sealed, version, issued_at, expires_at)
            VALUES (:oa, 'a', 'r', 1, now() - interval '1 day', now() + interval '1 hour')"""),
            {"oa": OA},
        )


@pytest.fixture
def redis_away(desk: Deployment, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Redis answers no page any more."""

    def gone() -> None:
        forget()
        nobody = open_redis("redis://127.0.0.1:1/0")
        for services in desk:
            for name, made in _PARTS.items():
                monkeypatch.setattr(services.shared, name, made(nobody))

    return gone


def forget() -> None:
    from operators.console import vitals  # noqa: PLC0415 (Django)

    vitals.forget()


def page(client: Any, path: str) -> str:
    forget()
    answer = client.get(path)
    assert answer.status_code == 200, answer.content.decode()[:1000]
    return str(answer.content.decode())


def test_an_installation_that_runs_is_well(sign_in: SignIn, well: None) -> None:
    """One sentence; then numbers, ages, token and grant in days."""
    shown = page(sign_in("auditor"), "/overview")
    assert "Mọi thứ bình thường." in shown
    assert "còn 88 ngày" in shown or "còn 89 ngày" in shown
    assert "Các bước đầu" not in shown


def test_a_new_installation_is_led_through_its_first_steps(sign_in: SignIn) -> None:
    """With the lines of `hcc doctor`."""
    shown = page(sign_in("operator"), "/overview")
    assert "OA chưa có quyền gửi tin." in shown
    assert "Các bước đầu" in shown
    assert "mọi loại thông báo có mẫu" in shown


def test_the_worst_three_come_first_with_links_to_what_to_do(owner: Engine, sign_in: SignIn, well: None) -> None:
    """A lost grant before a late feed before dead notices; the rest is one link away."""
    with owner.begin() as tx:
        tx.execute(text("UPDATE credentials SET dead_because = 'revoked'"))
        tx.execute(text("UPDATE cursors SET polled_at = now() - interval '20 minutes' WHERE feed = 'history'"))
    put(owner, "dead", 2)
    put(owner, "quarantined", 2, prefix="Q-")
    shown = page(sign_in("operator"), "/overview")
    places = [shown.index(words) for words in ("OA đã mất quyền", "từ 20 phút trước", "2 thông báo đã dừng")]
    assert places == sorted(places)
    assert "Còn 1 việc nữa" in shown
    assert '<a href="/dead">' in shown


def test_an_overdue_notice_is_a_finding_unless_it_is_paused(owner: Engine, sign_in: SignIn, well: None) -> None:
    """Whoever paused it knows."""
    put(owner, "due", 3, in_seconds=-1800)
    client = sign_in("operator", "lan")
    assert "đến hạn đã 30 phút" in page(client, "/overview")
    client.post("/switches", {"sort": "all", "why": "thử"})
    shown = page(client, "/overview")
    assert "đến hạn đã" not in shown
    assert "Đang dừng tất cả (lan dừng)." in shown


def test_without_redis_the_pages_stay_and_say_so(
    owner: Engine, sign_in: SignIn, well: None, redis_away: Callable[[], None]
) -> None:
    """The parts that only Redis knows are left out."""
    put(owner, "due", 2, in_seconds=3600)
    client = sign_in("operator")
    redis_away()
    assert "Redis không trả lời" in page(client, "/overview")
    assert "Redis không trả lời" in page(client, "/system")
    shown = page(client, "/retries")
    assert "chưa có danh sách" in shown
    assert "Sổ thông báo có 2 tin hẹn giờ." in shown


def test_the_system_page_shows_sources_channels_and_what_cannot_be_read(
    owner: Engine, sign_in: SignIn, well: None, desk: Deployment
) -> None:
    """With lag, gaps, set-aside rows, breaker and holds."""
    with owner.begin() as tx:
        tx.execute(text("""
            INSERT INTO oddities VALUES (:oa, 'H27-7', '', 'received_at', 'not a time', NULL, now(), now(), 3)
        """), {"oa": OA})  # fmt: skip
        tx.execute(text("""UPDATE cursors SET position = '{"missing": {"5": 1, "9": 1}}' WHERE feed = 'history'"""))
    services = next(iter(desk))
    services.holds.hold(f"oa:{OA}", 3600, "rate limit")
    for _ in range(10):
        services.breaker.report(f"{OA}:zalo_cs", 0, 1)
    shown = page(sign_in("auditor"), "/system")
    for words in ("<code>history</code>", "H27-7", "not a time", "đang ngắt", f"oa:{OA}", "Không dừng gì"):
        assert words in shown
    assert "<td>2</td>" in shown
    assert "Kênh tin OA đang ngắt" in shown


def test_retries_are_read_from_redis_with_the_ledgers_number_beside(
    owner: Engine, sign_in: SignIn, well: None, desk: Deployment
) -> None:
    """Fifty by their time, then the next page; why the two numbers may differ is said."""
    at = datetime.now(UTC)
    desk.shared.schedule.put(
        OA,
        [
            Retry(one, at + timedelta(minutes=one), at, f"H27-{one}/accepted/1", "accepted", "rate limit", -32, 2)
            for one in range(1, 61)
        ],
    )
    put(owner, "due", 3, in_seconds=3600)
    client = sign_in("operator")
    shown = page(client, "/retries")
    assert "Lịch trong Redis có 60 tin." in shown
    assert "Sổ thông báo có 3 tin hẹn giờ." in shown
    assert "Hai số có thể khác nhau" in shown
    assert (shown.count('class="code"'), "?from=50" in shown) == (50, True)
    assert page(client, "/retries?from=50").count('class="code"') == 10


def test_every_page_is_complete_in_english(owner: Engine, sign_in: SignIn, well: None) -> None:
    """No Vietnamese word of ours is left on it."""
    put(owner, "dead", 2, reason="rate limit")
    client = sign_in("admin")
    client.cookies["hcc_language"] = "en"
    client.post("/switches", {"sort": "kind", "name_kind": "accepted", "why": "test"})
    vietnamese = set("ăâđêôơưạảấầẩẫậắằẳẵặẹẻẽếềểễệịỉĩọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ") - {"đ"}
    paths = ("/overview", "/inbox", "/dead", "/dead/retries/new", "/retries", "/acts", "/system", "/switches")
    for path in paths:
        main = page(client, path).split("<main")[1]
        shown = re.sub("“[^”]*”|&quot;.*?&quot;", "", main)  # words that people write stay as they are
        assert [word for word in shown.split() if vietnamese & set(word.lower())] == [], path


def test_alarms_and_first_steps_are_named_in_the_language_of_the_page(owner: Engine, sign_in: SignIn) -> None:
    """What they found is Vietnamese, as `hcc doctor` says it, and marked as such."""
    from operators.console.first_steps import _CHECKS  # noqa: PLC0415 (Django)
    from operators.console.words import words  # noqa: PLC0415 (Django)

    for language in ("vi", "en"):
        assert {f"alarms.{cause}" for cause in AlarmCause} | {f"checks.{name}" for name in _CHECKS} <= words(
            language
        ).keys()
    with owner.begin() as tx:
        tx.execute(
            text("INSERT INTO alarms (oa, cause, says, began_at) VALUES ('', 'feed:history', 'Đọc chậm', now())")
        )
    client = sign_in("admin")
    client.cookies["hcc_language"] = "en"
    shown = page(client, "/overview")
    assert '<strong>The dossier database is not read to its end</strong>. <span lang="vi">Đọc chậm</span>' in shown
    assert "<strong>the same dossier database</strong>" in shown


def test_the_last_day_is_drawn_with_its_numbers_beside(well: None, owner: Engine, sign_in: SignIn) -> None:
    """What was tried and sent, and how long it took; nothing before anything was tried."""
    client = sign_in("operator")
    assert 'class="plot"' not in client.get("/overview").content.decode()
    assert client.get("/overview/flow.svg").status_code == 404
    with owner.begin() as tx:
        tx.execute(
            text("""
            INSERT INTO tally_minute (oa, at, channel, outcome, number, dong, delays)
            SELECT :oa, date_trunc('minute', now() - make_interval(hours => h)), 'zalo_cs', outcome, n, 0,
                   '{0,0,5,0,0,0,0,0,0,0,0,0}'
            FROM (VALUES (1, 'sent', 5), (1, 'try_later', 2), (25, 'sent', 900)) AS w (h, outcome, n)"""),
            {"oa": OA},
        )
    shown = client.get("/overview").content.decode().split("24 giờ qua")[1]
    cells = re.findall(r'<td class="amount">([^<]*)</td>', shown)
    assert cells == ["7", "5", "5", "5"], "of the last 24 hours only"
    for name in ("flow", "waits"):
        assert f'<img src="/overview/{name}.svg"' in shown
        assert client.get(f"/overview/{name}.svg").headers["Content-Type"] == "image/svg+xml"
    assert sign_in("viewer").get("/overview/flow.svg").status_code == 403
