"""Text: composed inside, plain where accents cannot go."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.text import nfc, unaccented


def test_a_decomposed_text_becomes_composed() -> None:
    """'Hồ sơ' typed on a Mac (8 code points) is the same five letters as everybody's (R25)."""
    typed = unicodedata.normalize("NFD", "Hồ sơ")
    assert len(typed) == 8
    assert nfc(typed) == "Hồ sơ"
    assert len(nfc(typed)) == 5


@pytest.mark.parametrize(
    ("accented", "plain"),
    [
        ("Hồ sơ đã giải quyết xong", "Ho so da giai quyet xong"),
        ("ĐỨC THUẬN", "DUC THUAN"),
        ("đường Nguyễn Huệ, số 12", "duong Nguyen Hue, so 12"),
        ("H27.37-240219-1001", "H27.37-240219-1001"),
    ],
)
def test_accents_fall_away_and_so_does_the_bar_of_dj(accented: str, plain: str) -> None:
    """đ does not decompose, and must not survive into an SMS all the same."""
    assert unaccented(accented) == plain


@given(st.text(alphabet="aăâbcdđeêghiklmnoôơpqrstuưvxyáàảãạắằẳẵặấầẩẫậếềểễệốồổỗộớờởỡợứừửữựýỳỷỹỵ .,0123456789"))
def test_vietnamese_without_accents_is_ascii(text: str) -> None:
    """Whatever is written with Vietnamese letters fits the cheap alphabet of an SMS, letter for letter."""
    assert unaccented(text).isascii()
    assert len(unaccented(text)) == len(nfc(text))


@given(st.text())
def test_composing_twice_changes_nothing(text: str) -> None:
    """One spelling is one spelling."""
    assert nfc(nfc(text)) == nfc(text)
    assert unaccented(unaccented(text)) == unaccented(text)
