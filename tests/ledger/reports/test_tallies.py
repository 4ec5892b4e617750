"""Roll-ups equal what is counted from the facts, whatever came late, was replayed or was put away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, text

from domain.clock import to_vietnam
from domain.delays import BOUNDS
from domain.tally_causes import tally_cause
from domain.units import ListedUnit
from ledger.archive import archive
from ledger.base import units
from ledger.reports import statistics, tallies, tally_rounds
from ledger.reports.statistics import ReportPeriod
from tests.ledger.conftest import OA, new

EVER = ReportPeriod(datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
_TABLES = "notices, notices_past, attempts, history, baseline, spending, tally_day, tally_tries, tally_minute, "
_TABLES += "tally_dossiers, receipts"


def rows(ledger: Engine, query: str) -> list[Any]:
    with ledger.connect() as connection:
        return list(connection.execute(text(query)).all())


def counted_notices(ledger: Engine) -> Counter[Any]:
    """From the facts, without any of the roll-ups' statements."""
    costs: Counter[int] = Counter()
    for number, dong in rows(ledger, "SELECT notice_id, dong FROM attempts"):
        costs[number] += dong
    found: Counter[Any] = Counter()
    for n in rows(ledger, "SELECT * FROM notices_ever"):
        cause = tally_cause(n.state, n.reason, nobody=n.no_person_because is not None)
        key = (n.oa, to_vietnam(n.recorded_at).date(), n.unit, n.kind, n.state, cause, n.channel)
        found[key, "number"] += 1
        found[key, "dong"] += costs[n.id]
    return +found


def stored_notices(ledger: Engine) -> Counter[Any]:
    found: Counter[Any] = Counter()
    for *key, number, dong in rows(
        ledger, "SELECT oa, day, unit, kind, state, cause, channel, number, dong FROM tally_day"
    ):
        found[tuple(key), "number"] += number
        found[tuple(key), "dong"] += dong
    return +found


def counted_dossiers(ledger: Engine) -> Counter[Any]:
    """A dossier of a day counts once: by a notice that was sent, else by its newest one."""
    best: dict[Any, Any] = {}
    for n in rows(ledger, "SELECT * FROM notices_ever"):
        key = n.oa, to_vietnam(n.recorded_at).date(), n.code
        rank = n.state in {"sent", "delivered", "seen"}, n.id
        if key not in best or rank > best[key][0]:
            best[key] = rank, n
    return Counter(
        (oa, day, n.unit, n.state, tally_cause(n.state, n.reason, nobody=n.no_person_because is not None), n.channel)
        for (oa, day, _), (_, n) in best.items()
    )


def stored_dossiers(ledger: Engine) -> Counter[Any]:
    found: Counter[Any] = Counter()
    for *key, number in rows(ledger, "SELECT oa, day, unit, state, cause, channel, number FROM tally_dossiers"):
        found[tuple(key)] += number
    return found


def _place(at: datetime, ms: int, fresh_at: datetime) -> int:
    delay = (at - fresh_at).total_seconds() + ms / 1000
    return sum(delay >= bound for bound in BOUNDS)


def counted_tries(ledger: Engine, *, by: Callable[[Any], tuple[Any, ...]], since: datetime) -> Counter[Any]:
    found: Counter[Any] = Counter()
    for a in rows(
        ledger, "SELECT a.*, n.oa, n.unit, n.kind, n.fresh_at FROM attempts a JOIN notices_ever n ON n.id = notice_id"
    ):
        if a.at >= since:
            found[by(a), "number"] += 1
            found[by(a), "dong"] += a.dong
            if a.outcome == "sent":
                found[by(a), _place(a.at, a.ms, a.fresh_at)] += 1
    return +found


def stored_tries(ledger: Engine, query: str) -> Counter[Any]:
    found: Counter[Any] = Counter()
    for *key, number, dong, delays in rows(ledger, query):
        found[tuple(key), "number"] += number
        found[tuple(key), "dong"] += dong
        for place, one in enumerate(delays):
            found[tuple(key), place] += one
    return +found


def by_day(a: Any) -> tuple[Any, ...]:
    return (a.oa, to_vietnam(a.at).date(), a.unit, a.kind, a.channel, a.outcome)


def by_minute(a: Any) -> tuple[Any, ...]:
    return (a.oa, a.at.replace(second=0, microsecond=0), a.channel, a.outcome, a.code)


@dataclass(frozen=True)
class Fact:
    """One thing that happens to the ledger: `days` and `seconds` ago."""

    deed: str  # record | move | try | receive | archive | catch_up
    dossier: int
    days: int
    seconds: int
    state: str


FACTS = st.lists(
    st.builds(
        Fact,
        st.sampled_from(["record", "record", "move", "move", "try", "try", "receive", "archive", "catch_up"]),
        st.integers(0, 4),
        st.sampled_from([0, 0, 0, 1, 2, 4, 6, 9]),
        st.integers(0, 90_000),
        st.sampled_from(["due", "sent", "seen", "unreachable", "dead", "suppressed", "quarantined"]),
    ),
    min_size=3,
    max_size=14,
)
_RECORD = """
INSERT INTO notices (oa, event_key, code, kind, rank, unit, facts, no_person_because, state, event_at, fresh_at,
                     recorded_at, due_at)
SELECT :oa, 'D' || :dossier || '/accepted/' || :seconds, 'D' || :dossier, 'accepted', 1,
       CASE WHEN :dossier > 0 THEN 'H27.' || :dossier END, '{}', CASE WHEN :dossier = 1 THEN 'landline' END, :state,
       at, at, at, at
FROM (SELECT now() - make_interval(days => :days, secs => :seconds) AS at) AS w ON CONFLICT DO NOTHING
"""
_MOVE = """
WITH moved AS (
    UPDATE notices SET state = :state, channel = 'zalo_cs',
           reason = CASE WHEN :dossier > 2 THEN 'rate limit (' || :seconds || ')' END
    WHERE code = 'D' || :dossier RETURNING id
)
INSERT INTO history (notice_id, at, after, by) SELECT id, now(), :state, 'test' FROM moved
"""
# A receipt comes late, and maybe twice; what is put away already is no longer moved.
_RECEIVE = """
WITH moved AS (
    UPDATE notices SET state = 'seen' WHERE code = 'D' || :dossier AND state IN ('sent', 'seen') RETURNING id
)
INSERT INTO history (notice_id, at, after, by) SELECT id, now(), 'seen', 'zalo' FROM moved
"""
# Whoever tries a notice has claimed it, which is a move.
_TRY = """
WITH claimed AS (
    INSERT INTO history (notice_id, at, after, by)
    SELECT id, now(), 'sending', 'test' FROM notices WHERE code = 'D' || :dossier
)
INSERT INTO attempts (notice_id, at, channel, outcome, code, ms, dong)
SELECT id, least(recorded_at + make_interval(secs => :seconds), now() - interval '1 second'),
       CASE WHEN :dossier > 2 THEN 'zns' ELSE 'zalo_cs' END, CASE WHEN :days = 1 THEN 'try_later' ELSE 'sent' END,
       CASE WHEN :days <> 1 THEN 0 END, :seconds % 3000, CASE WHEN :dossier > 2 THEN 200 ELSE 0 END
FROM notices WHERE code = 'D' || :dossier
"""
_SPEND = """
INSERT INTO spending SELECT :oa, 'zns', CAST(now() AT TIME ZONE 'Asia/Ho_Chi_Minh' AS date), 1, 200 WHERE :dossier > 2
ON CONFLICT (oa, channel, day) DO NOTHING
"""


def let_happen(ledger: Engine, fact: Fact) -> None:
    values = {"oa": OA, **vars(fact)}
    if fact.deed == "archive":
        archive.keep_house(ledger, now=datetime.now(UTC), keep_months=24, by="test", seconds=5.0)
    elif fact.deed == "catch_up":
        catch_up(ledger)
    with ledger.begin() as tx:
        for statement in {
            "record": [_RECORD],
            "receive": [_RECEIVE, _RECEIVE],
            "move": [_MOVE],
            "try": [_TRY, _SPEND],
        }.get(fact.deed, []):
            tx.execute(text(statement), values)


def catch_up(ledger: Engine) -> None:
    """All rounds are due again, a night included."""
    with ledger.begin() as tx:
        tx.execute(text("UPDATE tally_rounds SET began_at = began_at - interval '25 hours'"))
    tally_rounds.catch_up(ledger, 30.0)


@pytest.fixture(autouse=True)
def put_away_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """A week of days is enough for a test."""
    monkeypatch.setattr(archive, "AT_HAND", timedelta(days=5))


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(facts=FACTS)
def test_roll_ups_equal_what_is_counted_from_the_facts(ledger: Engine, facts: list[Fact]) -> None:
    """By whichever rounds and in whichever order; also once what is old enough is put away."""
    with ledger.begin() as tx:
        tx.execute(text(f"TRUNCATE {_TABLES}, tally_stale, tally_rounds"))
    old = sorted((one for one in facts if one.deed == "record" and one.days), key=lambda one: (-one.days, -one.seconds))
    for fact in [*old, *(one for one in facts if one not in old)]:  # nothing is recorded with a time that is past
        let_happen(ledger, fact)
    catch_up(ledger)
    assert stored_notices(ledger) == counted_notices(ledger)
    assert stored_dossiers(ledger) == counted_dossiers(ledger)
    lately = (datetime.now(UTC) - timedelta(hours=5)).replace(second=0, microsecond=0)
    query = "SELECT oa, at, channel, outcome, code, number, dong, delays FROM tally_minute WHERE at >= '{}'"
    assert stored_tries(ledger, query.format(lately)) == counted_tries(ledger, by=by_minute, since=lately)
    with ledger.begin() as tx:
        first, end, _ = tally_rounds.mark_days(tx, 12)
    list(tally_rounds.rebuild(ledger, first, end))
    ever = datetime(2000, 1, 1, tzinfo=UTC)
    query = "SELECT oa, day, unit, kind, channel, outcome, number, dong, delays FROM tally_tries"
    assert stored_tries(ledger, query) == counted_tries(ledger, by=by_day, since=ever)
    assert stored_notices(ledger) == counted_notices(ledger)
    assert stored_dossiers(ledger) == counted_dossiers(ledger)


def test_a_day_that_was_forgotten_keeps_its_numbers(ledger: Engine, record: Callable[..., set[str]]) -> None:
    """Retention drops months of notices and attempts; the roll-ups are kept for good, also when they are rebuilt."""
    record(new("A", unit="H27.1"), new("B", unit="H27.1"))
    with ledger.begin() as tx:
        tx.execute(text("UPDATE notices SET recorded_at = recorded_at - interval '7 days', state = 'sent'"))
        tx.execute(
            text("""
                INSERT INTO attempts (notice_id, at, channel, outcome, ms)
                SELECT id, recorded_at, 'zalo_cs', 'sent', 50 FROM notices""")
        )
    archive.keep_house(ledger, now=datetime.now(UTC), keep_months=24, by="test", seconds=5.0)
    tally_rounds.catch_up(ledger, 30.0)
    before = stored_notices(ledger), rows(ledger, "SELECT * FROM tally_tries")
    assert sum(before[0].values()) == 2
    assert [row.number for row in before[1]] == [2]
    with ledger.begin() as tx:
        tx.execute(text("TRUNCATE notices_past, attempts"))
        first, end, _ = tally_rounds.mark_days(tx, 12)
    assert first < end
    list(tally_rounds.rebuild(ledger, first, end))
    assert (stored_notices(ledger), rows(ledger, "SELECT * FROM tally_tries")) == before


def test_one_process_recounts_at_a_time_and_a_killed_one_loses_no_day(ledger: Engine) -> None:
    """Each day is a transaction: what a kill leaves is listed as stale still."""
    with ledger.begin() as busy:
        assert tallies.take_turn(busy)
        assert tally_rounds.catch_up(ledger, 5.0) == 0
    with ledger.begin() as tx:
        tally_rounds._mark(tx, datetime(2026, 1, 1, tzinfo=UTC).date(), datetime(2026, 1, 3, tzinfo=UTC).date())
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: tally_rounds.catch_up(ledger, 5.0), range(2)))
    tally_rounds.catch_up(ledger, 5.0)
    assert rows(ledger, "SELECT * FROM tally_stale") == []
    assert tally_rounds.catch_up(ledger, 5.0) == 0, "nothing is due"


def test_the_clock_that_was_set_back_puts_no_round_off(ledger: Engine) -> None:
    """A round that began in the future is due."""
    tally_rounds.catch_up(ledger, 5.0)
    with ledger.begin() as tx:
        tx.execute(text("UPDATE tally_rounds SET began_at = began_at + interval '1 year'"))
    assert tally_rounds.catch_up(ledger, 5.0) >= 4


def test_reach_folds_merged_units_and_shows_the_old_ones_on_demand(
    ledger: Engine, record: Callable[..., set[str]]
) -> None:
    """The ward that was merged counts for the new one."""
    record(new("A", unit="H27.30.25"), new("B", unit="H27.115"), new("C", unit="H27.14"), new("D"))
    until = datetime(2025, 6, 30, tzinfo=UTC).date()
    ward = ListedUnit("H27.30.25", "Phường Bắc Hồng", None, None, until, "H27.115")
    with ledger.begin() as tx:
        units.change(tx, OA, [ward, ListedUnit("H27.115", "Phường Bắc Hồng Lĩnh")], whole=True)
        tx.execute(text("UPDATE notices SET state = 'quarantined' WHERE code = 'D'"))
    tally_rounds.bring_up(ledger, *EVER.days)

    def reach(unit: str | None, *, folded: bool = True) -> dict[str | None, int]:
        with ledger.connect() as connection:
            period = ReportPeriod(EVER.since, EVER.until, unit, folded)
            return {row["unit"]: row["events"] for row in statistics.reach(connection, OA, period)}

    assert reach(None) == {"H27.115": 2, "H27.14": 1, None: 1}
    assert reach(None, folded=False) == {"H27.115": 1, "H27.14": 1, "H27.30.25": 1, None: 1}
    assert (reach("H27.115"), reach("H27.30")) == ({"H27.115": 2}, {"H27.115": 1})
    with ledger.connect() as connection:
        [kind] = statistics.digest(connection, OA, EVER)
    assert (kind["events"], kind["pending"], kind["quarantined"]) == (4, 3, 1)


_STATEMENTS = {
    "notices of a day": tallies._COUNTED,
    "dossiers of a day": tallies._DOSSIERS,
    "costs of a day": tallies._COSTS,
    "attempts of a day": tallies._TRIES,
    "attempts by minute": tallies._MINUTES,
    "moved days": tally_rounds._MOVED,
    "reach": statistics._REACH,
    "bad phones": statistics._BAD_PHONES,
}


@pytest.mark.parametrize("name", _STATEMENTS)
def test_no_roll_up_and_no_report_reads_a_whole_table(ledger: Engine, name: str) -> None:
    """Each has an index for its days; where one lacks, PostgreSQL reads the whole table although it was told not to."""
    with ledger.connect() as connection:
        plan = explain(connection, _STATEMENTS[name])
    whole = [line for line in plan if "Seq Scan on" in line]
    assert [line for line in whole if any(f"on {table}" in line for table in ("notices", "attempts", "history"))] == []


def explain(connection: Connection, statement: str) -> list[str]:
    now = datetime.now(UTC)
    values = {
        "oa": OA, "oas": [OA], "units": None, "since": now - timedelta(days=1), "until": now, "day": now.date(),
        "first": now.date(), "end": now.date(), "tried_since": now - timedelta(days=120), "yesterday": now,
    }  # fmt: skip
    connection.execute(text("SET LOCAL enable_seqscan = off"))
    return list(connection.execute(text(f"EXPLAIN {statement}"), values).scalars())
