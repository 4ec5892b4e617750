"""Codes as people type them: the operators' search reads what the chat reads."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.code import normalize_code, parse_code
from domain.spelling import spellings
from producers.hooks.ask import names, read_ask
from tests.producers.hooks.test_ask import CODE, OLD, SPELLINGS

BARE = [text for text in SPELLINGS if not any(word in text.casefold() for word in ("cứu", "cuu", "cƣu", "hồ sơ"))]


@pytest.mark.parametrize("typed", [text for text in BARE if "tra" not in text.lower() and not text.endswith("1001.")])
def test_what_the_chat_reads_as_a_code_the_search_finds(typed: str) -> None:
    """Lower case, blanks, other dashes, missing dots, marks that nobody sees."""
    assert names(read_ask(typed), CODE)
    assert CODE in spellings(typed)


@pytest.mark.parametrize("typed", [OLD, OLD.lower(), OLD.replace(".", " "), OLD.replace(".", "").replace("-", "")])
def test_a_code_of_the_older_grammar_is_found_too(typed: str) -> None:
    """Leaf first, with zeros for the levels that a unit lacks."""
    assert OLD in spellings(typed)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("hs/2024 - a15.7", "HS/2024-A15.7"),
        ("số 7/2024 (bổ sung)", "SỐ 7/2024 (BỔ SUNG)"),
        ("HỒ – SƠ – 1", "HỒ-SƠ-1"),
        ("H27.37.12.5A 251231 12345", "H27.37.12.5A-251231-12345"),
        ("g0920202606090092637", "G09.20-20260609-0092637"),
    ],
)
def test_any_other_code_is_found_as_far_as_its_letters_go(typed: str, code: str) -> None:
    """A code is opaque text; only the national grammars tell where dots belong."""
    assert code in spellings(typed)


def test_what_was_typed_comes_first() -> None:
    """A dossier of exactly that code is never hidden by one that looks like it."""
    assert spellings(" h27.37-240219-1001 ")[0] == CODE
    assert spellings("H2737-240219-1001")[0] == "H2737-240219-1001"


def test_what_can_be_no_code_is_told() -> None:
    """As `normalize_code` tells it."""
    with pytest.raises(ValueError, match="must not be empty"):
        spellings("  ")
    with pytest.raises(ValueError, match="at most 50"):
        spellings("x" * 60)


@pytest.mark.parametrize(
    "said",
    [
        "H27 chấm 37 gạch 240219 gạch 1001",
        "hồ sơ H27.37-240219-1001",
        "Mã hồ sơ: H27.37-240219-1001",
        "h27 cham 37 gach ngang 240219 gach ngang 1001",
        "hát hai bảy chấm ba bảy gạch hai bốn không hai một chín gạch một không không một",
    ],
)
def test_a_code_is_understood_as_it_is_read_out(said: str) -> None:
    """With the words for its marks and digits, and with those before it."""
    assert spellings(said)[0] == "H27.37-240219-1001"


@given(st.text(max_size=80))
def test_every_reading_is_a_code(typed: str) -> None:
    """Whatever is typed, what is looked for is spelt as the ledger spells."""
    try:
        found = spellings(typed)
    except ValueError:
        return
    assert all(normalize_code(code) == code for code in found)
    assert len(found) < 1000


_UNIT = st.lists(st.from_regex(r"[0-9]{2}", fullmatch=True), max_size=3).map(lambda groups: ".".join(["H27", *groups]))


@given(
    st.builds(lambda unit, day, seq: f"{unit}-{day:%y%m%d}-{seq:04}", _UNIT, st.dates(), st.integers(0, 9_999_999)),
    st.sampled_from([" ", "–", " — ", "", "\u2011", "-\u200b"]),
    st.booleans(),
)
def test_any_code_of_the_grammar_survives_the_usual_ways_of_typing(code: str, dash: str, dots: bool) -> None:
    """Both readers find it."""
    if parse_code(code) is None:
        return
    typed = code.replace("-", dash).lower()
    typed = typed if dots else typed.replace(".", "")
    assert code in spellings(typed)
    assert names(read_ask(typed), code)


def test_the_longest_run_of_letters_is_read_at_once() -> None:
    """However it is cut."""
    began = time.process_time()
    assert len(spellings("H27" + "1" * 30)) < 1000
    assert time.process_time() - began < 1
