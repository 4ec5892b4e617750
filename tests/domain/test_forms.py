"""The data of approved templates: strings, measured after NFC, never a fact in a fault."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from unicodedata import normalize

import pytest

from config.settings import ROOT
from domain.clock import VIETNAM
from domain.forms import FormError, Forms, read_form
from domain.kinds import KINDS, OF_DOSSIERS
from domain.letters import Facts, Letters
from domain.template_source import source_of_files

TEMPLATES = ROOT / "templates"
IDS = {kind.name: str(330 + place) for place, kind in enumerate(KINDS) if kind.name in OF_DOSSIERS}
CODE = "H27.37-240219-1001"


@pytest.fixture
def forms() -> Forms:
    """The forms of the product."""
    return Forms(lambda kind: read_form(kind, source_of_files(TEMPLATES, kind).form), IDS)


def filled_from(toml: str, facts: Facts) -> Mapping[str, str]:
    """The parameters by a form of this source."""
    return Forms(lambda kind: read_form(kind, toml), {"accepted": "1"}).fill("accepted", facts).data


@pytest.mark.parametrize("kind", IDS)
def test_every_kind_can_be_filled_in(forms: Forms, kind: str) -> None:
    """Its sample fits its template; every value is a string within its limit."""
    filled = forms.fill(kind, Letters(TEMPLATES).sample(kind))
    assert filled.template_id == IDS[kind]
    for param in forms.form(kind).params:
        assert 0 < len(filled.data[param.name]) <= param.longest


def test_the_facts_read_as_in_the_text(forms: Forms) -> None:
    """Money and time as people read them; a dossier without an appointment says so."""
    at = datetime(2024, 2, 26, 14, 30, tzinfo=VIETNAM)
    assert forms.fill("accepted", Facts(CODE, appointment=at)).data == {
        "ma_ho_so": CODE,
        "ngay_hen_tra": "sau 14 giờ 30 phút, ngày 26/02/2024",
    }
    assert forms.fill("accepted", Facts(CODE)).data["ngay_hen_tra"] == "chưa ấn định"
    assert forms.fill("fee_requested", Facts(CODE, amount=3_000_000_000)).data["so_tien"] == "3.000.000.000"


def test_a_fee_has_a_button_and_no_link_in_its_data(forms: Forms) -> None:
    """Zalo allows no link in the words; the button is a part of the registered template."""
    button = forms.form("fee_requested").button
    assert button is not None
    assert button.link == "?mahoso=<ma_ho_so>"
    facts = Facts(CODE, amount=1, payment_link="https://x/")
    assert "http" not in str(forms.fill("fee_requested", facts).data)


def test_a_value_is_measured_in_code_points_after_composing() -> None:
    """A decomposed text is longer and would be refused with -1121."""
    toml = '[[params]]\nname = "ma"\nfact = "code"\nlongest = 5\n'
    assert filled_from(toml, Facts(normalize("NFD", "Hồ sơ"))) == {"ma": "Hồ sơ"}
    with pytest.raises(FormError, match="ma has 6 characters, above 5") as caught:
        filled_from(toml, Facts("SECRET"))
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "facts", "fault"),
    [
        ("fee_requested", Facts(CODE), "nothing to put in for so_tien"),
        ("fee_requested", Facts(CODE, amount=-1), "whole number"),
        ("no_such_kind", Facts(CODE), "no approved template is set"),
    ],
)
def test_what_cannot_be_filled_in_is_a_sentence(forms: Forms, kind: str, facts: Facts, fault: str) -> None:
    """The kind and the parameter are named."""
    with pytest.raises(FormError, match=fault):
        forms.fill(kind, facts)


_BROKEN = [
    "", "params = 1", "[[params]]\nname='x'", "[button]\nx=1\n[[params]]\n", "\x00", None,
    "[[params]]\nname='x'\nfact='code'\nlongest='9'",
]  # fmt: skip


@pytest.mark.parametrize("toml", _BROKEN)
def test_a_broken_form_is_a_fault_of_its_kind(toml: str | None) -> None:
    """Not a traceback in the middle of a batch."""
    with pytest.raises(FormError, match="accepted"):
        Forms(lambda kind: read_form(kind, toml), {"accepted": "1"}).fill("accepted", Facts(CODE))
