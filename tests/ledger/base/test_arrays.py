"""A column of values comes to PostgreSQL as it is, whatever it holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from domain.lane import Lane
from ledger.base.arrays import column

_TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
_HERE = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def back(ledger: Engine, kind: str, values: str) -> list[object]:
    """What the ledger understands of a column."""
    with ledger.connect() as connection:
        query = text(f"SELECT v FROM unnest(CAST(:values AS {kind}[])) WITH ORDINALITY AS u (v, place) ORDER BY place")
        return list(connection.execute(query, {"values": values}).scalars())


@_HERE
@given(st.lists(st.none() | _TEXTS | st.sampled_from(["NULL", "", "{}", '"', "\\", "a,b", " x ", "đã tiếp nhận"])))
def test_texts_come_as_they_are(ledger: Engine, texts: list[str | None]) -> None:
    """Quotes, braces, backslashes, line ends, and the word NULL, which is no nothing."""
    assert back(ledger, "text", column(texts)) == texts


@_HERE
@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)))
def test_numbers_come_as_they_are(ledger: Engine, numbers: list[int | None]) -> None:
    """As large as an id may get."""
    assert back(ledger, "bigint", column(numbers)) == numbers


def test_times_come_with_their_zone(ledger: Engine) -> None:
    """UTC or Vietnam, it is the same moment."""
    there = datetime(2026, 2, 3, 4, 5, 6, 789, tzinfo=timezone(timedelta(hours=7)))
    assert back(ledger, "timestamptz", column([there, None])) == [there.astimezone(UTC), None]


def test_an_enumeration_of_numbers_is_a_number(ledger: Engine) -> None:
    """Its name means nothing to the ledger."""
    assert back(ledger, "smallint", column(list(Lane))) == [0, 1, 2]
