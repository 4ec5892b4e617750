"""Holds: an operator sees what Zalo told us to leave alone, and lifts it where they know better."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, text

from coordination.connection import open_redis
from coordination.holds import Holds
from coordination.schedule import Retry, Schedule
from operators.cli.exits import ExitCode
from tests.operators.conftest import Run
from tests.operators.test_verbs import ACCOUNT, OA, record, rows

CHANNEL = f"channel:{OA}:zalo_cs"


def waiting(ledger: Engine, **reasons: str) -> dict[str, int]:
    """Notices that are due in an hour, each for its reason; their ids by dossier."""
    ids = dict(zip(reasons, record(ledger, *((code, "accepted") for code in reasons)), strict=True))
    later = "UPDATE notices SET due_at = clock_timestamp() + interval '1 hour', reason = :reason WHERE id = :id"
    with ledger.begin() as tx:
        for code, reason in reasons.items():
            tx.execute(text(later), {"id": ids[code], "reason": reason})
    return ids


def due_now(ledger: Engine) -> list[Any]:
    return [row[0] for row in rows(ledger, "SELECT code FROM notices WHERE due_at <= now() ORDER BY id")]


def test_what_is_held_is_listed_with_its_reason_and_its_end(run: Run, redis_url: str) -> None:
    """Of another OA it is not this deployment's business."""
    assert run("hold", "list").output == "Không tạm giữ gì.\n"
    assert run("hold", "list", "--json").output == "[]\n"
    with open_redis(redis_url) as redis:
        Holds(redis).hold(CHANNEL, 3600, "quota")
        Holds(redis).hold("person:zalo_cs:7", 60, "[/x] night")
        Holds(redis).hold("channel:999:zalo_cs", 60, "quota")
    found = json.loads(run("hold", "list", "--json").stdout)
    assert [(row["key"], row["reason"]) for row in found] == [(CHANNEL, "quota"), ("person:zalo_cs:7", "[/x] night")]
    assert 3590 <= found[0]["seconds"] <= 3600
    until = datetime.fromisoformat(found[0]["until"])
    assert timedelta(minutes=59) < until - datetime.now(UTC) < timedelta(minutes=61)
    assert CHANNEL in run("hold", "list").output


def test_a_lifted_hold_lets_go_what_waited_for_it_and_is_audited(run: Run, ledger: Engine, redis_url: str) -> None:
    """What waits for another reason goes on waiting; the schedule forgets what is due now."""
    ids = waiting(ledger, H1="quota", H2="night", H3="rate limit")
    hour = datetime.now(UTC) + timedelta(hours=1)
    with open_redis(redis_url) as redis:
        Holds(redis).hold(CHANNEL, 3600, "quota")
        Holds(redis).hold("person:zalo_cs:7", 3600, "night")
        Schedule(redis).put(OA, [Retry(n, hour, hour, "k", "accepted", "r", None, 0) for n in ids.values()])
        result = run("hold", "lift", CHANNEL, *ACCOUNT)
        assert (result.exit_code, result.output) == (0, "Đã bỏ 1 mục tạm giữ; 2 thông báo được gửi ngay.\n")
        assert [hold.key for hold in Holds(redis).all()] == ["person:zalo_cs:7"]
        assert Schedule(redis).ids(OA, 0, 9) == [ids["H2"]]
    assert due_now(ledger) == ["H1", "H3"]
    assert rows(ledger, "SELECT oa, verb, subject, by, why FROM audit") == [
        (OA, "hold lift", CHANNEL, "Lan", "đã sửa mẫu tin")
    ]


def test_all_are_lifted_by_all_alone_and_a_name_that_is_not_held_is_said(
    run: Run, ledger: Engine, redis_url: str
) -> None:
    """A forgotten name never means all; who lifts says who and why."""
    with open_redis(redis_url) as redis:
        holds = Holds(redis)
        holds.hold(CHANNEL, 3600, "quota")
        holds.hold("app:1", 3600, "quota")
        assert run("hold", "lift", *ACCOUNT).exit_code == ExitCode.USAGE
        tried = run("hold", "lift", "--all", "--dry-run")
        assert (tried.exit_code, CHANNEL in tried.output) == (ExitCode.OK, True)
        assert run("hold", "lift", "--all").exit_code == 2
        wrong = run("hold", "lift", "app:8", *ACCOUNT)
        assert (wrong.exit_code, "Không tạm giữ mục nào tên app:8" in wrong.output) == (ExitCode.NOTHING, True)
        assert len(holds.all()) == 2
        assert run("hold", "lift", "--all", *ACCOUNT).exit_code == 0
        assert holds.all() == []
    assert rows(ledger, "SELECT count(*) FROM audit") == [(2,)]
