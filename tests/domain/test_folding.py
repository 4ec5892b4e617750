"""Words are compared as a reader sees them, whatever program wrote them."""

from __future__ import annotations

from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.folding import LONGEST_WORD, folded

SAME = {
    "tone on the other vowel": [("hoà giải", "hòa giải"), ("khoẻ", "khỏe"), ("Thuỳ", "Thùy"), ("thuý", "thúy")],
    "more of these": [("Hủy thanh toán", "Huỷ thanh toán"), ("loè", "lòe"), ("quỹ", "qũy"), ("toả", "tỏa")],
    "Cyrillic": [("Đã thanh toán", "Đã thаnh tоán"), ("Chờ", "Сhờ"), ("HOÀN", "НОÀN")],
    "Greek": [("Hủy", "ΗỦΥ"), ("Thu", "Τhu")],
    "letters of older code pages": [("Đã trả", "Ðã trả"), ("Đã trả", "Ɖã trả"), ("đã", "d\u0335ã")],
    "full width": [("Chờ thu", "Ｃｈờ　ｔｈｕ"), ("10", "１０")],
    "blanks": [("Chờ thu", " Chờ\u00a0\u2003thu\t"), ("Chờ thu", "Chờ\r\nthu"), ("Chờ thu", "Chờ\u2800thu\u3164")],
    "format characters": [("Chờ thu", "\ufeffChờ\u200b t\u00adhu\u200e"), ("Chờ thu", "Chờ\ufe0f thu\u2060")],
    "case": [("Chờ thu", "CHỜ THU"), ("đủ", "ĐỦ")],
    "composition": [("Chờ thanh toán", normalize("NFD", "Chờ thanh toán")), ("ế", "e\u0301\u0302"), ("ế", "ê\u0301")],
    "dashes and slashes": [("Trả lại-rút", "Trả lại–rút"), ("Trả lại/Xin rút", "Trả lại\u2215Xin rút")],
}


@pytest.mark.parametrize(("one", "other"), [pair for pairs in SAME.values() for pair in pairs])
def test_two_spellings_of_one_word_are_one(one: str, other: str) -> None:
    """Each was seen in a database or a form, or is the sibling of one that was."""
    assert one != other
    assert folded(one) == folded(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Chờ thu", "Chỗ thu"),
        ("đã thu", "da thu"),
        ("hoà", "hoa"),
        ("hoá", "hoà"),
        ("Đã hoàn phí", "Đã hoan phí"),
        ("ơ", "o"),
        ("ă", "â"),
        ("1", "10"),
        ("Chờ thu", "Chờthu"),
    ],
)
def test_words_that_differ_stay_apart(one: str, other: str) -> None:
    """A tone, a hook or a blank makes another word."""
    assert folded(one) != folded(other)


LETTERS = st.sampled_from("aăâeêioôơuưyđnghctAĂÂEÊIOÔƠUƯYĐNGHCT")
WORDS = st.lists(
    st.tuples(st.text(LETTERS, min_size=1, max_size=6), st.sampled_from(["", *"\u0300\u0301\u0303\u0309\u0323"])),
    max_size=6,
)


@given(WORDS, st.data())
def test_a_syllable_is_the_same_wherever_its_tone_stands(syllables: list[tuple[str, str]], data: st.DataObject) -> None:
    """Any syllable, the tone on any of its letters, in any composition, with any blanks between."""

    def spelt() -> str:
        words = []
        for letters, tone in syllables:
            place = data.draw(st.integers(1, len(letters)))
            words.append(letters[:place] + tone + letters[place:])
        blank = data.draw(st.sampled_from([" ", "\u00a0", "  ", " \u200b", "\u3000"]))
        return normalize(data.draw(st.sampled_from(["NFC", "NFD"])), blank.join(words))

    assert folded(spelt()) == folded(spelt())


@given(st.text(max_size=LONGEST_WORD))
def test_folding_again_changes_nothing(text: str) -> None:
    """Whatever Unicode holds."""
    assert folded(folded(text)) == folded(text)


def test_what_is_too_long_for_a_word_is_left_alone() -> None:
    """A megabyte in a column of statuses costs no time."""
    long = "ờ" * (LONGEST_WORD + 1)
    assert folded(f" {long} ") == long
