"""The payment link: the province's page or nowhere."""

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.link import check_payment_base, payment_link

HOST = "dichvucong.hatinh.gov.vn"
HOSTS = [HOST]
BASE = "https://dichvucong.hatinh.gov.vn/portaldvc/KenhTin/thanh-toan-new.aspx"


def test_r22_the_link_is_the_one_of_the_seed() -> None:
    """Lower-case mahoso, and nothing in the code needs encoding (R22)."""
    assert payment_link(BASE, "H27.37-240219-1001", HOSTS) == (
        "https://dichvucong.hatinh.gov.vn/portaldvc/KenhTin/thanh-toan-new.aspx?mahoso=H27.37-240219-1001"
    )


def test_a_base_with_a_query_keeps_it() -> None:
    """The code joins with '&' where a question mark is already there."""
    assert payment_link(f"{BASE}?kenh=zalo", "H27-1", HOSTS) == f"{BASE}?kenh=zalo&mahoso=H27-1"


def test_r22_unexpected_characters_of_a_code_are_encoded() -> None:
    """A code is opaque text and must not become a second parameter or another page."""
    assert payment_link(BASE, "A/B&C=1#2 Đ", HOSTS) == f"{BASE}?mahoso=A%2FB%26C%3D1%232%20%C4%90"


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50))
def test_the_page_reads_back_exactly_the_code(code: str) -> None:
    """Whatever the code, the link stays on the page and carries it whole, in plain ASCII."""
    link = payment_link(BASE, code, HOSTS)
    parts = urlsplit(link)
    assert (parts.scheme, parts.netloc, parts.fragment) == ("https", HOST, "")
    assert parse_qs(parts.query, keep_blank_values=True) == {"mahoso": [code]}
    assert link.isascii()


@pytest.mark.parametrize(
    "base",
    [
        "https://thanhtoan.example/thanh-toan.aspx",
        "https://dichvucong.hatinh.gov.vn.example/thanh-toan.aspx",
        "https://dichvucong-hatinh.gov.vn/thanh-toan.aspx",
    ],
)
def test_r22_a_foreign_host_is_refused(base: str) -> None:
    """A wrong setting must not send people's money elsewhere (R22)."""
    with pytest.raises(ValueError, match="máy chủ lạ"):
        check_payment_base(base, HOSTS)
    with pytest.raises(ValueError, match="máy chủ lạ"):
        payment_link(base, "H27-1", HOSTS)


@pytest.mark.parametrize(
    "base",
    [
        "",
        "http://dichvucong.hatinh.gov.vn/thanh-toan.aspx",
        "//dichvucong.hatinh.gov.vn/thanh-toan.aspx",
        "https://dichvucong.hatinh.gov.vn@thanhtoan.example/",
        "https://user:secret@dichvucong.hatinh.gov.vn/",
        "https://thanhtoan.example\\@dichvucong.hatinh.gov.vn/",
        "https://dichvucong.hatinh.gov.vn/thanh-toan.aspx#top",
        "https://dichvucong.hatinh.gov.vn/thanh toan.aspx",
        "https://dichvucong.hatinh.gov.vn/thanh-toan.aspx\n",
        "javascript:alert(1)",
    ],
)
def test_a_base_that_is_not_a_plain_https_page_is_refused(base: str) -> None:
    """What two programs could read as two hosts is not read at all."""
    with pytest.raises(ValueError, match="https://máy-chủ/trang"):
        check_payment_base(base, HOSTS)


def test_a_base_that_already_names_the_parameter_is_refused() -> None:
    """Two mahoso in one link: the page would read the empty one."""
    with pytest.raises(ValueError, match="không được có sẵn mahoso="):
        check_payment_base(f"{BASE}?mahoso=", HOSTS)


def test_hosts_are_compared_without_case() -> None:
    """DNS does not know case."""
    check_payment_base("https://DichVuCong.HaTinh.gov.vn/x", HOSTS)
    check_payment_base("https://dichvucong.hatinh.gov.vn:443/x", ["DICHVUCONG.hatinh.gov.vn"])
