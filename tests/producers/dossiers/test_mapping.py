"""Mapping files: the reference is whole, and every fault of a wrong one is told at once."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path

import pytest

from domain.dossier import PaymentState, Status
from domain.kinds import KINDS
from producers.dossiers.mapping import SOURCES, MappingError, load_mapping, word

REFERENCE = (SOURCES / "reference.toml").read_text("utf-8")


def faults_of(folder: Path, *changes: tuple[str, str]) -> list[str]:
    """The faults of the reference mapping after textual changes."""
    content = REFERENCE
    for old, new in changes:
        assert old in content
        content = content.replace(old, new)
    (folder / "changed.toml").write_text(content, "utf-8")
    with pytest.raises(MappingError) as caught:
        load_mapping(str(folder / "changed.toml"))
    return caught.value.faults


def test_the_reference_knows_the_words_of_the_source() -> None:
    """Statuses are the national codes, payment words our states, online the only channel told."""
    mapping = load_mapping("reference")
    known = set(Status) - {Status.UNKNOWN}
    assert {mapping.status[str(status.value)] for status in known} == known
    assert mapping.payments.states[word("  CHỜ thanh toán ")] is PaymentState.REQUESTED
    assert mapping.dossiers.channels_told == {"2"}


def test_the_reference_reads_no_name_no_identity_number_and_no_title() -> None:
    """Data minimisation: the columns of people's names, papers and e-mail, and of titles, are not in the file."""
    queries = "\n".join(line.split("--")[0] for line in REFERENCE.splitlines() if not line.startswith("#"))
    queries = queries.replace(
        "CASE WHEN noi_dung LIKE 'Thu hồi%' THEN 1 ELSE 0 END", ""
    )  # a flag leaves the source, no words
    for column in ("h.nguoi_nop", "so_giay_to", "chu_ho_so", "email", "ten_tthc", "ten_don_vi", "noi_dung", "h.*"):
        assert column not in queries


def test_all_faults_are_told_at_once_each_with_its_place(tmp_path: Path) -> None:
    """Four faults, four sentences that name the place in the file."""
    faults = faults_of(
        tmp_path,
        ('zone = "Asia/Ho_Chi_Minh"', 'zone = "Asia/Hanoi"'),
        ("page = 1000 ", "page = 0 "),
        ('"Chờ thanh toán" = "requested"', '"Chờ thanh toán" = "wanted"'),
        ("confirmed_from = 2 ", "confirmed_form = 2 "),
    )
    told = "\n".join(faults)
    assert len(faults) == 5  # a misspelt name is one name lacking and one name too many
    for place in (
        "zone:",
        "limits.page:",
        "payments.states.chờ thanh toán:",
        "result.confirmed_from:",
        "confirmed_form:",
    ):
        assert place in told


def test_a_query_without_its_parameters_is_told(tmp_path: Path) -> None:
    """A forgotten :missing would lose rows in silence, so it is a fault."""
    assert faults_of(tmp_path, (" WHERE id IN :missing", "")) == [
        "feeds.history: câu SQL thiếu tham số :missing; thêm vào",
        "feeds.payments: câu SQL thiếu tham số :missing; thêm vào",
    ]


def test_a_query_that_does_not_read_is_refused(tmp_path: Path) -> None:
    """The file is a place for SELECT only."""
    [fault] = faults_of(tmp_path, ("SELECT lich_su.moi_nhat", "DELETE lich_su.moi_nhat"))
    assert fault.startswith("baseline.newest: chỉ được đọc")


def test_feeds_that_the_source_cannot_answer_are_left_out_of_the_file(tmp_path: Path) -> None:
    """A source without a history is read by its change times and by the reconcile; one of the three it must have."""
    start, end = REFERENCE.index("history = "), REFERENCE.index("# Yêu cầu thanh toán mới")
    (tmp_path / "fewer.toml").write_text(REFERENCE[:start] + REFERENCE[end:], "utf-8")
    mapping = load_mapping(str(tmp_path / "fewer.toml"))
    assert mapping.feed_names == ("payments", "payment_changes", "snapshot")
    assert "history" not in mapping.columns_of("newest")
    start, end = REFERENCE.index("[feeds]"), REFERENCE.index("[baseline]")
    faults = faults_of(tmp_path, (REFERENCE[start:end], "[feeds]\n"))
    assert faults == ["feeds: cần ít nhất một luồng, và một trong feeds.history, feeds.snapshot, [reconcile]"]


def test_an_unknown_mapping_names_those_that_exist() -> None:
    """A slip in HCC_SOURCE is answered with the names."""
    with pytest.raises(MappingError, match="reference"):
        load_mapping("refrence")


def test_broken_toml_is_told_with_its_line(tmp_path: Path) -> None:
    """The parser's line number is in the sentence."""
    assert "line" in faults_of(tmp_path, ("[limits]", "[limits"))[0]


@pytest.mark.parametrize("value", [2, "2", " 2 ", 2.0, Decimal(2)])
def test_a_number_is_the_same_word_whatever_type_the_driver_makes_of_it(value: object) -> None:
    """Oracle gives Decimal, SQLite int, some drivers float."""
    assert word(value) == "2"


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (("submitted = false ", "submited = false "), "kinds.submited: giá trị không hợp lệ; cần true hoặc false"),
        (("submitted = false ", 'submitted = "thỉnh thoảng" '), "kinds.submitted: giá trị không hợp lệ"),
        (('# [kinds.units."H27.37"]', '[kinds.units."H27.37"]\nsent = true'), "kinds.units.H27.37.sent: giá trị không"),
        (
            ("supplement_reminder = false", "supplement_reminder = true"),
            "thiếu cột deadline_at, vì kinds.supplement_rem",
        ),
        (('told_by = ["row"]', 'told_by = ["row", "status"]'), "thiếu cột fee_amount, vì payments.told_by"),
        (('told_by = ["row"]', "told_by = []"), "payments.told_by: giá trị không hợp lệ"),
        (('again = "never"', 'again = "always"'), "result.again: giá trị không hợp lệ"),
        (("fee_days = 3 ", "fee_days = 0 "), "reminders.fee_days: giá trị không hợp lệ; cần số ngày sau khi báo phí"),
        (('# "Thiếu thành phần hồ sơ" = "papers_missing"', '"Thiếu" = "lack"'), "reasons.thiếu: giá trị không hợp lệ"),
    ],
)
def test_switches_and_rules_are_checked(tmp_path: Path, change: tuple[str, str], fault: str) -> None:
    """Each fault names its place and what may stand there; a column is wanted only by a kind that is on."""
    [told] = faults_of(tmp_path, change)
    assert fault in told


def test_refusals_are_told_only_where_own_withdrawals_are_told_apart(tmp_path: Path) -> None:
    """Without the column a citizen who took the dossier back would be told of a refusal."""
    [fault] = faults_of(tmp_path, ("refused = false ", "refused = true "), ("taken_back", "own"))
    assert "thiếu cột taken_back, vì kinds.refused được bật" in fault


def test_the_reference_names_every_kind_with_its_default() -> None:
    """Whoever copies the file sees all that can be switched."""
    written = tomllib.loads(REFERENCE)["kinds"]
    assert written == {kind.name: kind.on for kind in KINDS if kind.rule}
