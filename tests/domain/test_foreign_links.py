"""No text leaves with a link but our payment link."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from publicsuffixlist import PublicSuffixList

from domain.foreign_links import has_foreign_link, top_level_domains
from domain.kinds import KINDS
from domain.letters import Facts, Letters
from domain.wording import LetterError
from worker.services.shared import TEMPLATES

OWN = "https://dichvucong.hatinh.gov.vn/portaldvc/KenhTin/thanh-toan-new.aspx?mahoso=H27.37-240219-1001"


@pytest.mark.parametrize(
    "said",
    [
        "https://thanhtoan.example/",
        "HTTPS://THANHTOAN.EXAMPLE",
        "ftp://x",
        "zalo://open",
        "www.hatinh",
        "WWW.hatinh",
        "wWw.hatinh",
        "mailto:ai-do@hatinh",
        "javascript:alert(1)",
        "dichvucong.hatinh.gov.vn",
        "lua-dao.com",
        "LUA-DAO.COM",
        "lừađảo.vn",
        "xem lua-dao.com, rồi nộp",
        "lua-dao.com.",
        "lua-dao.com/nop-phi",
        "lua-dao.com:8080",
        "ai@lua-dao.xyz",
        "H27.37-240219-1001.vn",
        "lua-dao\u3002com",
        "lua-dao\uff0ecom",
        "lua\u200b-dao.\u200bcom",
        "lua-dao.c\u00adom",
        "http:\u200b//x",
        "bit.ly/abc",
        "t.me",
        "zalo.me/4024926008133882615",
        "xn--la-eta.xn--p1ai",
        "дом.рф",
        "nop-phi.online",
        "2024.top",
    ],
)
def test_what_a_phone_makes_a_link_of_is_foreign(said: str) -> None:
    """A scheme, www., or a host name under a public top-level domain, however it is hidden."""
    assert has_foreign_link(said, None)
    assert has_foreign_link(f"Hồ sơ {said} đã được tiếp nhận\nXem: {OWN}", OWN)


@pytest.mark.parametrize(
    "said",
    [
        "TP.Hà Tĩnh",
        "TP.HCM",
        "TP.Vinh",
        "TX.Kỳ Anh",
        "P.Hưng Dũng",
        "Q.1",
        "v.v.",
        "V.v...",
        "QĐ-UBND",
        "15/2024/QĐ.UBND",
        "000.00.01.H27-240101-0001",
        "000.00.37.H27",
        "H27.37-240219-1001",
        "H27.37.12.5A-251231-12345",
        "G09.20-20260609-0092637",
        "HS.VN-240219-1001",
        "H27.COM-240219-1001",
        "1.000.000.",
        "1.000.000 đ",
        "lúc 09:09, ngày 26/02/2024",
        "hồ sơ: H27-1",
        "Số tiền: 1.000.000.\nVui lòng thanh toán",
        "đã xong.Vui lòng",
        "Th.S Nguyễn",
        "a.b.c",
        "....vn",
        ". vn",
        "tệp don.pdf",
        "địa chỉ: số 1/2",
        "ww.",
    ],
)
def test_vietnamese_words_and_codes_are_no_links(said: str) -> None:
    """Dots stand in abbreviations, amounts, units and codes."""
    assert not has_foreign_link(said, None)


def test_our_payment_link_is_none_and_another_page_of_its_host_is_one() -> None:
    """Only the very link of this dossier."""
    assert not has_foreign_link(f"Vui lòng thanh toán tại địa chỉ: {OWN}", OWN)
    assert has_foreign_link(f"Vui lòng thanh toán tại địa chỉ: {OWN}", None)
    assert has_foreign_link(f"{OWN}\nhttps://dichvucong.hatinh.gov.vn/", OWN)
    assert has_foreign_link(OWN.replace("1001", "1002"), OWN)


def test_the_list_has_all_kinds_of_top_level_domains() -> None:
    """Countries, generic ones, those with wildcards only, and those of other scripts in both spellings."""
    found = top_level_domains()
    assert found >= {"vn", "com", "gov", "online", "zip", "ck", "рф", "xn--p1ai", "香港", "xn--j6w193g"}
    assert not found & {"", "h27", "hà", "hcm", "local", "example", "test", "github", "pdf"}
    assert len(found) > 1400
    assert all(PublicSuffixList(accept_unknown=False).publicsuffix(f"a.{domain}") for domain in ("vn", "ck", "香港"))


@given(st.text(max_size=200))
def test_whatever_stands_there_is_judged(said: str) -> None:
    """Never raises."""
    assert has_foreign_link(said, OWN) in (True, False)


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS])
def test_every_kind_has_words_without_foreign_links(kind: str) -> None:
    """The shipped templates, with their samples."""
    letters = Letters(TEMPLATES)
    assert letters.text(kind, letters.sample(kind))


def test_a_code_that_is_a_link_makes_no_text_and_is_not_told_in_the_fault() -> None:
    """The source is another program's: what it calls a code is told to nobody then."""
    letters = Letters(TEMPLATES)
    with pytest.raises(LetterError, match="a link or a host name that is not our payment link") as caught:
        letters.text("accepted", Facts("LUA-DAO.COM/NOP", place="tỉnh Hà Tĩnh"))
    assert "LUA-DAO" not in str(caught.value)
    with pytest.raises(LetterError):
        letters.text("accepted", Facts("H27-1", place="www.hatinh"))
