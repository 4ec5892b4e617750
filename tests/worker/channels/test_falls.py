"""From channel to channel in one worker: a no is remembered, an uncertain attempt goes nowhere else, money is kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from ledger.notices import notices, sweep_queries
from ledger.notices.notices import NewNotice
from ledger.people.people import Link
from ledger.reports import spending
from sandbox.sms import SandboxSms
from sandbox.zalo.client import SandboxZalo
from tests.delivering import deliver
from tests.worker.channels.cases import OA
from worker.channels.budget import today
from worker.services.bootstrap import Services
from worker.upkeep.settle import settle_uncertain

USER, PHONE = "6142494823000000001", "84978001001"
KEY = "H27-1/result_ready/1"


@pytest.fixture
def told(services: Services, box: SandboxZalo) -> Iterator[Services]:
    """Services of a world where the citizen has linked their phone and Zalo knows them."""
    box.people([{"user_id": USER, "phone": PHONE}])
    with services.ledger.begin() as tx:
        services.people.link(tx, OA, [Link(USER, f"+{PHONE}")], source="test")
    return services


def record(services: Services, *keys: str, **facts: Any) -> None:
    """Notices for that phone, due now."""
    now = datetime.now(UTC)
    with services.ledger.begin() as tx:
        person = services.people.ids(tx, OA, [f"+{PHONE}"])[f"+{PHONE}"]
        notices.record(
            tx,
            OA,
            [
                NewNotice(key, key.split("/")[0], "result_ready", None, facts, person, None, now, now)
                for key in keys or (KEY,)
            ],
        )


def only(services: Services, *channels: str) -> None:
    """Let the policy know these channels alone, in this order."""
    services.settings = services.settings.model_copy(update={"channels": list(channels)})


def until_quiet(services: Services) -> None:
    """Deliver until nothing is due any more."""
    for _ in range(20):
        deliver(services, OA)
        if not rows(services, "SELECT 1 FROM notices WHERE state IN ('due', 'sending') AND due_at < now()"):
            return
    pytest.fail("it never came to rest")


def rows(services: Services, sql: str) -> list[tuple[Any, ...]]:
    """What the ledger says."""
    with services.ledger.connect() as connection:
        return [tuple(row) for row in connection.execute(text(sql))]


def attempts(services: Services) -> list[tuple[str, str, int | None]]:
    """Channel, outcome and code of every attempt."""
    return [
        (row[0], row[1], row[2]) for row in rows(services, "SELECT channel, outcome, code FROM attempts ORDER BY id")
    ]


def notice(services: Services) -> tuple[Any, ...]:
    """State, channel and who said no."""
    [row] = rows(services, "SELECT state, channel, said_no FROM notices")
    return row


def test_a_no_makes_the_next_channels_turn_at_once(told: Services, box: SandboxZalo, gateway: SandboxSms) -> None:
    """-230, -249, -118, then the SMS that the dossier asks for: four attempts, one message."""
    box.people([{"user_id": USER, "phone": PHONE, "last_interaction": "2020-01-01", "no_zalo": True}])
    box.templates([{"template_id": "333", "params": ["ma_ho_so"], "by_user_id": False}])
    only(told, "zalo_cs", "zalo_template", "zns", "sms")
    record(told, sms=True)
    until_quiet(told)
    assert attempts(told) == [
        ("zalo_cs", "unreachable", -230),
        ("zalo_template", "unreachable", -249),
        ("zns", "unreachable", -118),
        ("sms", "sent", 0),
    ]
    assert notice(told) == ("sent", "sms", ["zalo_cs", "zalo_template", "zns"])
    assert (len(box.messages()), len(gateway.messages)) == (0, 1)


def test_where_the_last_channel_says_no_its_reason_stands(told: Services, box: SandboxZalo) -> None:
    """Unreachable with Zalo's reason and code; opened again it may be tried everywhere again."""
    box.people([{"user_id": USER, "phone": PHONE, "banned": True, "no_zalo": True}])
    only(told, "zalo_cs", "zns")
    record(told)
    until_quiet(told)
    assert rows(told, "SELECT state, reason, code_received FROM notices") == [
        ("unreachable", "has no Zalo account", -118)
    ]
    box.people([{"user_id": USER, "phone": PHONE}])
    with told.ledger.begin() as tx:
        sweep_queries.reopen(tx, told.people.link(tx, OA, [Link(USER, f"+{PHONE}")], source="test"), days=14, by="test")
    until_quiet(told)
    assert notice(told) == ("sent", "zalo_cs", [])


@pytest.mark.parametrize("channel", ["zalo_template", "zns", "sms"])
def test_an_uncertain_attempt_goes_nowhere_else_and_is_never_looked_up_in_vain(
    told: Services, box: SandboxZalo, gateway: SandboxSms, channel: str
) -> None:
    """What the conversation does not surely show is not settled by its absence: it waits for an event or a person."""
    path = {"zalo_template": "/v3.0/oa/message/template", "zns": "/message/template"}.get(channel)
    if path:
        box.fault("reset_after", count=1, path=path)
    gateway.hang_up_after = 1
    only(told, channel, "paper")
    record(told, sms=True)
    until_quiet(told)
    assert notice(told)[:2] == ("uncertain", channel)
    rows_before = attempts(told)
    with told.ledger.begin() as tx:
        tx.execute(text("UPDATE notices SET due_at = now() - interval '1 minute'"))
        tx.execute(text("UPDATE history SET at = at - interval '2 minutes'"))
    settle_uncertain(told)
    assert notice(told)[0] == "uncertain"
    assert attempts(told) == rows_before


def test_a_crash_while_sending_by_phone_is_not_taken_for_a_text(
    told: Services, box: SandboxZalo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The channel stands in the ledger before a byte leaves: nobody concludes "not in the chat, so again"."""
    only(told, "zns")
    record(told)

    def dies(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("worker.delivery.results.complete", dies)
        with pytest.raises(KeyboardInterrupt):
            deliver(told, OA)
    assert notice(told)[:2] == ("sending", "zns")
    assert len(box.messages()) == 1


def test_what_zalo_says_of_the_window_is_remembered(told: Services, box: SandboxZalo) -> None:
    """-230 although we thought the window open: the next notice takes the template at once."""
    box.people([{"user_id": USER, "phone": PHONE, "last_interaction": "2020-01-01"}])
    only(told, "zalo_cs", "zalo_template")
    record(told, "H27-1/result_ready/1")
    until_quiet(told)
    record(told, "H27-2/result_ready/1")
    until_quiet(told)
    assert [channel for channel, *_ in attempts(told)] == ["zalo_cs", "zalo_template", "zalo_template"]


def test_the_days_budget_is_kept_to_the_dong_and_the_rest_waits_for_tomorrow(
    told: Services, box: SandboxZalo, caplog: pytest.LogCaptureFixture
) -> None:
    """Ten notices at 200 đ, a budget of 1,000: five go out, an alarm rings, five are due after midnight, uncounted."""
    told.settings = told.settings.model_copy(update={"channels": ["zns"], "budget_dong": {"zns": 1000}})
    record(told, *(f"H27-{number}/result_ready/1" for number in range(10)))
    deliver(told, OA)
    with told.ledger.begin() as tx:
        tx.execute(text("UPDATE notices SET due_at = now() WHERE state = 'due'"))  # what was given back for a second
    deliver(told, OA)
    assert len(box.messages()) == 5
    assert rows(told, "SELECT channel, messages, dong FROM spending") == [("zns", 5, 1000)]
    assert rows(told, "SELECT count(*), max(attempts), max(reason) FROM notices WHERE state = 'due'") == [
        (5, 0, "the day's budget of zns is used up")
    ]
    assert [record.getMessage().split(" oa=")[0] for record in caplog.records if "budget" in record.getMessage()] == [
        "budget used percent=100"
    ]


def test_what_was_refused_costs_nothing(told: Services, box: SandboxZalo) -> None:
    """The reservation is given back, and the attempt has no price; the one that was sent has."""
    box.people([{"user_id": USER, "phone": PHONE, "no_zalo": True}])
    told.settings = told.settings.model_copy(
        update={"channels": ["zns", "zalo_template"], "budget_dong": {"zns": 1000}}
    )
    record(told)
    until_quiet(told)
    assert rows(told, "SELECT channel, dong FROM attempts ORDER BY id") == [("zns", 0), ("zalo_template", 140)]
    spent = rows(told, "SELECT channel, messages, dong FROM spending ORDER BY channel")
    assert spent == [("zalo_template", 1, 140), ("zns", 0, 0)]


def test_what_was_reserved_before_midnight_and_refused_after_it_goes_back_to_yesterday(
    told: Services, box: SandboxZalo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Today's budget would grow by it, and more would be spent today than it allows."""
    box.people([{"user_id": USER, "phone": PHONE, "no_zalo": True}])
    told.settings = told.settings.model_copy(update={"channels": ["zns"], "budget_dong": {"zns": 1000}})
    now = today(datetime.now(UTC))
    with told.ledger.begin() as tx:  # another message of today
        spending.reserve(tx, OA, "zns", now, [200], messages=None, dong=None)
    before_midnight = datetime.now(UTC) - timedelta(days=1)
    monkeypatch.setattr(told.clock, "now", lambda: before_midnight)
    record(told)
    deliver(told, OA)
    assert attempts(told) == [("zns", "unreachable", -118)]
    spent = rows(told, "SELECT day, messages, dong FROM spending ORDER BY day")
    assert spent == [(now - timedelta(days=1), 0, 0), (now, 1, 200)]


def test_a_free_text_is_free(told: Services, redis_url: str) -> None:
    """Within 48 hours nothing is reserved and nothing is counted."""
    only(told, "zalo_cs")
    record(told)
    until_quiet(told)
    assert rows(told, "SELECT dong FROM attempts") == [(0,)]
    assert rows(told, "SELECT * FROM spending") == []


def test_a_kind_may_have_an_order_of_its_own(told: Services, box: SandboxZalo) -> None:
    """HCC_KIND_CHANNELS goes before HCC_CHANNELS."""
    told.settings = told.settings.model_copy(
        update={"channels": ["zalo_cs"], "kind_channels": {"result_ready": ["zns", "zalo_cs"]}}
    )
    record(told)
    until_quiet(told)
    assert [message["channel"] for message in box.messages()] == ["zns"]


def test_who_left_the_oa_is_not_followed_by_phone(told: Services, box: SandboxZalo) -> None:
    """R28: silence, although a template by phone would arrive."""
    with told.ledger.begin() as tx:
        tx.execute(text("UPDATE followers SET follows = false"))
    only(told, "zalo_cs", "zalo_template", "zns")
    record(told)
    until_quiet(told)
    assert notice(told)[0] == "unreachable"
    assert box.messages() == []


def test_a_quota_that_is_used_up_makes_the_next_channels_turn(
    told: Services, box: SandboxZalo, gateway: SandboxSms
) -> None:
    """-144: by phone no more today, so who asked for SMS gets one, and the other waits for midnight, uncounted."""
    box.switch(zns_daily_quota=0)
    only(told, "zns", "sms")
    record(told, "H27-1/result_ready/1")
    deliver(told, OA)
    record(told, "H27-2/result_ready/1")
    record(told, "H27-3/result_ready/1", sms=True)
    with told.ledger.begin() as tx:
        tx.execute(text("UPDATE notices SET due_at = now() WHERE state = 'due'"))
    deliver(told, OA)
    found = rows(told, "SELECT code, state, reason, attempts FROM notices ORDER BY code")
    assert found == [
        ("H27-1", "due", "the OA's messages of the day are used up", 0),
        ("H27-2", "due", "the OA's messages of the day are used up", 0),
        ("H27-3", "sent", None, 1),
    ]
    assert len(gateway.messages) == 1
    assert box.stats()["requests"]["/message/template"] == 1


def test_a_text_that_cannot_be_charged_does_not_stop_those_that_are_free(told: Services, box: SandboxZalo) -> None:
    """-321 on a text after 48 hours concerns that person; who wrote just now gets theirs."""
    box.fault("error", code=-321, count=1, user_id=USER)
    only(told, "zalo_cs")
    record(told)
    deliver(told, OA)
    other, phone = "6142494823000000002", "84978001002"
    box.people([{"user_id": other, "phone": phone}])
    now = datetime.now(UTC)
    with told.ledger.begin() as tx:
        [person] = told.people.link(tx, OA, [Link(other, f"+{phone}")], source="test")
        fresh = NewNotice("H27-9/result_ready/1", "H27-9", "result_ready", None, {}, person, None, now, now)
        notices.record(tx, OA, [fresh])
    deliver(told, OA)
    assert [message["user_id"] for message in box.messages()] == [other]
