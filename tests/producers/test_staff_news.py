"""News and probes: recorded once, for those whom an operator let in, from the roll-ups, and never about a person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from domain.clock import VIETNAM
from domain.event import Event
from domain.kinds import PROBE, STAFF, STAFF_DIGEST
from domain.news import Rhythm
from domain.probe import probe_code, probe_key
from domain.units import ListedUnit
from ledger.base import units
from ledger.base.sealing import Sealer
from ledger.people import follows, probes, staff
from ledger.people.people import Link, People
from ledger.reports import statistics, tally_rounds
from operators.reports.days import period_of
from producers.dossiers.record import record
from producers.dossiers.seen import Seen
from producers.news import newest_news, tell_news
from producers.probe import probe, probe_times

OA = "4024926008133882615"
USERS = {"6142494823000001001": "+84978001001", "6142494823000001002": "+84978001002"}
NOON = datetime.now(VIETNAM).replace(hour=12, minute=0).astimezone(UTC)
CODE, PHONE = "H27.37-240219-1001", "0978362918"


@pytest.fixture
def people(ledger: Engine) -> list[int]:
    """Two clerks who follow, and a dossier of yesterday in unit H27.37; returns the clerks."""
    known = People.of(ledger, Sealer(["0123456789abcdef"]))
    with ledger.begin() as tx:
        known.link(tx, OA, [Link(user, phone) for user, phone in USERS.items()], source="test")
        now = datetime.now(UTC)
        record(tx, OA, known, [Seen(Event(CODE, "accepted", "1", now, PHONE, "H27.37"), now)])
        tx.execute(text("UPDATE notices SET recorded_at = :at"), {"at": NOON - timedelta(days=1)})
        units.change(tx, OA, [ListedUnit("H27.37", "UBND phường Bắc Hồng Lĩnh")], whole=True)
        return [row.id for row in tx.execute(text("SELECT id FROM followers ORDER BY user_id"))]


def asked(ledger: Engine, followers: list[int], rhythm: Rhythm | None, unit: str = "H27.37") -> None:
    with ledger.begin() as tx:
        staff.add(tx, OA, followers, unit)
        staff.set_news(tx, OA, followers, unit, rhythm)


def notices(ledger: Engine, kind: str) -> list[tuple[int, dict[str, object]]]:
    with ledger.connect() as connection:
        query = text("SELECT follower_id, facts FROM notices WHERE kind = :kind ORDER BY follower_id, id")
        return [(row.follower_id, row.facts) for row in connection.execute(query, {"kind": kind})]


def test_who_asked_hears_once_of_a_period(ledger: Engine, people: list[int]) -> None:
    """Numbers of the unit with its name; who only has the grant hears when an operator posts."""
    asked(ledger, people[:1], Rhythm.DAY)
    asked(ledger, people[1:], None)
    assert (tell_news(ledger, OA, NOON), tell_news(ledger, OA, NOON)) == (1, 0)
    [(follower, facts)] = notices(ledger, STAFF_DIGEST)
    digest = facts["digest"]
    assert follower == people[0]
    assert isinstance(digest, dict)
    assert digest["name"] == "UBND phường Bắc Hồng Lĩnh"
    assert [(one["kind"], one["events"]) for one in digest["tallies"]] == [("accepted", 1)]
    assert CODE not in str(facts)
    assert tell_news(ledger, OA, NOON + timedelta(days=1)) == 1


def test_nobody_hears_before_the_working_day_nor_after_they_left(ledger: Engine, people: list[int]) -> None:
    asked(ledger, people, Rhythm.DAY)
    assert tell_news(ledger, OA, NOON.astimezone(VIETNAM).replace(hour=6).astimezone(UTC)) == 0
    with ledger.begin() as tx:
        tx.execute(text("UPDATE followers SET follows = false WHERE id = :id"), {"id": people[0]})
        tx.execute(text("UPDATE followers SET notices_off = true WHERE id = :id"), {"id": people[1]})
    assert tell_news(ledger, OA, NOON) == 0


def test_staff_of_a_merged_unit_hear_of_its_successor(ledger: Engine, people: list[int]) -> None:
    with ledger.begin() as tx:
        today = datetime.now(VIETNAM).date()
        old = ListedUnit("H27.37", "Cũ", valid_until=today - timedelta(days=9), successor="H27.115")
        units.change(tx, OA, [old, ListedUnit("H27.115", "phường Bắc Hồng Lĩnh")], whole=True)
    asked(ledger, people[:1], Rhythm.WEEK)
    asked(ledger, people, Rhythm.WEEK, "H27.115")
    with ledger.connect() as connection:
        [found] = newest_news(connection, OA, NOON)
    assert (found.unit, found.followers, found.untold) == ("H27.115", people, people)


def test_the_probe_is_recorded_once_an_hour_and_never_behind_one_that_has_not_arrived(
    ledger: Engine, people: list[int]
) -> None:
    """Off by default; it waits for the one before instead of queueing up."""
    with ledger.begin() as tx:
        assert probe(tx, OA) == 0
        assert probe_times(tx, OA) is None
        probes.choose(tx, OA, people[0])
        assert (probe(tx, OA), probe(tx, OA)) == (1, 0)
    [(follower, facts)] = notices(ledger, PROBE)
    assert (follower, facts) == (people[0], {})
    _an_hour_ago(ledger)
    with ledger.begin() as tx:
        assert probe(tx, OA) == 0
        tx.execute(text("UPDATE notices SET state = 'sent' WHERE kind = 'probe'"))
        assert probe(tx, OA) == 1


def test_the_delay_is_that_of_the_newest_probe_that_zalo_took(ledger: Engine, people: list[int]) -> None:
    """Before the first one its age counts from the day on which somebody was chosen."""
    with ledger.begin() as tx:
        probes.choose(tx, OA, people[0])
        tx.execute(text("UPDATE probe_staff SET added_at = added_at - interval '5 hours'"))
        times = probe_times(tx, OA)
    assert times is not None
    assert (round(times.age / 3600), times.sent, times.delivered) == (5, None, None)
    with ledger.begin() as tx:
        probe(tx, OA)
        for after, seconds in (("sent", 2), ("delivered", 7)):
            tx.execute(
                text("""
                    INSERT INTO history (notice_id, at, before, after, by)
                    SELECT id, recorded_at + make_interval(secs => :s), 'sending', :after, 'test'
                    FROM notices WHERE kind = 'probe'"""),
                {"s": seconds, "after": after},
            )
    with ledger.connect() as connection:
        times = probe_times(connection, OA)
    assert times is not None
    assert (times.sent, times.delivered) == (2.0, 7.0)
    assert times.age < 60


def test_no_report_counts_what_goes_to_staff(ledger: Engine, people: list[int]) -> None:
    """Neither reach nor delays: these are about citizens."""
    asked(ledger, people, Rhythm.DAY)
    with ledger.begin() as tx:
        probes.choose(tx, OA, people[0])
        probe(tx, OA)
    tell_news(ledger, OA, NOON)
    period = period_of(None, None, None)
    assert period is not None
    tally_rounds.bring_up(ledger, *period.days)
    with ledger.connect() as connection:
        assert {row["kind"] for row in statistics.digest(connection, OA, period)} == {"accepted"}
        assert sum(row["events"] for row in statistics.reach(connection, OA, period)) == 1
        counted = set(connection.execute(text("SELECT kind FROM tally_day")).scalars())
    assert counted & STAFF == {PROBE, STAFF_DIGEST}


def test_who_withdraws_gets_neither_any_more(ledger: Engine, people: list[int]) -> None:
    asked(ledger, people[:1], Rhythm.DAY)
    with ledger.begin() as tx:
        probes.choose(tx, OA, people[0])
        follows.withdraw(tx, OA, People.of(ledger, Sealer(["0123456789abcdef"])), next(iter(USERS)), datetime.now(UTC))
        assert probes.listed(tx, OA) == []
        assert staff.who_asked(tx, OA) == {}


def _an_hour_ago(ledger: Engine) -> None:
    """As if the recorded probe were that of the hour before."""
    with ledger.begin() as tx:
        now = datetime.now(UTC) - timedelta(hours=1)
        values = {"key": probe_key(now), "code": probe_code(now)}
        tx.execute(text("UPDATE notices SET event_key = :key, code = :code WHERE kind = 'probe'"), values)
