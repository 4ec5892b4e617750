"""What people write in the chat, and what it is taken for."""

from __future__ import annotations

from random import Random
from unicodedata import normalize

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.text import unaccented
from producers.hooks.ask import Wish, names, read_ask, spells

CODE = "H27.37-240219-1001"
OLD = "000.00.37.H27-240219-1001"

SPELLINGS = [
    CODE,
    "h27.37-240219-1001",
    "H27.37-240219-1001.",
    "  h27.37 - 240219 - 1001 ",
    "H27 . 37 – 240219 — 1001",
    "H27.37\u2011240219\u20101001",
    "H27.37\u2212240219\u22121001",
    "H27.37\u00ad-240219-10\u200b01",
    "Ｈ２７．３７－２４０２１９－１００１",
    "H27.37 240219 1001",
    "H2737-240219-1001",
    "h27372402191001",
    "tra cứu H27.37-240219-1001",
    "TRACUU h27.37-240219-1001",
    "tracuu H27.37-240219-1001 matkhau",
    "Tra cuu ho so: h27.37-240219-1001.",
    "cho tôi hỏi hồ sơ H27.37-240219-1001 đến đâu rồi ạ?",
    "Hồ sơ của tôi H27.37-240219-1001",
    normalize("NFD", "Tra cứu hồ sơ H27.37-240219-1001 ạ"),
]


@pytest.mark.parametrize("text", SPELLINGS)
def test_a_code_is_found_however_it_is_spelt(text: str) -> None:
    """Lower case, blanks, other dashes, missing dots, a full stop, words around it."""
    ask = read_ask(text)
    assert ask.wish is Wish.DOSSIER
    assert names(ask, CODE)
    assert not names(ask, "H27.37-240219-1002")
    assert not names(ask, "H27.37-240219-100")


@pytest.mark.parametrize("text", [OLD, OLD.lower(), OLD.replace(".", " "), f"tra cứu {OLD}"])
def test_a_code_of_the_older_grammar_is_one_too(text: str) -> None:
    ask = read_ask(text)
    assert ask.wish is Wish.DOSSIER
    assert names(ask, OLD)


def test_a_code_without_grammar_is_asked_for_with_the_word() -> None:
    """A code is opaque text."""
    ask = read_ask("tra cứu hs/2024-a15.7")
    assert ask.wish is Wish.DOSSIER
    assert names(ask, "HS/2024-A15.7")


@pytest.mark.parametrize(
    ("text", "wish"),
    [
        ("dừng", Wish.OFF), ("DỪNG", Wish.OFF), ("Dung", Wish.OFF), ("dung.", Wish.OFF), ("stop", Wish.OFF),
        ("Dừng nhận tin", Wish.OFF), ("dung nhan tin", Wish.OFF), ("xin dừng gửi thông báo ạ", Wish.OFF),
        ("tôi muốn dừng nhận thông báo", Wish.OFF), ("Toi muon dung nhan tin", Wish.OFF), ("dừng lại đi", Wish.OFF),
        ("ngừng nhận tin", Wish.OFF), ("đừng gửi tin nữa", Wish.OFF), (normalize("NFD", "dừng"), Wish.OFF),
        ("Không muốn nhận tin nữa", Wish.OFF), ("khong muon nhan tin nua", Wish.OFF),
        ("Tôi không muốn nhận thông báo nữa ạ", Wish.OFF), ("mình ko cần nhận tin nhắn", Wish.OFF),
        ("không nhận tin nữa", Wish.OFF), ("Thôi không gửi tin nữa nhé", Wish.OFF),
        ("chị không có nhu cầu nhận tin", Wish.OFF), ("tôi không đồng ý nhận tin", Wish.OFF),
        ("tắt thông báo", Wish.OFF), ("TAT THONG BAO", Wish.OFF), ("Tắt tất cả thông báo giúp tôi", Wish.OFF),
        ("vui lòng tắt thông báo này", Wish.OFF), ("dừng tất cả thông báo", Wish.OFF),
        ("hủy đăng ký", Wish.OFF), ("huỷ đăng ký", Wish.OFF), ("huy dang ki", Wish.OFF), ("HUỶ ĐĂNG KÍ", Wish.OFF),
        ("Hủy đăng ký nhận tin", Wish.OFF), ("hủy nhận thông báo", Wish.OFF), ("bỏ theo dõi", Wish.OFF),
        ("từ chối nhận tin", Wish.OFF), ("tu choi nhan tin", Wish.OFF), ("Tôi từ chối nhận thông báo", Wish.OFF),
        ("từ chối nhận", Wish.OFF), ("unsubscribe", Wish.OFF), ("UNSUBSCRIBE", Wish.OFF), ("opt out", Wish.OFF),
        ("chặn tin nhắn", Wish.OFF), ("đừng làm phiền nữa", Wish.OFF), (normalize("NFD", "tắt thông báo"), Wish.OFF),
        ("tắt\u200b thông\u00a0báo", Wish.OFF),
        ("tiếp tục", Wish.ON), ("TIEP TUC", Wish.ON), ("tieptuc", Wish.ON), ("Tiếp tục nhận tin!", Wish.ON),
        ("cho tôi tiếp tục nhận thông báo", Wish.ON),
        ("hồ sơ của tôi", Wish.MINE), ("Ho so cua toi", Wish.MINE), ("tra cứu hồ sơ của tôi", Wish.MINE),
        ("hồ sơ tôi đến đâu rồi", Wish.MINE), ("Hồ sơ của tôi bị dừng à?", Wish.MINE),
        ("trợ giúp", Wish.HELP), ("Tro giup", Wish.HELP), ("HELP", Wish.HELP), ("hướng dẫn", Wish.HELP),
        # what only looks like a wish
        ("đúng", Wish.OTHER), ("dùng Zalo thế nào", Wish.OTHER), ("toi dung", Wish.OTHER), ("dung roi", Wish.OTHER),
        ("đừng", Wish.OTHER), ("dừng xử lý hồ sơ này", Wish.OTHER), ("đừng dừng gửi tin", Wish.OTHER),
        ("tiếp tục xử lý giúp tôi", Wish.OTHER), ("hồ sơ nộp 2 ngày rồi", Wish.OTHER),
        ("không muốn dừng", Wish.OTHER), ("khong muon dung", Wish.OTHER), ("Không muốn dừng nhận tin", Wish.OTHER),
        ("không muốn tắt thông báo", Wish.OTHER), ("đừng tắt thông báo", Wish.OTHER),
        ("dung tat thong bao", Wish.OTHER),
        ("đừng hủy đăng ký", Wish.OTHER), ("không từ chối nhận tin", Wish.OTHER), ("không hủy đăng ký", Wish.OTHER),
        ("dừng à?", Wish.OTHER), ("dừng nhận tin à", Wish.OTHER), ("dừng được không", Wish.OTHER),
        ("làm sao để tắt thông báo", Wish.OTHER), ("tắt thông báo như thế nào?", Wish.OTHER),
        ("hủy đăng ký ở đâu?", Wish.OTHER), ("sao không gửi thông báo nữa", Wish.OTHER),
        ("không gửi thông báo cho tôi à", Wish.OTHER), ("không nhận được tin nữa", Wish.OTHER),
        ("không nhận được thông báo", Wish.OTHER), ("tất cả thông báo", Wish.OTHER), ("tat ca thong bao", Wish.OTHER),
        ("hủy đăng ký kinh doanh", Wish.OTHER), ("từ chối tiếp nhận", Wish.OTHER), ("từ chối", Wish.OTHER),
        ("hủy thanh toán", Wish.OTHER), ("không cần nữa", Wish.OTHER),
        ("không muốn nộp phí", Wish.OTHER), ("muốn nhận tin", Wish.OTHER),
        ("Cảm ơn", Wish.OTHER), ("0978362918", Wish.OTHER), ("", Wish.OTHER), ("?", Wish.OTHER),
    ],
)  # fmt: skip
def test_a_wish_is_known_by_its_words(text: str, wish: Wish) -> None:
    """What switches something is read strictly, what only asks generously."""
    assert read_ask(text).wish is wish


@given(st.text(max_size=300))
@example("H" * 300)
@example("H27" + " " * 300)
@example("H27." + "1 " * 150)
@example("\ud800")
def test_whatever_is_written_has_one_meaning_and_raises_nothing(text: str) -> None:
    ask = read_ask(text)
    assert ask.wish in Wish
    names(ask, CODE)


@given(
    st.from_regex(r"[A-Z][0-9]{2}(\.[0-9]{2}){0,3}-[0-9]{6}-[0-9]{4,7}", fullmatch=True),
    st.sampled_from(["-", " - ", "–", " — ", "\u2011", " "]),
    st.booleans(),
    st.sampled_from(["", "tra cứu ", "Tracuu: ", "cho hỏi hs "]),
    st.sampled_from(["", ".", " ạ", " ?"]),
)
def test_any_code_survives_the_usual_ways_of_typing(code: str, dash: str, lower: bool, lead: str, tail: str) -> None:
    typed = code.replace("-", dash)
    ask = read_ask(lead + (typed.lower() if lower else typed) + tail)
    assert ask.wish is Wish.DOSSIER
    assert names(ask, code)


@given(
    st.sampled_from(["không muốn nhận tin nữa", "tắt thông báo", "hủy đăng ký", "từ chối nhận tin", "unsubscribe"]),
    st.sampled_from(["", "xin ", "tôi ", "vui lòng ", "cho em "]),
    st.sampled_from(["", " ạ", " nhé", " đi", "!", "."]),
)
def test_every_word_for_off_is_one_with_and_without_politeness(phrase: str, lead: str, tail: str) -> None:
    for typed in (lead + phrase + tail, unaccented(lead + phrase + tail), (lead + phrase + tail).upper()):
        assert read_ask(typed).wish is Wish.OFF
    assert read_ask(f"{lead}{phrase} à?").wish is not Wish.OFF


@given(st.sampled_from(["dừng", "dừng nhận tin", "tiếp tục", "hồ sơ của tôi", "trợ giúp"]), st.randoms())
def test_case_accents_and_blanks_change_no_wish(text: str, chance: Random) -> None:
    shaken = "".join(char.upper() if chance.random() < 0.5 else char for char in text)
    wish = read_ask(text).wish
    for typed in (shaken, unaccented(shaken), f"  {shaken} !", normalize("NFD", shaken)):
        assert read_ask(typed).wish is wish


@pytest.mark.parametrize("text", ["không", "Khong", "Không phải tôi", "no", "KHÔNG PHẢI!", "ko"])
def test_a_bare_no_is_an_answer(text: str) -> None:
    assert read_ask(text).wish is Wish.NO


@pytest.mark.parametrize("text", ["không hiểu", "không nhận được hồ sơ", "no problem at all"])
def test_a_no_among_other_words_is_none(text: str) -> None:
    assert read_ask(text).wish is not Wish.NO


@pytest.mark.parametrize("text", ["012345", "012 345", "Mã 012345", "mã xác nhận: 012345.", "OTP 012345"])
def test_six_digits_are_a_one_time_code(text: str) -> None:
    assert read_ask(text).wish is Wish.CODE


@pytest.mark.parametrize(("text", "spelt"), [(CODE, True), (f"hồ sơ {CODE} ạ", True), (f"{CODE} {CODE[:-1]}2", False)])
def test_a_list_of_codes_spells_none(text: str, spelt: bool) -> None:
    assert spells(read_ask(text), CODE) is spelt
