"""A template edited badly is refused, with the line that has to be mended."""

from __future__ import annotations

from dataclasses import replace
from unicodedata import normalize

import pytest

from config.settings import ROOT
from domain.form_proofreading import form_faults
from domain.kinds import KINDS
from domain.letters import Letters
from domain.proofreading import FaultWord, TextLimits, message_faults, variants
from domain.template_source import (
    SHIPPED_FILE,
    TemplateSource,
    shipped_file,
    shipped_sources,
    source_of_files,
)

TEMPLATES = ROOT / "templates"
SHIPPED = shipped_sources(TEMPLATES)
LETTERS = Letters(TEMPLATES)
_LIMITS = TextLimits()


def found(message: str, kind: str = "accepted", limits: TextLimits = _LIMITS) -> list[tuple[FaultWord, int]]:
    """The faults of a message, with their lines."""
    shipped, sample = SHIPPED[kind], LETTERS.sample(kind)
    return [
        (fault.word, fault.line) for fault in message_faults(kind, TemplateSource(message), shipped, sample, limits)
    ]


def found_in_form(form: str | None, kind: str = "fee_requested") -> list[tuple[FaultWord, int]]:
    """The faults of a form, with their lines."""
    source = replace(SHIPPED[kind], form=form)
    return [(fault.word, fault.line) for fault in form_faults(kind, source, SHIPPED[kind], LETTERS.sample(kind))]


def test_the_shipped_templates_are_the_files_byte_for_byte() -> None:
    """Who changes a file of the release runs `make shipped`; a province still has the words as they came."""
    files = {kind.name: source_of_files(TEMPLATES, kind.name) for kind in KINDS}
    assert files == SHIPPED
    in_order = {kind: files[kind] for kind in sorted(files)}
    assert (TEMPLATES / SHIPPED_FILE).read_text("utf-8") == shipped_file(in_order)


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS])
def test_what_is_shipped_has_no_fault(kind: str) -> None:
    """In all its variants."""
    shipped, sample = SHIPPED[kind], LETTERS.sample(kind)
    assert message_faults(kind, shipped, shipped, sample, TextLimits()) == []
    assert form_faults(kind, shipped, shipped, sample) == []


def test_a_kind_is_tried_without_each_fact_that_it_can_do_without() -> None:
    """An acceptance without an appointment is told (R21); a new appointment without one is not."""
    assert any(
        facts.appointment is None for facts in variants("accepted", SHIPPED["accepted"], LETTERS.sample("accepted"))
    )
    kind = "appointment_changed"
    assert all(facts.appointment is not None for facts in variants(kind, SHIPPED[kind], LETTERS.sample(kind)))


@pytest.mark.parametrize(
    ("message", "word", "line"),
    [
        ("Hồ sơ {{ code }}\n{% if appointment %} hẹn", FaultWord.SYNTAX, 2),
        ("Hồ sơ {{ code }}\nGửi {{ name }}", FaultWord.UNKNOWN, 2),
        ("{{ code }}\n" + "a" * 1000 + "\n" + "b" * 1000, FaultWord.TOO_LONG, 3),
        ("\nHồ sơ đã được tiếp nhận", FaultWord.LACKS, 1),
        ("{% if appointment %}{{ code }}{% endif %} xong", FaultWord.LACKS, 1),
        ("{{ code }}\n{% include 'x' %}", FaultWord.CONSTRUCT, 2),
        ("{% if code %}" * 120 + "{{ code }}" + "{% endif %}" * 120, FaultWord.NESTED, 1),
        ("{{ " + "(" * 5000 + "code" + ")" * 5000 + " }}", FaultWord.NESTED, 1),
        ("{{ code }}\n\n{{ 'a' * 999999999 }}", FaultWord.CONSTRUCT, 3),
        ("{{ code|upper }}", FaultWord.CONSTRUCT, 1),
        ("{{ code }}\nHẹn {{ appointment }}", FaultWord.NOT_ALWAYS, 2),
        ("{{ code }}\n\nxem www.lua-dao.com", FaultWord.LINK, 3),
        ("{{ code }}\n" + normalize("NFD", "Hồ sơ"), FaultWord.NOT_COMPOSED, 2),
        ("{{ code }}\nđã\u200bxong", FaultWord.CHARACTER, 2),
        ("{{ code }}\n" + "a" * 20_000, FaultWord.TOO_LONG, 2),
    ],
)
def test_a_bad_message_is_refused_with_its_line(message: str, word: FaultWord, line: int) -> None:
    """One fault, where it is."""
    assert found(message) == [(word, line)]


def test_a_card_has_its_own_limits_and_an_sms_its_segments() -> None:
    """The request for the phone is shown as a card of Zalo."""
    assert found("a" * 101 + "\nb", "phone_request") == [(FaultWord.TITLE, 1)]
    assert found("a\nb\n" + "c" * 499, "phone_request") == [(FaultWord.SUBTITLE, 3)]
    assert found("a", "phone_request") == [(FaultWord.SUBTITLE, 1)]
    assert found("{{ code }}\n" + "a" * 460, limits=TextLimits(segments=3)) == [(FaultWord.SEGMENTS, 2)]


@pytest.mark.parametrize(
    ("form", "faults"),
    [
        (None, [(FaultWord.FORM_MISSING, 1)]),
        ("[[params]]\nname = ", [(FaultWord.FORM_SYNTAX, 2)]),
        ("[[params]]\nname='a'\nfact='code'\nlongest=30\n\n[[params]]\nname='b'", [(FaultWord.FORM_SYNTAX, 6)]),
        (
            "[[params]]\nname='a'\nfact='code'\nlongest=3\n[button]\ntitle='x'\nlink='<z>'",
            [(FaultWord.FORM_SHORT, 1), (FaultWord.FORM_LACKS, 7), (FaultWord.FORM_BUTTON, 5)],
        ),
        (
            "".join(
                f"[[params]]\nname='{fact}'\nfact='{fact}'\nlongest=50\n"
                for fact in ("code", "amount", "phone", "deadline")
            ),
            [(FaultWord.FORM_UNKNOWN, 9), (FaultWord.FORM_NO_VALUE, 13)],
        ),
    ],
)
def test_a_bad_form_is_refused_with_its_line(form: str | None, faults: list[tuple[FaultWord, int]]) -> None:
    """The parameters of the approved template are proofread with the same samples."""
    assert found_in_form(form) == faults
