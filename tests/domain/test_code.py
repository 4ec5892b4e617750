"""Dossier codes: one spelling of each, and what the statistics read out of it."""

import unicodedata
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.code import CodeParts, modern_unit, normalize_code, parse_code


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("H27.37-240219-1001", "H27.37-240219-1001"),
        ("  h27.37-240219-1001\n", "H27.37-240219-1001"),
        ("\u00a0H27.37-240219-1001\u3000", "H27.37-240219-1001"),
        (unicodedata.normalize("NFD", "hồ-sơ-1"), "HỒ-SƠ-1"),
        ("số 7/2024 (bổ sung)", "SỐ 7/2024 (BỔ SUNG)"),
    ],
)
def test_a_code_has_one_spelling(raw: str, code: str) -> None:
    """Blanks at the ends, case and Unicode form do not make two dossiers of one (R25)."""
    assert normalize_code(raw) == code


@pytest.mark.parametrize("raw", ["", "   ", "\t\n"])
def test_an_empty_code_is_refused(raw: str) -> None:
    """A row without a code is a fault of the source, not a dossier called ''."""
    with pytest.raises(ValueError, match="must not be empty"):
        normalize_code(raw)


def test_fifty_characters_are_a_code_and_fifty_one_are_not() -> None:
    """The limit counts what is left after stripping."""
    assert normalize_code(f" {'a' * 50} ") == "A" * 50
    with pytest.raises(ValueError, match="at most 50 characters, this one has 51"):
        normalize_code("a" * 51)


@pytest.mark.parametrize("raw", ["H27\n37", "H27\x0037", "H27\u202837", "H27\ud80037"])
def test_a_code_that_breaks_a_line_or_a_column_is_refused(raw: str) -> None:
    """A code stands in one line of a text and in one text column of PostgreSQL, which takes no NUL."""
    with pytest.raises(ValueError, match="line breaks, control or format characters"):
        normalize_code(raw)


@pytest.mark.parametrize("mark", ["\u200b", "\u00ad", "\u202e", "\ufeff", "\u2060", "\u200d"])
def test_a_code_with_a_mark_that_nobody_sees_is_refused(mark: str) -> None:
    """It would look like another dossier's, and a mark of direction would turn the text round."""
    with pytest.raises(ValueError, match="format characters"):
        normalize_code(f"H27.37-240219{mark}-1001")


@given(st.text(max_size=60))
def test_normalising_twice_equals_once(raw: str) -> None:
    """A code read back from the ledger is compared with one from the source."""
    try:
        code = normalize_code(raw)
    except ValueError:
        return
    assert normalize_code(code) == code
    assert 0 < len(code) <= 50


@pytest.mark.parametrize(
    ("code", "parts"),
    [
        ("H27.37-240219-1001", CodeParts("H27.37", date(2024, 2, 19), 1001)),
        ("H27-240219-0001", CodeParts("H27", date(2024, 2, 19), 1)),
        ("H27.37.12.5A-251231-12345", CodeParts("H27.37.12.5A", date(2025, 12, 31), 12345)),
        ("G09.20-20260609-0092637", CodeParts("G09.20", date(2026, 6, 9), 92637)),
        ("000.00.37.H27-240219-1001", CodeParts("H27.37", date(2024, 2, 19), 1001)),
        ("000.12.05.H27-190102-0007", CodeParts("H27.05.12", date(2019, 1, 2), 7)),
        ("000.00.00.H27-190102-0007", CodeParts("H27", date(2019, 1, 2), 7)),
    ],
)
def test_both_grammars_name_the_unit_the_day_and_the_number(code: str, parts: CodeParts) -> None:
    """Old unit codes run from leaf to root, new ones from root to leaf; the statistics see the new ones only."""
    assert parse_code(code) == parts


@pytest.mark.parametrize(
    "code",
    [
        "",
        "HỒ-SƠ-1",
        "H27.37-240230-1001",
        "H27.37-20241301-1001",
        "H27.37-240219-101",
        "H27.37-2402191-1001",
        "000.00.37.H27-20240219-1001",
        "H27.37-240219-1001-2",
        "H27.37-٢٤٠٢١٩-1001",
    ],
)
def test_any_other_code_has_no_parts_and_is_no_failure(code: str) -> None:
    """Provinces invent codes; such a dossier is told like any other and counted under no unit."""
    assert parse_code(code) is None


@given(st.text())
def test_reading_parts_never_raises(code: str) -> None:
    """Statistics must not stop for a code."""
    assert parse_code(code) is None or isinstance(parse_code(code), CodeParts)


@pytest.mark.parametrize(
    ("unit", "modern"),
    [
        ("H27.37", "H27.37"),
        (" h27.37 ", "H27.37"),
        ("000.00.37.H27", "H27.37"),
        ("000.00.00.H27", "H27"),
        ("Sở Y tế", "SỞ Y TẾ"),
    ],
)
def test_a_unit_has_one_spelling_where_its_code_follows_either_grammar(unit: str, modern: str) -> None:
    """So that statistics and switches of a unit count its dossiers of both spellings."""
    assert modern_unit(unit) == modern


_GROUPS = st.lists(st.from_regex(r"[0-9]{2}", fullmatch=True).filter(lambda group: group != "00"), max_size=2)
_DAYS = st.dates(date(2000, 1, 1), date(2099, 12, 31))


@given(province=st.from_regex(r"[A-Z][0-9]{2}", fullmatch=True), groups=_GROUPS, day=_DAYS, seq=st.integers(0, 9999))
def test_the_two_grammars_of_one_unit_are_read_alike(province: str, groups: list[str], day: date, seq: int) -> None:
    """Circular 01/2018 writes a unit leaf first with zeros for what it lacks, decision 20/2020 root first."""
    old_groups = [*reversed(groups), province]
    old_unit = ".".join(["000", *["00"] * (3 - len(old_groups)), *old_groups])
    new_unit = ".".join([province, *groups])
    parts = CodeParts(new_unit, day, seq)
    assert parse_code(f"{new_unit}-{day:%y%m%d}-{seq:04}") == parts
    assert parse_code(f"{new_unit}-{day:%Y%m%d}-{seq:07}") == parts
    assert parse_code(f"{old_unit}-{day:%y%m%d}-{seq:04}") == parts
