"""`hcc report`: what staff and leaders read about phones, days and units."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from click.testing import Result
from sqlalchemy import Engine

from domain.clock import to_vietnam
from domain.event import Event
from ledger.base.sealing import Sealer
from ledger.people.people import People
from producers.dossiers.record import record
from producers.dossiers.seen import Seen
from tests.operators.conftest import Run

OA = "4024926008133882615"
NOBODY = "postgresql://x@127.0.0.1:1/x"


@pytest.fixture
def run(run: Run) -> Run:
    """Run a report."""
    return lambda *words, **given: run("report", *words, **given)


@pytest.fixture
def tell(ledger: Engine) -> Callable[..., None]:
    """Record an acceptance as the producers do."""

    def told(code: str, phone: str | None, unit: str | None = "H27.37", kind: str = "accepted") -> None:
        now = datetime.now(UTC)
        people = People.of(ledger, Sealer(["0123456789abcdef"]))
        with ledger.begin() as tx:
            record(tx, OA, people, [Seen(Event(code, kind, "1", now, phone, unit), now)])

    return told


def as_json(result: Result) -> Any:
    """What a program reads."""
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_bad_phones_are_listed_masked_with_dossier_unit_and_reason(run: Run, tell: Callable[..., None]) -> None:
    """R9: enough to find and correct the field, and nobody's number."""
    for number, phone in enumerate(
        ("097836291", "02393855555", None, "0978362918 / 0912345678", "0671234567", "0978362918", "113")
    ):
        tell(f"H27.37-240219-{number:04}", phone)
    found = as_json(run("bad-phones", "--json"))
    assert [(row["code"][-4:], row["reason"], row["phone"]) for row in found] == [
        ("0000", "invalid phone number", "09*****91"),
        ("0001", "landline", "02*******55"),
        ("0002", "no phone number", None),
        ("0003", "several numbers", "09****************78"),
        ("0004", "not an allotted number", "06******67"),
        ("0006", "invalid phone number", "***"),
    ]
    assert {row["unit"] for row in found} == {"H27.37"}
    assert {row["filed"] for row in found} == {"2024-02-19"}
    shown = run("bad-phones").output
    assert "Số cố định" in shown
    assert "97836291" not in shown + json.dumps(found)


def test_a_field_is_listed_once_however_many_notices_it_has(run: Run, tell: Callable[..., None]) -> None:
    """Three kinds of one dossier are one field to correct."""
    for kind in ("accepted", "fee_requested", "result_ready"):
        tell("H27.37-240219-1001", "02393855555", kind=kind)
    assert len(as_json(run("bad-phones", "--json"))) == 1


def test_no_bad_phone_is_a_sentence_and_an_empty_list(run: Run) -> None:
    """For people and for programs."""
    assert run("bad-phones").output == "Không có số điện thoại nào cần kiểm tra.\n"
    assert as_json(run("bad-phones", "--json")) == []


def test_reach_counts_every_event_once_by_day_and_unit(run: Run, tell: Callable[..., None], ledger: Engine) -> None:
    """R37; a dossier whose source says no unit is counted under the one in its code, of either grammar."""
    states = ("sent", "seen", "unreachable", "dead", "suppressed", "due")
    for number, state in enumerate(states):
        tell(f"H27.37-240219-{number:04}", "0978362918")
        with ledger.begin() as tx:
            tx.exec_driver_sql(f"UPDATE notices SET state = '{state}' WHERE right(code, 4) = '{number:04}'")
    tell("000.00.37.H27-240219-2000", "19000368", None)
    tell("G09.20-20260609-0092637", "0978362918", None)
    with ledger.begin() as tx:
        tx.exec_driver_sql("UPDATE notices SET state = 'unreachable' WHERE no_person_because IS NOT NULL")
    rows = {row.pop("unit"): row for row in as_json(run("reach", "--json"))}
    assert list(rows) == ["G09.20", "H27.37"]
    day = rows["H27.37"].pop("day")
    assert rows["H27.37"] == {
        "events": 7, "sent": 2, "not_follower": 1, "bad_phone": 1, "failed": 1, "not_needed": 1, "pending": 1,
        "quarantined": 0,
    }  # fmt: skip
    assert [row["unit"] for row in as_json(run("reach", "--json", "--unit", "h27", "--since", day))] == ["H27.37"]
    assert as_json(run("reach", "--json", "--unit", "H2")) == []
    assert "H27.37" in run("reach").output


def test_people_read_days_in_one_form(run: Run, tell: Callable[..., None]) -> None:
    """Whatever the report; programs read ISO 8601."""
    tell("H27.37-240219-1001", "02393855555")
    today = to_vietnam(datetime.now(UTC)).date()
    for report in ("reach", "dossiers"):
        assert (f"{today:%d/%m/%Y}" in run(report).output, today.isoformat() in run(report).output) == (True, False)
        assert as_json(run(report, "--json"))[0]["day"] == today.isoformat()
    assert ("19/02/2024" in run("bad-phones").output, "2024-02-19" in run("bad-phones").output) == (True, False)


def test_a_digest_is_numbers_only(run: Run, tell: Callable[..., None]) -> None:
    """R32: kinds and counts, no dossier and no phone."""
    tell("H27.37-240219-1001", "0978362918")
    tell("H27.37-240219-1002", "097836291", kind="result_ready")
    told = as_json(run("digest", "--json"))
    assert [(row["kind"], row["events"]) for row in told["kinds"]] == [("accepted", 1), ("result_ready", 1)]
    assert "1001" not in json.dumps(told) + run("digest").output
    assert "Tổng" in run("digest").output


def test_days_the_wrong_way_round_are_refused(run: Run) -> None:
    """A sentence, not an empty report."""
    result = run("reach", "--since", "2026-02-01", "--until", "2026-01-01")
    assert (result.exit_code, "--since phải trước --until" in result.output) == (2, True)
