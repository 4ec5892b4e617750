"""The operators' verbs: the dead tried again or dropped, the uncertain settled, retries seen without the ledger."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from coordination.connection import open_redis
from coordination.schedule import Retry, Schedule
from domain.event import Retraction
from domain.lane import Lane
from domain.lifecycle import State
from domain.notice import Letter
from ledger.notices import claims, notices, retractions, verbs
from ledger.notices.eligibility import Bounds
from ledger.notices.notices import NewNotice
from ledger.notices.verbs import Choice
from operators.cli.exits import ExitCode
from tests.operators.conftest import Run

OA = "4024926008133882615"
BOUNDS = Bounds(timedelta(days=365))
NOBODY = "postgresql://x@127.0.0.1:1/x"
ACCOUNT = ("--by", "Lan", "--why", "đã sửa mẫu tin")
SHAPE = ["id", "event_key", "kind", "state", "reason", "code", "attempts", "due_at", "age_seconds", "reason_vi"]


def record(ledger: Engine, *events: tuple[str, str]) -> list[int]:
    """Record notices (code, kind) a minute apart; returns their ids."""
    now = datetime.now(UTC)
    new = [
        NewNotice(f"{code}/{kind}/1", code, kind, None, {}, None, None, now + timedelta(minutes=minute), now)
        for minute, (code, kind) in enumerate(events)
    ]
    with ledger.begin() as tx:
        notices.record(tx, OA, new)
        found = {row.event_key: row.id for row in tx.execute(text("SELECT id, event_key FROM notices"))}
    return [found[notice.event_key] for notice in new]


def hold(ledger: Engine, state: State, ids: Sequence[int], reason: str = "code -32", code: int = -32) -> None:
    """Put notices where operators find them, as after three tries."""
    query = """UPDATE notices SET state = :state, reason = :reason, code_received = :code, attempts = 3,
               due_at = clock_timestamp() - interval '1 hour' WHERE id = ANY(:ids)"""
    with ledger.begin() as tx:
        tx.execute(text(query), {"state": state.value, "reason": reason, "code": code, "ids": list(ids)})


def rows(ledger: Engine, query: str) -> list[tuple[Any, ...]]:
    """What the ledger holds."""
    with ledger.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


@pytest.fixture
def three(ledger: Engine) -> list[int]:
    """Three dead notices of three dossiers, each dead for another reason."""
    ids = record(ledger, ("H-1", "accepted"), ("H-2", "accepted"), ("H-3", "result_ready"))
    for notice, reason, code in zip(
        ids, ("Template refused", "100% odd", "template expired"), (-1, -2, -3), strict=True
    ):
        hold(ledger, State.DEAD, [notice], reason, code)
    return ids


def test_a_retried_notice_begins_again_and_history_says_who_and_why(run: Run, ledger: Engine, three: list[int]) -> None:
    """Fresh attempts, due now, and a row with the name and the why."""
    result = run("dead", "retry", three[0], *ACCOUNT)
    assert (result.exit_code, result.output) == (0, "Đã cho gửi lại 1 thông báo.\n")
    due = rows(ledger, "SELECT id, attempts, due_at > now() - interval '1 minute' FROM notices WHERE state = 'due'")
    assert due == [(three[0], 0, True)]
    moved = rows(ledger, "SELECT notice_id, before, after, by, why FROM history WHERE before = 'dead'")
    assert moved == [(three[0], "dead", "due", "Lan", "đã sửa mẫu tin")]


@pytest.mark.parametrize(
    ("words", "taken"),
    [
        (("--kind", "result_ready"), [2]),
        (("--reason", "TEMPLATE"), [0, 2]),
        (("--reason", "0%"), [1]),
        (("--code", "-2"), [1]),
        (("--reason", "template", "--code", "-1"), [0]),
        (("--all",), [0, 1, 2]),
    ],
)
def test_many_are_retried_by_filter_or_all(
    run: Run, ledger: Engine, three: list[int], words: Sequence[str], taken: list[int]
) -> None:
    """What the filter names is tried again, the rest stays dead; a list with the same filter shows the same."""
    if words != ("--all",):
        shown = json.loads(run("dead", "list", "--json", *words).stdout)
        assert [row["id"] for row in shown] == [three[place] for place in taken]
    assert run("dead", "retry", *words, *ACCOUNT).exit_code == 0
    due = rows(ledger, "SELECT id, attempts FROM notices WHERE state = 'due' ORDER BY id")
    assert due == [(three[place], 0) for place in taken]


def test_a_discarded_notice_is_gone_for_good_with_a_name_and_a_why(run: Run, ledger: Engine, three: list[int]) -> None:
    """Discarding is a move like any other, and keeps what was tried."""
    assert run("dead", "discard", three[0], three[1], *ACCOUNT).output == "Đã bỏ 2 thông báo.\n"
    assert rows(ledger, "SELECT state, attempts FROM notices ORDER BY id") == [
        ("discarded", 3),
        ("discarded", 3),
        ("dead", 3),
    ]
    assert rows(ledger, "SELECT DISTINCT by, why FROM history WHERE after = 'discarded'") == [ACCOUNT[1::2]]


RETRIED = [("dead", State.DEAD), ("expired", State.EXPIRED)]


@pytest.mark.parametrize(("noun", "state"), RETRIED)
def test_what_is_told_again_has_a_new_age_every_channel_and_goes_behind_the_notices_of_today(
    run: Run, ledger: Engine, noun: str, state: State
) -> None:
    """However old the event is: an operator wants it told. History says who, and why."""
    [notice] = record(ledger, ("H-1", "accepted"))
    hold(ledger, state, [notice], reason="older than 72 hours")
    aged = "UPDATE notices SET fresh_at = now() - interval '80 hours', said_no = '{zalo_cs}'"
    with ledger.begin() as tx:
        tx.execute(text(aged))
    result = run(noun, "retry", notice, *ACCOUNT)
    assert (result.exit_code, result.output) == (0, "Đã cho gửi lại 1 thông báo.\n")
    young = "fresh_at > now() - interval '1 minute'"
    told = rows(ledger, f"SELECT state, attempts, lane, said_no, {young}, due_at <= now() FROM notices")
    assert told == [("due", 0, Lane.BULK, [], True, True)]
    assert rows(ledger, "SELECT before, after, by, why FROM history WHERE before IS NOT NULL") == [
        (noun, "due", *ACCOUNT[1::2])
    ]


def test_who_cannot_be_reached_is_listed_with_the_reason_and_by_the_same_filters(run: Run, ledger: Engine) -> None:
    ids = record(ledger, ("A", "accepted"), ("B", "result_ready"), ("C", "accepted"))
    hold(ledger, State.UNREACHABLE, ids[:2], "no Zalo user of this OA is linked to the phone")
    shown = json.loads(run("unreachable", "list", "--json").stdout)
    assert [(row["id"], row["state"], row["reason"]) for row in shown] == [
        (number, "unreachable", "no Zalo user of this OA is linked to the phone") for number in ids[:2]
    ]
    assert [list(row) for row in shown] == [SHAPE, SHAPE]
    only = json.loads(run("unreachable", "list", "--json", "--kind", "result_ready").stdout)
    assert [row["id"] for row in only] == [ids[1]]


def test_the_expired_are_listed_in_the_shape_of_every_list_and_by_the_same_filters(run: Run, ledger: Engine) -> None:
    """What scripts read of the dead they read of these."""
    ids = record(ledger, ("H-1", "accepted"), ("H-2", "result_ready"), ("H-3", "accepted"))
    hold(ledger, State.EXPIRED, ids[:1], reason="older than 72 hours", code=-32)
    hold(ledger, State.EXPIRED, ids[1:2], reason="nobody followed within 14 days", code=-213)
    shown = json.loads(run("expired", "list", "--json").stdout)
    assert [list(row) for row in shown] == [SHAPE, SHAPE]
    assert [row["id"] for row in shown] == ids[:2]
    for words, found in (
        (("--kind", "result_ready"), ids[1]),
        (("--reason", "hours"), ids[0]),
        (("--code", "-213"), ids[1]),
    ):
        assert [row["id"] for row in json.loads(run("expired", "list", "--json", *words).stdout)] == [found]
    assert run("expired", "retry", "--reason", "hours", *ACCOUNT).exit_code == 0
    assert rows(ledger, "SELECT state FROM notices ORDER BY id") == [("due",), ("expired",), ("due",)]
    assert run("expired", "retry", ids[2], *ACCOUNT).exit_code == ExitCode.NOTHING
    assert run("expired", "retry", "--all", "--by", "Lan").exit_code == 2


@pytest.mark.parametrize(("noun", "state"), RETRIED)
@pytest.mark.parametrize("later", [State.SENT, State.DELIVERED, State.SEEN, State.SENDING, State.UNCERTAIN])
def test_what_a_later_notice_has_overtaken_is_suppressed_and_never_told_out_of_order(
    run: Run, ledger: Engine, noun: str, state: State, later: State
) -> None:
    """Whoever knows that the result is ready is not told now that the dossier was accepted."""
    accepted, result, other = record(ledger, ("H-1", "accepted"), ("H-1", "result_ready"), ("H-2", "accepted"))
    hold(ledger, state, [accepted, other])
    hold(ledger, later, [result])
    told = run(noun, "retry", "--all", *ACCOUNT)
    assert told.exit_code == 0
    assert "Đã cho gửi lại 1 thông báo." in told.output
    assert "Không gửi lại 1 thông báo" in told.output
    found = rows(ledger, "SELECT state, reason FROM notices ORDER BY id")
    assert found[0] == ("suppressed", "a later notice of this dossier was told already")
    assert found[2][0] == "due"
    assert (noun, "suppressed", "Lan") in rows(ledger, "SELECT before, after, by FROM history")


@pytest.mark.parametrize(("noun", "state"), RETRIED)
def test_what_is_told_again_goes_before_the_later_notices_that_still_wait(
    run: Run, ledger: Engine, noun: str, state: State
) -> None:
    """A later one that was not told is no reason to keep the earlier one back; it goes afterwards."""
    accepted, result = record(ledger, ("H-1", "accepted"), ("H-1", "result_ready"))
    hold(ledger, state, [accepted])
    hold(ledger, State.DUE, [result])
    assert run(noun, "retry", accepted, *ACCOUNT).exit_code == 0
    claimed = []
    for lane in (Lane.SERVICE, Lane.BULK):
        with ledger.begin() as tx:
            claimed += [notice.id for notice in claims.lock_due(tx, OA, lane, "lease", 10, bounds=BOUNDS)]
    assert claimed == [accepted]


@pytest.mark.parametrize(("noun", "state"), RETRIED)
def test_a_claim_that_runs_while_an_operator_retries_is_waited_for(ledger: Engine, noun: str, state: State) -> None:
    """Between the look at the later notice and the move of the earlier one nobody may claim the later one."""
    accepted, result = record(ledger, ("H-1", "accepted"), ("H-1", "result_ready"))
    hold(ledger, state, [accepted])
    hold(ledger, State.DUE, [result])
    deed = {"dead": verbs.RETRY, "expired": verbs.RETRY_EXPIRED}[noun]
    with ThreadPoolExecutor(1) as operator, ledger.begin() as worker:
        [claimed] = claims.lock_due(worker, OA, Lane.BULK, "lease", 10, bounds=BOUNDS)
        retried = operator.submit(lambda: list(verbs.carry_out(ledger, OA, deed, Choice(), by="Lan", why="x")))
        until_somebody_waits_for_a_lock(ledger)
        claims.lease_out(worker, [Letter(claimed, "text")], seconds=60, by="test")
        worker.commit()
        retried.result()
    assert rows(ledger, "SELECT state FROM notices ORDER BY id") == [("suppressed",), ("sending",)]


def until_somebody_waits_for_a_lock(ledger: Engine) -> None:
    """The other one has come to the point where it has to wait."""
    waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    end = time.monotonic() + 10.0
    while rows(ledger, waits) == [(0,)]:
        assert time.monotonic() < end, "nobody waits"
        time.sleep(0.01)


def test_what_expired_and_is_no_longer_true_is_not_told_when_an_operator_brings_it_back(
    run: Run, ledger: Engine
) -> None:
    """The fee was paid after its notice had expired: nobody is asked for it."""
    [fee] = record(ledger, ("H-1", "fee_requested"))
    hold(ledger, State.EXPIRED, [fee])
    with ledger.begin() as tx:
        retractions.retract(tx, OA, [Retraction("H-1", "H-1/fee_requested/1", "the fee was paid")], by="producer")
    assert rows(ledger, "SELECT state FROM notices") == [("expired",)]
    told = run("expired", "retry", fee, *ACCOUNT)
    assert told.exit_code == 0
    assert "Không gửi lại 1 thông báo" in told.output
    assert rows(ledger, "SELECT state, reason FROM notices") == [("suppressed", "the fee was paid")]


def test_what_is_not_dead_is_refused_and_the_others_are_done(run: Run, ledger: Engine, three: list[int]) -> None:
    """Each refused number is named with its state, and the exit status tells scripts."""
    hold(ledger, State.SENT, three[:1])
    result = run("dead", "retry", *three[:2], 999, *ACCOUNT)
    assert result.exit_code == ExitCode.PARTLY
    assert f"Số {three[0]}: không phải thông báo chết, đang ở trạng thái sent." in result.output
    assert "Số 999: không có trong sổ." in result.output
    assert rows(ledger, "SELECT state FROM notices ORDER BY id") == [("sent",), ("due",), ("dead",)]


@pytest.mark.parametrize(
    ("words", "sentence", "code"),
    [
        ((), "Chưa chọn thông báo nào", ExitCode.USAGE),
        (("--all", "--code", "-1"), "Chỉ chọn một cách", ExitCode.USAGE),
        (("--code", "77"), "Không có thông báo chết nào như đã chọn", ExitCode.NOTHING),
    ],
)
def test_nothing_or_too_much_chosen_is_a_sentence_and_changes_nothing(
    run: Run, ledger: Engine, three: list[int], *, words: Sequence[str], sentence: str, code: ExitCode
) -> None:
    """A forgotten number never means all."""
    result = run("dead", "retry", *words, *ACCOUNT)
    assert result.exit_code == code
    assert sentence in result.output
    assert rows(ledger, "SELECT DISTINCT state FROM notices") == [("dead",)]


def test_an_empty_reason_is_refused(run: Run, ledger: Engine, three: list[int]) -> None:
    """It is a part of every reason, so a variable that was not set would have meant all."""
    assert run("dead", "discard", "--reason", "", *ACCOUNT).exit_code == 2
    assert rows(ledger, "SELECT DISTINCT state FROM notices") == [("dead",)]


def test_nobody_changes_anything_without_a_name_and_a_why(run: Run, three: list[int]) -> None:
    """Every verb is accounted for."""
    assert run("dead", "retry", "--all", "--by", "Lan").exit_code == 2
    assert run("uncertain", "settle", "--all", "--as", "sent", "--why", "x").exit_code == 2


def test_an_uncertain_notice_that_arrived_lets_the_next_one_go(run: Run, ledger: Engine) -> None:
    """Settled as sent: the later notice of the dossier is due in the same breath."""
    ids = record(ledger, ("H-1", "accepted"), ("H-1", "result_ready"))
    hold(ledger, State.UNCERTAIN, ids[:1])
    result = run("uncertain", "settle", ids[0], "--as", "sent", *ACCOUNT)
    assert (result.exit_code, result.output) == (0, "Đã ghi 1 thông báo là đã đến.\n")
    assert rows(ledger, "SELECT state FROM notices ORDER BY id") == [("sent",), ("due",)]
    assert ("uncertain", "sent", "Lan", "đã sửa mẫu tin") in rows(ledger, "SELECT before, after, by, why FROM history")


def test_an_uncertain_notice_that_did_not_arrive_goes_first_and_then_the_next(run: Run, ledger: Engine) -> None:
    """Settled as not sent: it is tried again, the later one still waits for it and goes when it is settled as sent."""
    ids = record(ledger, ("H-1", "accepted"), ("H-1", "result_ready"))
    hold(ledger, State.UNCERTAIN, ids[:1])
    assert run("uncertain", "settle", "--all", "--as", "not-sent", *ACCOUNT).exit_code == 0
    assert rows(ledger, "SELECT state FROM notices ORDER BY id") == [("due",), ("waiting",)]
    with ledger.begin() as tx:
        assert [notice.id for notice in claims.lock_due(tx, OA, Lane.SERVICE, "lease", 10, bounds=BOUNDS)] == ids[:1]
    hold(ledger, State.UNCERTAIN, ids[:1])
    assert run("uncertain", "settle", "--all", "--as", "sent", *ACCOUNT).exit_code == 0
    with ledger.begin() as tx:
        assert [notice.id for notice in claims.lock_due(tx, OA, Lane.SERVICE, "lease", 10, bounds=BOUNDS)] == ids[1:]


def test_what_is_certain_is_not_settled(run: Run, ledger: Engine, three: list[int]) -> None:
    """A dead notice is no uncertain one."""
    result = run("uncertain", "settle", three[0], "--as", "sent", *ACCOUNT)
    assert result.exit_code == ExitCode.NOTHING
    assert "không phải thông báo không rõ đã đến chưa, đang ở trạng thái dead" in result.output


@pytest.mark.parametrize(("noun", "state"), [("dead", State.DEAD), ("uncertain", State.UNCERTAIN)])
def test_lists_have_the_shape_that_programs_read(run: Run, ledger: Engine, noun: str, state: State) -> None:
    """§7: the keys of every list; an empty one is an empty array, or a sentence for people."""
    assert json.loads(run(noun, "list", "--json").stdout) == []
    assert run(noun, "list").output.startswith("Không có thông báo")
    hold(ledger, state, record(ledger, ("H-1", "accepted"), ("H-2", "accepted")))
    found = json.loads(run(noun, "list", "--json").stdout)
    assert [list(row) for row in found] == [SHAPE, SHAPE]
    assert (found[0]["state"], found[0]["code"], found[0]["attempts"]) == (state, -32, 3)
    cut = run(noun, "list", "--limit", 1)
    assert "H-1/accepted/1" in cut.stdout
    assert "Mới hiện 1 trong 2" in cut.stderr


def test_retries_are_told_from_redis_alone(run: Run, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the ledger away operators still see what, when, why and how often."""
    monkeypatch.setenv("HCC_DATABASE_URL", NOBODY)
    assert run("retries").output == "Không có thông báo nào chờ gửi lại.\n"
    assert run("retries", "--json").output == "[]\n"
    now = datetime.now(UTC)
    entries = [
        Retry(i, now + timedelta(seconds=600 + i), now, f"H-{i}/accepted/1", "accepted", "timeout", -5, 2)
        for i in range(1, 1502)
    ]
    with open_redis(redis_url) as redis:
        Schedule(redis).put(OA, entries)
    found = json.loads(run("retries", "--json").stdout)
    assert [row["id"] for row in found] == list(range(1, 1502))
    assert list(found[0]) == SHAPE
    assert (found[0]["state"], found[0]["reason"], found[0]["code"], found[0]["attempts"]) == ("due", "timeout", -5, 2)
    assert datetime.fromisoformat(found[0]["due_at"]) == entries[0].due_at
    cut = run("retries", "--limit", 2)
    assert "timeout" in cut.stdout
    assert "Mới hiện 2 trong 1501" in cut.stderr


def test_ten_thousand_are_replayed_in_pages_and_one_commit_each(run: Run, ledger: Engine) -> None:
    """Every notice moves once, and each page is a transaction of its own."""
    hold(ledger, State.DEAD, record(ledger, *((f"H-{number}", "accepted") for number in range(10_000))))
    result = run("dead", "retry", "--all", *ACCOUNT)
    assert result.exit_code == 0
    assert result.stdout == "Đã cho gửi lại 10000 thông báo.\n"
    assert rows(ledger, "SELECT state, attempts, count(*) FROM notices GROUP BY 1, 2") == [("due", 0, 10_000)]
    moved = "SELECT count(*), count(DISTINCT notice_id), count(DISTINCT xmin::text) FROM history WHERE before = 'dead'"
    assert rows(ledger, moved) == [(10_000, 10_000, 20)]


def test_a_notice_that_dies_again_meanwhile_is_not_taken_twice(ledger: Engine, three: list[int]) -> None:
    """Otherwise a replay of notices that die at once would never end."""
    taken = []
    for page in verbs.carry_out(ledger, OA, verbs.RETRY, Choice(), by="Lan", why="x", page=1):
        taken += sorted(page)
        hold(ledger, State.DEAD, sorted(page))
    assert taken == three


def test_two_operators_at_once_move_each_notice_once(ledger: Engine) -> None:
    """They wait for each other page by page; between them all is done, and nothing twice."""
    ids = record(ledger, *((f"H-{number}", "accepted") for number in range(400)))
    hold(ledger, State.DEAD, ids)

    def replay(name: str) -> list[int]:
        pages = verbs.carry_out(ledger, OA, verbs.RETRY, Choice(), by=name, why="x", page=20)
        return [notice for page in pages for notice in page]

    with ThreadPoolExecutor(2) as both:
        taken = [notice for found in both.map(replay, ("Lan", "Minh")) for notice in found]
    assert sorted(taken) == ids


def test_a_retry_rings_the_bell(run: Run, three: list[int], redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is due now does not wait for the next wake; what is discarded rings nobody."""
    rung: list[str] = []
    monkeypatch.setattr("coordination.bell.ring", rung.append)
    run("dead", "discard", three[0], *ACCOUNT)
    assert rung == []
    run("dead", "retry", "--all", *ACCOUNT)
    assert rung == [OA]
