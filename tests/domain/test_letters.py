"""The words: the seed's three texts byte for byte, and nothing in them but the facts."""

import json
import traceback
import unicodedata
from dataclasses import fields, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import Settings
from domain.clock import appointment
from domain.dossier import Reason
from domain.kinds import KINDS, OF_DOSSIERS
from domain.letters import REASONS, Facts, Letters
from domain.money import dong
from domain.story import Digest, Step, Story
from domain.wording import LetterError

TEMPLATES = Path(__file__).parents[2] / "templates"
LETTERS = Letters(TEMPLATES)

CODE = "H27.37-240219-1001"
LINK = f"https://dichvucong.hatinh.gov.vn/portaldvc/KenhTin/thanh-toan-new.aspx?mahoso={CODE}"
APPOINTMENT = datetime(2024, 2, 26, 9, 9, tzinfo=timezone(timedelta(hours=7)))

G_FEE = (
    "Hệ thống giải quyết TTHC tỉnh Hà Tĩnh yêu cầu thu phí hồ sơ: H27.37-240219-1001.\n"
    "Số tiền: 1.000.000.\n"
    "Vui lòng thanh toán tại địa chỉ: "
    "https://dichvucong.hatinh.gov.vn/portaldvc/KenhTin/thanh-toan-new.aspx?mahoso=H27.37-240219-1001"
)
G_ACC = (
    "Hệ thống giải quyết TTHC tỉnh Hà Tĩnh đã tiếp nhận hồ sơ H27.37-240219-1001. "
    "Ngày hẹn trả: sau 9 giờ 9 phút, ngày 26/02/2024"
)
G_ACC_BARE = "Hệ thống giải quyết TTHC tỉnh Hà Tĩnh đã tiếp nhận hồ sơ H27.37-240219-1001."
G_DONE = "Hệ thống giải quyết TTHC tỉnh Hà Tĩnh thông báo hồ sơ: H27.37-240219-1001 đã giải quyết xong."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a sound template and sample of every kind."""
    for kind in KINDS:
        write(tmp_path, kind.name, "Hồ sơ {{ code }}", {"code": "H27-1"})
    return tmp_path


def write(folder: Path, kind: str, words: str, sample: object) -> None:
    """Put the two files of a kind where `Letters` looks for them."""
    (folder / kind).mkdir(exist_ok=True)
    (folder / kind / "message.txt.j2").write_text(words, "utf-8")
    (folder / kind / "sample.json").write_text(json.dumps(sample), "utf-8")


@pytest.mark.parametrize(
    ("kind", "facts", "text", "length"),
    [
        ("fee_requested", Facts(CODE, amount=1_000_000, payment_link=LINK), G_FEE, 230),
        ("accepted", Facts(CODE, appointment=APPOINTMENT), G_ACC, 124),
        ("result_ready", Facts(CODE), G_DONE, 93),
    ],
)
def test_a_text_is_the_seeds_byte_for_byte(kind: str, facts: Facts, text: str, length: int) -> None:
    """R16, R17, R18: colons, stops and the missing stop after the link included."""
    assert LETTERS.text(kind, facts).encode() == text.encode()
    assert len(text) == length


@pytest.mark.parametrize(("kind", "text"), [("fee_requested", G_FEE), ("accepted", G_ACC), ("result_ready", G_DONE)])
def test_the_sample_of_a_kind_is_the_seeds_example(kind: str, text: str) -> None:
    """What `preview` shows is what the guide shows."""
    assert LETTERS.text(kind, LETTERS.sample(kind)) == text


def test_r21_without_an_appointment_the_acceptance_ends_after_the_code() -> None:
    """No 'None', no dangling 'Ngày hẹn trả:' (R21)."""
    assert LETTERS.text("accepted", Facts(CODE)) == G_ACC_BARE


OFFICIAL = "Hệ thống giải quyết TTHC tỉnh Hà Tĩnh "


@pytest.mark.parametrize("kind", OF_DOSSIERS)
def test_every_text_speaks_like_the_seed(kind: str) -> None:
    """The same sender, the code, no exclamation, well under the limit, and no end of line left over."""
    text = LETTERS.text(kind, LETTERS.sample(kind))
    assert text.startswith(OFFICIAL)
    assert CODE in text
    assert "!" not in text
    assert len(text) < 500
    assert text == text.strip()


@pytest.mark.parametrize(
    ("kind", "facts", "end"),
    [
        ("supplement_required", Facts(CODE), f"hồ sơ: {CODE}."),
        (
            "supplement_required",
            Facts(CODE, deadline=APPOINTMENT),
            "\nHạn bổ sung: trước 9 giờ 9 phút, ngày 26/02/2024",
        ),
        ("refused", Facts(CODE), f"hồ sơ: {CODE} không được tiếp nhận."),
        ("refused", Facts(CODE, reason=Reason.NOT_ELIGIBLE), "\nLý do: chưa đủ điều kiện theo quy định."),
        ("resumed", Facts(CODE), f"hồ sơ: {CODE} được tiếp tục xử lý."),
        ("resumed", Facts(CODE, appointment=APPOINTMENT), "Ngày hẹn trả: sau 9 giờ 9 phút, ngày 26/02/2024"),
    ],
)
def test_a_fact_that_a_source_lacks_leaves_no_gap(kind: str, facts: Facts, end: str) -> None:
    """As R21 for the optional kinds; times are written as R20 writes them."""
    text = LETTERS.text(kind, facts)
    assert text.endswith(end)
    assert "None" not in text


@pytest.mark.parametrize("kind", ["appointment_changed", "apology"])
def test_a_new_date_is_never_told_without_a_date(kind: str) -> None:
    """There is nothing else to say."""
    with pytest.raises(LetterError, match="nothing to put in for: appointment"):
        LETTERS.text(kind, Facts(CODE))


def test_every_class_of_reason_has_words() -> None:
    """A reason that a mapping may name can be told."""
    for reason in Reason:
        assert REASONS[reason] in LETTERS.text("refused", Facts(CODE, reason=reason))


def test_every_kind_has_sound_words() -> None:
    """The folder that we ship has no fault."""
    assert LETTERS.check() == []


def test_a_decomposed_code_comes_out_composed() -> None:
    """What a Mac typed into the source reads like the rest of the text (R25)."""
    text = LETTERS.text("result_ready", Facts(unicodedata.normalize("NFD", "HỒ-1")))
    assert text == G_DONE.replace(CODE, "HỒ-1")
    assert unicodedata.is_normalized("NFC", text)


words = st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=50)
moments = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1)).map(  # noqa: DTZ001 (zone below)
    lambda local: local.replace(tzinfo=APPOINTMENT.tzinfo)
)


@given(code=words, amount=st.integers(1, 10**12), moment=st.none() | moments, link=words)
def test_a_text_holds_the_seeds_words_and_the_facts_and_nothing_else(
    code: str, amount: int, moment: datetime | None, link: str
) -> None:
    """R23: take the facts out of a text and what remains is the template's words, whatever the facts were.

    Template marks, HTML and braces inside a fact are shown, never obeyed.
    """
    facts = Facts(code, amount, moment, link)
    done = "Hệ thống giải quyết TTHC tỉnh Hà Tĩnh thông báo hồ sơ: " + code + " đã giải quyết xong."
    fee = (
        f"Hệ thống giải quyết TTHC tỉnh Hà Tĩnh yêu cầu thu phí hồ sơ: {code}.\nSố tiền: {dong(amount)}.\n"
        f"Vui lòng thanh toán tại địa chỉ: {link}"
    )
    taken = f"Hệ thống giải quyết TTHC tỉnh Hà Tĩnh đã tiếp nhận hồ sơ {code}." + (
        f" Ngày hẹn trả: {appointment(moment)}" if moment else ""
    )
    for kind, text in {"result_ready": done, "fee_requested": fee, "accepted": taken}.items():
        assert LETTERS.text(kind, facts) == unicodedata.normalize("NFC", text)


def test_each_oa_speaks_for_its_own_place() -> None:
    """The words of every kind are the same; only whose they are is the OA's (HCC_PLACE)."""
    assert Settings.model_fields["place"].default == Facts(CODE).place
    for kind in (kind.name for kind in KINDS):
        ours, theirs = LETTERS.sample(kind), replace(LETTERS.sample(kind), place="tỉnh Nghệ An")
        assert LETTERS.text(kind, theirs) == LETTERS.text(kind, ours).replace("tỉnh Hà Tĩnh", "tỉnh Nghệ An")
        assert "Hà Tĩnh" not in LETTERS.text(kind, theirs)


def test_the_facts_have_no_room_for_a_person() -> None:
    """R23: what a text is not given it cannot tell; another fact is a decision, not a detail."""
    assert [fact.name for fact in fields(Facts)] == [
        *("code", "amount", "appointment", "payment_link"),
        *("deadline", "reason"),  # the reason is one of a closed set of words
        *(
            "stories",
            "digest",
            "alarm",
        ),  # what the chat tells: kinds, times, amounts and numbers, causes of a closed list
        "one_time_code",  # stars in every text that is kept
        "place",  # whose system speaks: the OA's, the same for everybody
        "by_post",  # yes or no
        "trial",  # a template's sample, for staff: made of fictitious facts
    ]
    assert [fact.name for fact in (*fields(Story), *fields(Step))] == ["code", "steps", "kind", "at", "amount"]
    assert [fact.name for fact in fields(Digest)] == ["unit", "since", "until", "tallies", "name"]  # of the unit


@pytest.mark.parametrize("mark", ["{{ 7 * 7 }}", "{% raw %}", "<b>&amp;</b>"])
def test_marks_inside_a_fact_are_shown_as_they_are(mark: str) -> None:
    """A code is text, not a template and not HTML."""
    assert LETTERS.text("result_ready", Facts(mark)) == G_DONE.replace(CODE, mark)


def test_a_missing_fact_is_named_with_its_kind_and_file() -> None:
    """The sentence says what to mend, and shows no value."""
    with pytest.raises(LetterError) as caught:
        LETTERS.text("fee_requested", Facts("H27-SECRET"))
    assert str(caught.value) == (
        "fee_requested: templates/fee_requested/message.txt.j2: nothing to put in for: amount, url"
    )


def test_an_absent_appointment_is_never_printed_as_none(folder: Path) -> None:
    """A template that forgets to ask fails at its desk, not on a citizen's phone (R21)."""
    write(folder, "accepted", "Ngày hẹn trả: {{ appointment }}", {"code": "H27-1"})
    with pytest.raises(LetterError, match="nothing to put in for: appointment"):
        Letters(folder).text("accepted", Facts("H27-1"))


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ("{{ name }}", "nothing to put in for: name"),
        ("{{ code.owner.phone }}", "nothing to put in for: part of a variable"),
        ("{{ code + 1 }}", "cannot be rendered"),
        ("{{ code.__class__.__mro__ }}", "cannot be rendered"),
        ("{{ lipsum() }}", "nothing to put in for: lipsum"),
        ("{% if code %}", "the template cannot be read"),
        ("{% include 'result_ready/message.txt.j2' %}", "must not include another"),
    ],
)
def test_a_fault_in_a_template_is_told_without_the_facts(folder: Path, words: str, fault: str) -> None:
    """Whatever a template's author does wrong, no fact gets into the sentence or the traceback."""
    write(folder, "accepted", words, {"code": "H27-1"})
    facts = Facts("H27-SECRET")
    with pytest.raises(LetterError, match=fault) as caught:
        Letters(folder).text("accepted", facts)
    assert str(caught.value).startswith("accepted: templates/accepted/message.txt.j2: ")
    assert "SECRET" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("facts", [Facts(CODE, amount=0), Facts(CODE, appointment=APPOINTMENT.replace(tzinfo=None))])
def test_facts_that_cannot_be_told_are_refused(facts: Facts) -> None:
    """Nobody is asked to pay nothing, or to come at an hour without a zone (R19, R20)."""
    with pytest.raises(LetterError, match=r"whole number|time zone"):
        LETTERS.text("accepted", facts)


@pytest.mark.parametrize("kind", ["unheard_of", "../templates/accepted", ""])
def test_an_unknown_kind_is_a_letter_error(kind: str) -> None:
    """A kind without a template has no text and no sample."""
    for ask in (LETTERS.sample, lambda kind: LETTERS.text(kind, Facts(CODE))):
        with pytest.raises(LetterError, match="the file is missing"):
            ask(kind)


def test_a_folder_is_read_once(folder: Path) -> None:
    """Other words in its files are other letters."""
    letters = Letters(folder)
    assert letters.text("accepted", Facts("H27-1")) == "Hồ sơ H27-1"
    write(folder, "accepted", "Hồ sơ {{ code }} đã đến", {"code": "H27-1"})
    assert letters.text("accepted", Facts("H27-1")) == "Hồ sơ H27-1"
    assert Letters(folder).text("accepted", Facts("H27-1")) == "Hồ sơ H27-1 đã đến"


def test_newlines_at_the_end_and_of_windows_do_not_reach_the_text(folder: Path) -> None:
    """Editors add them; a bubble on a phone must not show them."""
    (folder / "accepted" / "message.txt.j2").write_bytes("Hồ sơ\r\n{{ code }}\r\n\r\n".encode())
    assert Letters(folder).text("accepted", Facts("H27-1")) == "Hồ sơ\nH27-1"


def test_a_sound_folder_has_no_faults(folder: Path) -> None:
    """The faults below are the only ones in their folder."""
    assert Letters(folder).check() == []


@pytest.mark.parametrize(
    ("words", "sample", "fault"),
    [
        ("{{ amount }}", {"code": "H27-1"}, "message.txt.j2: nothing to put in for: amount"),
        (unicodedata.normalize("NFD", "Hồ sơ"), {"code": "H27-1"}, "message.txt.j2: the template is not in NFC"),
        (" \n", {"code": "H27-1"}, "message.txt.j2: the text is empty"),
        ("a" * 2001, {"code": "H27-1"}, "message.txt.j2: the text of the sample has 2001 characters, above 2000"),
        ("{{ code }}", {}, "sample.json: not the facts of this text"),
        ("{{ code }}", {"code": "H27-1", "name": "An"}, "sample.json: not the facts of this text"),
        ("{{ code }}", {"code": "H27-1", "appointment": "mai"}, "sample.json: not the facts of this text"),
        ("{{ code }}", ["code"], "sample.json: not the facts of this text"),
    ],
)
def test_a_check_tells_what_is_wrong_with_a_kind(folder: Path, words: str, sample: object, fault: str) -> None:
    """One sentence a fault, with the file to mend."""
    write(folder, "accepted", words, sample)
    found = Letters(folder).check()
    assert len(found) == 1
    assert f"accepted: templates/accepted/{fault}" in found[0]


def test_a_check_tells_the_faults_of_all_kinds_at_once(folder: Path) -> None:
    """A missing file of one kind does not hide that of another."""
    (folder / "accepted" / "message.txt.j2").unlink()
    (folder / "fee_requested" / "sample.json").unlink()
    (folder / "result_ready" / "message.txt.j2").write_bytes(b"\xff\xfe")
    broken = [fault.partition(":")[0] for fault in Letters(folder).check()]
    assert broken == ["accepted", "fee_requested", "result_ready"]
