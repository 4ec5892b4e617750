"""Switches: what an operator stops waits, does not age, and goes again; the ledger says so in the claim itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from domain.lane import Lane
from domain.notice import Notice
from ledger.notices import claims, due_accounts, eligibility, held_counts, sweep_queries, switches
from ledger.notices.due_accounts import AgeLimits
from ledger.notices.eligibility import Bounds
from ledger.notices.switches import EVERY_OA, STOPPED_CHANNEL
from ledger.reports import reports
from tests.ledger.conftest import BOUNDS, OA, new

Claim = Callable[..., list[Notice]]


def off(ledger: Engine, sort: str, name: str = "", oa: str = EVERY_OA, until: datetime | None = None) -> int:
    """Stop it; gives the number of the switch."""
    with ledger.begin() as tx:
        one = switches.switch_off(tx, oa, sort, name, until=until, by="Lan", why="thử")
    assert one is not None
    return one.id


def on(ledger: Engine, sort: str, name: str = "", oa: str = EVERY_OA) -> tuple[int, int]:
    """Let it go; gives how many were held, and how many may go now."""
    with ledger.begin() as tx:
        one = switches.switch_on(tx, oa, sort, name)
    assert one is not None
    pages = list(switches.give_all_back(ledger, one.id))
    return sum(page[0] for page in pages), sum(page[1] for page in pages)


def ages(ledger: Engine) -> dict[str, float]:
    """The age of each notice, in hours."""
    query = "SELECT code, extract(epoch FROM clock_timestamp() - fresh_at) / 3600 AS hours FROM notices"
    with ledger.connect() as connection:
        return {row.code: float(row.hours) for row in connection.execute(text(query))}


def back(ledger: Engine, hours: float) -> None:
    """So much time passes: all that is written lies so much further back."""
    with ledger.begin() as tx:
        for column in ("notices SET fresh_at = fresh_at", "switches SET since = since"):
            tx.execute(text(f"UPDATE {column} - make_interval(secs => :s)"), {"s": hours * 3600})
        tx.execute(text("UPDATE switches SET until = until - make_interval(secs => :s)"), {"s": hours * 3600})


@pytest.mark.parametrize(
    ("sort", "name", "oa", "held"),
    [
        ("kind", "accepted", EVERY_OA, {"A-1", "A-2"}),
        ("kind", "accepted", "another", set()),
        ("unit", "H27.1", EVERY_OA, {"A-1"}),
        ("unit", "H27", EVERY_OA, {"A-1", "A-2", "R-1"}),
        ("oa", "", OA, {"A-1", "A-2", "R-1"}),
        ("oa", "", "another", set()),
        ("all", "", EVERY_OA, {"A-1", "A-2", "R-1"}),
        ("channel", "zns", EVERY_OA, {"A-2"}),
    ],
)
def test_a_claim_takes_nothing_that_is_switched_off_and_everything_else(
    ledger: Engine, record: Callable[..., set[str]], claim: Claim, *, sort: str, name: str, oa: str, held: set[str]
) -> None:
    """The doorbell is told the same: nobody is rung for what may not go."""
    record(new("A-1", unit="H27.1"), new("A-2", unit="H27.12"), new("R-1", "result_ready", unit="H27.1.3"))
    if sort == "unit" and name == "H27.1":
        held = held | {"R-1"}  # below it; H27.12 is another unit
    with ledger.begin() as tx:
        tx.execute(text("UPDATE notices SET reason = :r WHERE code = 'A-2'"), {"r": f"{STOPPED_CHANNEL}zns"})
    number = off(ledger, sort, name, oa)
    assert held_counts.count_held(ledger, [OA], seconds=60)
    with ledger.begin() as tx:
        [counted] = switches.listed(tx)
    assert (counted.id, counted.held) == (number, len(held))
    assert {notice.code for notice in claim()} == {"A-1", "A-2", "R-1"} - held
    with ledger.begin() as tx:
        assert eligibility.first_lane(tx, OA, BOUNDS) is None
        assert due_accounts.to_deliver(tx, {OA: AgeLimits(24 * 365, 14)}, set()) == []
    if held:
        assert on(ledger, sort, name, oa) == (len(held), len(held))
        assert {notice.code for notice in claim()} == held


def test_what_switches_hold_back_is_counted_page_by_page_and_kept_with_its_time(
    ledger: Engine, record: Callable[..., set[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One walk for all switches; a walk that is cut short leaves the figures of the last one."""
    monkeypatch.setattr(held_counts, "_WALK", held_counts._WALK.replace("LIMIT 5000", "LIMIT 2"))
    monkeypatch.setattr(held_counts, "_PAGE", 2)
    record(*(new(f"A-{n}", unit="H27.1") for n in range(5)), new("R-1", "result_ready", unit="H27.2"))
    off(ledger, "kind", "accepted")
    off(ledger, "unit", "H27.2")
    assert held_counts.count_held(ledger, [OA], seconds=60)
    with ledger.connect() as connection:
        assert [one.held for one in switches.listed(connection)] == [5, 1]
    record(new("R-2", "result_ready", unit="H27.2"))
    assert not held_counts.count_held(ledger, [OA], seconds=0)
    with ledger.connect() as connection:
        found = switches.listed(connection)
    assert [one.held for one in found] == [5, 1]
    assert all(one.held_at is not None and one.held_at >= one.since for one in found)


def test_time_under_a_switch_does_not_age_a_notice(ledger: Engine, record: Callable[..., set[str]]) -> None:
    """Neither while it holds, nor afterwards; what else waits ages as ever. Recorded meanwhile counts from then."""
    record(new("A-1"), new("R-1", "result_ready"))
    back(ledger, 10)
    off(ledger, "kind", "accepted")
    back(ledger, 50)
    record(new("A-2"))
    back(ledger, 20)
    with ledger.begin() as tx:
        now = datetime.now(UTC)
        expired = sweep_queries.expire(tx, OA, now=now, hours=72, by="sweep", limit=10)
        assert len(expired) == 1, "R-1 is 80 hours old; A-1 is, too, and was held for 70 of them"
    assert on(ledger, "kind", "accepted") == (2, 2)
    hours = ages(ledger)
    assert hours["A-1"] == pytest.approx(10, abs=0.1)
    assert hours["A-2"] == pytest.approx(0, abs=0.1)
    assert hours["R-1"] == pytest.approx(80, abs=0.1)


@pytest.mark.parametrize("first", ["kind", "all"])
def test_time_under_two_switches_at_once_is_given_back_once(
    ledger: Engine, record: Callable[..., set[str]], first: str
) -> None:
    """Whichever ends first: never younger than it was when the first of them began."""
    names = {"kind": "accepted", "all": ""}
    record(new("A-1"))
    back(ledger, 10)
    off(ledger, "kind", "accepted")
    back(ledger, 5)
    off(ledger, "all")
    back(ledger, 5)
    on(ledger, first, names.pop(first))
    back(ledger, 5)
    [(second, name)] = names.items()
    on(ledger, second, name)
    assert ages(ledger)["A-1"] == pytest.approx(10, abs=0.1)


def test_a_switch_with_an_end_ends_by_itself_and_the_sweep_gives_its_time_back(
    ledger: Engine, record: Callable[..., set[str]], claim: Claim
) -> None:
    """Also while nobody looks: until the sweep comes by, nothing of it expires."""
    record(new("A-1"))
    back(ledger, 1)
    off(ledger, "all", until=datetime.now(UTC) + timedelta(hours=2))
    back(ledger, 1)
    assert claim() == []
    back(ledger, 100)
    with ledger.begin() as tx:
        assert switches.listed(tx) == []
        assert sweep_queries.expire(tx, OA, now=datetime.now(UTC), hours=72, by="sweep", limit=10) == set()
        [ended] = switches.over(tx)
    list(switches.give_all_back(ledger, ended))
    assert ages(ledger)["A-1"] == pytest.approx(100, abs=0.1)
    with ledger.begin() as tx:
        assert switches.over(tx) == []


def test_giving_back_in_pages_gives_each_its_time_once_though_it_is_broken_off(
    ledger: Engine, record: Callable[..., set[str]]
) -> None:
    """The place is kept with the page; whoever goes on begins there."""
    record(*(new(f"A-{number}") for number in range(5)))
    off(ledger, "all")
    back(ledger, 10)
    with ledger.begin() as tx:
        one = switches.switch_on(tx, EVERY_OA, "all", "")
        assert one is not None
        assert switches.give_back(tx, one.id, page=2) == (2, 2)
    with ledger.begin() as tx:
        assert switches.over(tx) == [one.id]
        assert switches.switch_off(tx, EVERY_OA, "all", "", until=None, by="Lan", why="x") is None
    list(switches.give_all_back(ledger, one.id))
    assert all(hours == pytest.approx(0, abs=0.1) for hours in ages(ledger).values())


def test_a_dossier_says_which_switch_holds_it(ledger: Engine, record: Callable[..., set[str]]) -> None:
    """By whom and why; nothing of what is not held."""
    record(new("A-1"), new("R-1", "result_ready"))
    off(ledger, "kind", "accepted")
    with ledger.connect() as connection:
        [told] = reports.dossier(connection, OA, "A-1")
        [free] = reports.dossier(connection, OA, "R-1")
    assert [(one["sort"], one["name"], one["by"], one["why"]) for one in told["switched_off"]] == [
        ("kind", "accepted", "Lan", "thử")
    ]
    assert "switched_off" not in free


def test_a_channel_that_is_off_is_told_to_who_claims(ledger: Engine, record: Callable[..., set[str]]) -> None:
    """The channel is chosen after the claim, by what stood in the ledger at the claim."""
    record(new("A-1"))
    off(ledger, "channel", "zns")
    off(ledger, "channel", "sms", oa="another")
    with ledger.begin() as tx:
        [notice] = claims.lock_due(tx, OA, Lane.SERVICE, "lease", 10, bounds=Bounds(timedelta(days=365)))
    assert notice.stopped == {"zns"}


def test_what_is_stopped_is_moved_out_of_the_way_of_the_claims_and_is_due_again_at_the_end(
    ledger: Engine, record: Callable[..., set[str]], claim: Claim
) -> None:
    """A hundred thousand stopped ones would be walked past by each claim."""
    record(new("A-1"), new("R-1", "result_ready"))
    off(ledger, "kind", "accepted")
    with ledger.begin() as tx:
        assert switches.put_back(tx, page=10) == 1
        assert switches.put_back(tx, page=10) == 0
        query = text("SELECT code, reason FROM notices WHERE state = 'due' AND due_at > clock_timestamp()")
        assert tx.execute(query).all() == [("A-1", "switched off: kind accepted")]
    assert [notice.code for notice in claim()] == ["R-1"]
    on(ledger, "kind", "accepted")
    assert [notice.code for notice in claim()] == ["A-1"]
