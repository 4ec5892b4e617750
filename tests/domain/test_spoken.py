"""Numbers and marks as they are said aloud."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.spelling import tidied
from domain.spoken import as_said, without_lead


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("ba bảy", "37"), ("ba mươi bảy", "37"), ("ba muoi bay", "37"), ("ba mươi", "30"), ("hai mươi mốt", "21"),
        ("bốn mươi lăm", "45"), ("mười", "10"), ("mười một", "11"), ("muoi mot", "11"), ("hai mốt", "21"),
        ("hai mươi sáu mười một ba mươi", "261130"), ("hai mươi hai mươi", "2020"), ("không chín mười", "0910"),
        ("một trăm linh năm", "105"), ("ba trăm bảy mươi hai", "372"), ("hai trăm", "200"), ("một nghìn", "1000"),
        ("một nghìn không trăm linh một", "1001"), ("một ngàn lẻ một", "1001"), ("mười không một", "1001"),
        ("một, hai; ba", "123"),
        ("hai chấm ba gạch ngang bốn", "2.3-4"), ("mã hồ sơ: 5", "5"), ("số 7", "7"),
    ],
)  # fmt: skip
def test_numbers_are_written_as_they_are_said(said: str, written: str) -> None:
    """Digit by digit, by tens, by hundreds; with accents or without."""
    assert "".join(as_said(said).split()) == written


@pytest.mark.parametrize("text", ["", "của tôi", "linh", "trăm hoa", "mươi", "hoa trăm"])
def test_other_words_stay(text: str) -> None:
    """A unit without its digit is a word like any other."""
    assert text.split()[-1:] == as_said(text).split()[-1:]


def test_the_words_before_a_code_are_dropped_once_they_end() -> None:
    """«HS/2024» is a code and no such word."""
    assert without_lead("mã hồ sơ: HS/2024-15") == "HS/2024-15"
    assert without_lead("hs 2024") == "2024"
    assert without_lead("hải quan 5") == "hải quan 5"


@given(st.text(max_size=80))
def test_any_text_is_read(text: str) -> None:
    """Whatever is typed."""
    as_said(tidied(text))
    without_lead(tidied(text))
