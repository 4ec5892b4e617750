"""The list of units: two tiers since 2025-07-01, and what was merged goes on in its successor."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.units import ListedUnit, UnitTree, is_below, seems_known, wrong

BEFORE, SINCE = date(2025, 6, 30), date(2025, 7, 1)
HONG_LINH = (
    ListedUnit("H27", "Tỉnh Hà Tĩnh"),
    ListedUnit("H27.30", "Thị xã Hồng Lĩnh", "H27", valid_until=BEFORE, successor="H27"),
    ListedUnit("H27.30.25", "Phường Bắc Hồng", "H27.30", valid_until=BEFORE, successor="H27.115"),
    ListedUnit("H27.30.26", "Phường Đức Thuận", "H27.30", valid_until=BEFORE, successor="H27.115"),
    ListedUnit("H27.115", "Phường Bắc Hồng Lĩnh", "H27", valid_from=SINCE),
    ListedUnit("H27.14", "Sở Y tế", "H27"),
)


def test_a_merged_unit_is_its_successor_from_the_day_after_its_last() -> None:
    """On its last day it is still itself."""
    tree = UnitTree(HONG_LINH)
    assert [tree.now("H27.30.25", day) for day in (BEFORE, SINCE)] == ["H27.30.25", "H27.115"]
    assert tree.now("H27.30.26.4", SINCE) == "H27.115", "an unlisted code below it went with it"
    assert [tree.now(code, SINCE) for code in ("H27.14", "G09.20", "H27.30")] == ["H27.14", "G09.20", "H27"]


def test_a_unit_means_its_sub_units_and_its_predecessors() -> None:
    """Also those of its sub-units, however often they were merged."""
    later = ListedUnit("H27.200", "Phường mới", "H27", valid_from=date(2027, 1, 1))
    merged = ListedUnit("H27.115", "Phường Bắc Hồng Lĩnh", "H27", SINCE, date(2026, 12, 31), "H27.200")
    tree = UnitTree([*(unit for unit in HONG_LINH if unit.code != "H27.115"), merged, later])
    assert tree.meant("H27.200") == ["H27.115", "H27.200", "H27.30.25", "H27.30.26"]
    assert tree.now("H27.30.25", date(2027, 1, 1)) == "H27.200"
    assert tree.meant("H27.30") == ["H27.30"]
    assert tree.meant("H27") == ["H27"]
    assert tree.meant("G09.20") == ["G09.20"]


def test_sub_units_are_those_of_the_list_whatever_their_codes() -> None:
    """A parent need not be a part of the code."""
    tree = UnitTree([ListedUnit("H27.1", "a"), ListedUnit("H27.2", "b", "H27.1"), ListedUnit("H27.1.3", "c")])
    assert tree.meant("H27.1") == ["H27.1", "H27.2"]


@pytest.mark.parametrize(
    ("unit", "says"),
    [
        (ListedUnit("H27.9", "x", "H27.8"), "cấp trên H27.8 không có"),
        (ListedUnit("H27.9", "x", "H27", None, BEFORE, "H27.8"), "đơn vị kế tục H27.8 không có"),
        (ListedUnit("H27.9", "x", "H27", None, None, "H27.14"), "không có ngày hết hiệu lực"),
        (ListedUnit("H27.9", "x", "H27", SINCE, BEFORE), "trước ngày có hiệu lực"),
        (ListedUnit("H27.9", "x", "H27.30"), "ghi cấp trên mới (từ 01/07/2025"),
        (ListedUnit("H27.9", "x", "H27.9"), "cấp trên đi thành vòng"),
        (ListedUnit("H27.9", "x", "H27", None, BEFORE, "H27.9"), "kế tục đi thành vòng"),
    ],
)
def test_a_relation_that_cannot_be_is_named_with_what_to_do(unit: ListedUnit, says: str) -> None:
    """One unit is wrong, and only that one is named."""
    assert wrong(HONG_LINH) == []
    [(code, fault)] = wrong([*HONG_LINH, unit])
    assert code == "H27.9"
    assert says in fault
    assert ";" in fault


CODES = st.sampled_from(["A", "A.1", "A.1.2", "A.2", "B", "B.1", "C"])
UNITS = st.lists(
    st.builds(ListedUnit, CODES, st.just("x"), st.none() | CODES, st.none(), st.just(BEFORE), st.none() | CODES),
    unique_by=lambda unit: unit.code,
)


@given(UNITS, CODES)
def test_any_list_ends_and_what_folds_into_a_unit_is_meant_by_it(units: list[ListedUnit], code: str) -> None:
    """Circles, too, which no import accepts."""
    tree = UnitTree(units)
    now = tree.now(code, SINCE)
    meant = tree.meant(now)
    if not any(fault for _, fault in wrong(units)):
        assert any(code == one or is_below(code, one) for one in meant)
    assert all(not is_below(one, other) for one in meant for other in meant)


@pytest.mark.parametrize(
    ("unit", "listed", "may"),
    [
        ("H99", (), True),
        ("phường 1", (), False),
        ("H99", ("H27", "H27.115"), False),
        ("H27.115", ("H27", "H27.115"), True),
        ("H27.30.25", ("H27.30",), True),
        ("H27", ("H27.30",), True),
        ("H27.3", ("H27.30",), False),
    ],
)
def test_a_unit_is_one_of_the_list_or_a_relation_of_one(unit: str, listed: tuple[str, ...], may: bool) -> None:
    """Without a list the form decides."""
    assert seems_known(unit, listed) is may
