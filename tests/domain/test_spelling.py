"""Codes as people type them: the operators' search reads what the chat reads."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.code import normalize_code, parse_code
from domain.spelling import looks_like_a_code, spellings
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
        "h27 chấm ba bảy, gạch, 240219, gạch, 1001",
        "h27 chấm ba mươi bảy gạch 240219 gạch 1001",
        "h27 cham ba muoi bay, gach 240219 gach 1001 nhé",
        "mã hồ sơ hát hai mươi bảy, chấm, ba bảy, gạch, hai mươi bốn không hai mười chín, gạch, một nghìn lẻ một ạ",
        "hát hai bảy dấu chấm ba bảy dấu gạch hai tư không hai mười chín gạch mười không một",
    ],
)
def test_a_code_is_understood_as_it_is_read_out(said: str) -> None:
    """With the words for its marks and digits, and with those before it."""
    assert spellings(said)[0] == "H27.37-240219-1001"


@pytest.mark.parametrize(
    "copied",
    [
        "hồ sơ: {}.", "mã hồ sơ {}.", "MHS: {}", "hồ sơ {} của tôi", "({})", "«{}»,", "{}.Hạn nộp 30/11",
        "ho so so {} a",
        "Hệ thống giải quyết TTHC tỉnh Hà Tĩnh yêu cầu thu phí hồ sơ: {}.\nSố tiền: 50.000 đồng, trước 30/11/2026.",
        "Nguyễn Văn A, phòng P12, 0978362919, hồ sơ {}", "https://x.vn/trang/thanh-toan-new.aspx?mahoso={}",
        "http://x.vn/?mahoso={}&lang=vi", "x.vn/?a=12&MaHoSo={}#top", "mahoso={}", "https://x.vn/ho-so/{}?lang=vi",
        "]C1{}", "]Q3{}", "]d2{}\r\n",
    ],
)  # fmt: skip
@pytest.mark.parametrize("code", [CODE, OLD, "G22.99-20261130-0912345", "H27-240101-0001"])
def test_a_code_is_found_in_what_was_copied_or_scanned(copied: str, code: str) -> None:
    """It comes first: the words around it are no part of a code."""
    assert spellings(copied.format(code))[0] == code
    assert spellings(copied.format(code.lower()))[0] == code


@pytest.mark.parametrize(
    "link",
    ["http://x.vn/?mahoso=H27.37%2D240219%2D1001", "mahoso=H27%2E37%E2%80%93240219%E2%80%931001",
     "http%3A%2F%2Fx.vn%2F%3Fmahoso%3DH27.37%252D240219%252D1001"],
)  # fmt: skip
def test_a_code_is_found_in_a_percent_encoded_link(link: str) -> None:
    """Also in one that is a parameter of another link."""
    assert spellings(link)[0] == CODE


def test_a_code_without_grammar_is_found_where_it_is_named() -> None:
    """By the parameter of the payment page, after the words before it, after a scanner's prefix."""
    assert spellings("http://x.vn/?mahoso=hs%2F2024-a15.7")[0] == "HS/2024-A15.7"
    assert spellings("mahoso=hs/2024-a15.7.")[0] == "HS/2024-A15.7"
    assert spellings("]C1hs/2024-a15.7")[0] == "HS/2024-A15.7"
    assert "HS/2024-A15.7" in spellings("mã hồ sơ: hs/2024-a15.7.")


def test_a_bracket_within_a_code_is_no_scanners_prefix() -> None:
    """A scanner sends it first."""
    assert spellings("[hs]A15/2024")[0] == "[HS]A15/2024"


def test_a_longer_code_is_not_cut() -> None:
    """A code of no grammar may begin or end like a national one."""
    assert CODE not in spellings(f"{CODE}-2")
    assert CODE not in spellings(f"{CODE}5678")
    assert spellings(f"{CODE}/BS")[0] == f"{CODE}/BS"
    assert "H27-240219-1001" not in spellings(f"hồ sơ {OLD} của tôi")


def test_each_of_several_codes_is_found() -> None:
    """In their order."""
    found = spellings(f"hồ sơ {CODE}, {OLD} và H27.37-240219-1002")
    places = [found.index(code) for code in (CODE, OLD, "H27.37-240219-1002")]
    assert places == sorted(places)


@pytest.mark.parametrize("typed", ["Hồ sơ", "?", "hồ sơ của tôi đâu", "Nguyễn Văn A", "Nguyễn Văn Tư", "mahoso="])
def test_a_text_without_a_digit_has_no_code(typed: str) -> None:
    """Nobody looks for it."""
    with pytest.raises(ValueError, match="at least one digit"):
        spellings(typed)


@pytest.mark.parametrize("code", [CODE, OLD, CODE.lower(), "h27 37 240219 1001", "HS/2024-A15.7", "hồ sơ: 7/2024.",
                                  "2024000123", "HS 2024 15", "HỒ-SƠ-1"])  # fmt: skip
def test_what_has_the_shape_of_a_code(code: str) -> None:
    """A national one, or words that each have a digit."""
    assert looks_like_a_code(code)


@pytest.mark.parametrize("text", ["", "?", "Hồ sơ", "Nguyễn Văn A 1990", "ANH NAM 0978362919", "nam1990@x.vn",
                                  "số 7/2024 (bổ sung)", "http://x.vn/?id=7"])  # fmt: skip
def test_what_has_no_shape_of_a_code(text: str) -> None:
    """A name with a number is none."""
    assert not looks_like_a_code(text)


@given(st.one_of(st.text(max_size=80), st.text("]C1%2hH7.- mahoso=mươi", max_size=60)))
def test_the_page_of_a_reading_is_its_own(typed: str) -> None:
    """The likeliest reading leads to an address, which is read again: that ends."""
    seen: list[str] = []
    with suppress(ValueError):
        while typed not in seen:
            seen.append(typed)
            typed = spellings(typed)[0]
    assert len(seen) < 20


@given(st.text(max_size=80))
def test_every_reading_is_a_code(typed: str) -> None:
    """Whatever is typed, what is looked for is spelt as the ledger spells."""
    try:
        found = spellings(typed)
    except ValueError:
        return
    assert all(normalize_code(code) == code for code in found)
    assert all(any(char.isdecimal() for char in code) for code in found)
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


@pytest.mark.parametrize(
    "page",
    [f"{'Kính gửi ông bà, ' * 400}{CODE} {'trân trọng ' * 400}", "H27" * 4000, "A12 1 1 1 1 1 " * 1000,
     "A12.1.1" * 1000, "hai mươi " * 2000, "%25" * 4000, "mahoso=" * 2000, f"A12{'1' * 100_000}", f"{CODE}\n" * 1000,
     " - " * 4000],
)  # fmt: skip
def test_a_pasted_page_is_read_at_once(page: str) -> None:
    """Its length is bounded, and the time grows with it only."""
    began = time.process_time()
    with suppress(ValueError):
        assert len(spellings(page)) < 1000
    assert time.process_time() - began < 1


def test_a_code_far_down_a_page_is_found() -> None:
    """Within the first 10,000 characters."""
    assert spellings(f"{'Kính gửi ông bà, ' * 500}{CODE}.")[0] == CODE
