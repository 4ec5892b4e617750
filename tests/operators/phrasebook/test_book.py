"""Every reason that the code can store has a sentence in both languages, and every sentence has a reason."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.dossier import PaymentState
from domain.held import HeldBy
from domain.kinds import KINDS
from domain.lifecycle import State
from domain.notice import NOT_A_FOLLOWER
from domain.outcome import _WORDS
from domain.phone import _FAULTS, fault_of, read_phone
from domain.tally_causes import CAUSES
from domain.truth import FACTS
from operators.phrasebook import Who, phrase, words
from operators.phrasebook.book import PhraseRow, row_for, rows
from operators.phrasebook.codes import phrase_of_code
from tests.operators.phrasebook.reasons import PLACE, all_texts, is_prose, passed
from worker.channels import CHANNELS
from worker.channels.sms.esms import CODES
from worker.channels.zalo.codes import _BY_WORDING, TABLES, Host

SAMPLES = ("7", "ValueError", "zalo_cs", "fee paid", *PaymentState)
"""What may stand in a place; one of them has to make a known reason."""

_NOT_OF_NOTICES = (
    "config/",
    "coordination/",
    "domain/foreign_links.py",
    "domain/form_proofreading.py",
    "domain/held.py",
    "domain/moments.py",
    "domain/proofreading.py",
    "domain/tally_causes.py",
    "domain/template_source.py",
    "ledger/archive/partitions.py",
    "ledger/console.py",
    "ledger/base/",
    "ledger/migrate.py",
    "producers/dossiers/db_errors.py",
    "producers/dossiers/encodings.py",
    "producers/dossiers/engines.py",
    "producers/dossiers/fingerprints.py",
    "producers/dossiers/plans.py",
    "producers/dossiers/queries.py",
    "producers/hooks/",
    "worker/services/",
    "worker/tasks.py",
    "worker/upkeep/template_files.py",
)
"""Files whose texts are for logs, engines or other programs; no notice, attempt or history has them."""

_FAULTS_OF_TEMPLATES = frozenset(
    {
        "the text holds a link or a host name that is not our payment link (in the code, the place or the template)",
        "the template is not in NFC",
        "the text is empty",
        f"the text of the sample has {PLACE} characters, above {PLACE}",
        "a template must not include another one",
        f"nothing to put in for: {PLACE}",
        "part of a variable",
        f"the template cannot be rendered ({PLACE})",
        "the file is missing",
        f"not the facts of this text: {PLACE}",
        f"the template cannot be read: {PLACE}",
    }
)
"""Parts of "{kind}: templates/{path}: {fault}"."""

_OTHER_TEXTS = frozenset(
    {
        "sau \x00",
        "a moment must say its time zone",
        "a local time must not say a time zone",
        "a dossier code must not be empty",
        "a dossier code has at least one digit",
        "a dossier code has at most \x00 characters, this one has \x00",
        "a dossier code must not hold line breaks, control or format characters",
        "an amount of money is a whole number of đồng above zero",
        "not arrived",
        "no month was made for \x00: nobody kept house for months, or the clock jumped",
        "(n.follower_id IS NULL AND coalesce(f.notices_off, false))",
        " AS w ",
        " AS o ",
        "a notice cannot go from \x00 to \x00",
        "NOT EXISTS",
        "(n.follower_id IS NOT NULL OR f.told_from IS NULL OR n.recorded_at >= f.told_from)",
        "s.ended_at IS NULL AND (s.until IS NULL OR s.until > statement_timestamp())",
        " UNION ",
        "COALESCE(n.happened_at, n.event_at)",
        "7 days 1 second",
        # the names of acts, and subjects of the audit
        "quarantine release",
        "quarantine discard",
        "dead retry",
        "expired retry",
        "dead discard",
        "uncertain settle sent",
        "uncertain settle not-sent",
        "phone link closed",
        "phone link opened",
        "phone claim opened",
        "phone claim refused",
        "phone claim denied",
        "follower confirm",
        "follower \x00",
        "follower \x00, person \x00",
        "person \x00",
        "\x00; proof: \x00",
        "one-time code \x00 \x00",
        "zalo \x00",
        "zalo events of ",
        # lines for the log, and the name of a thread
        "row set aside",
        "odd row",
        "beside the pump",
        "no dossier",
        "paper makes no calls, and got \x00",
        "your oa",
        "no address",
        "gzip, deflate",
        "User-Agent: hcc-notify",
        "zalo: shared_info",
        "the day's budget",  # with what follows
        # the audit's row of an act
        "act \x00: \x00 notices",
        # parts of SQL for lists, roll-ups and schedules; the command that mails reports
        "notices n",
        "\x00 IS NOT DISTINCT FROM :\x00",
        " AND ",
        "m.mailed_at IS NULL AND m.next_at <= :now AND m.last >= :given_up",
        "\x00 AND n.kind NOT IN (\x00)",
        "from operators.cli.main import main; main()",
        "n.id DESC",
        "n.lane, n.due_at",
        "width_bucket(extract(epoch FROM a.at - n.fresh_at) + a.ms / 1000.0, ARRAY[\x00])",
        "state IN ('waiting', 'uncertain', 'dead', 'unreachable')",
        # what a code means for other notices
        "limit reached",
        "unknown user",
        "window closed",
    }
)
"""Texts of the other files that are no reasons."""


def variants(text: str) -> Iterator[str]:
    """What may be stored of a text: a value in each place or behind a colon; with a column of the source before it."""
    for sample in SAMPLES if PLACE in text or text.endswith((": ", " ")) else ("",):
        whole = text.replace(PLACE, sample)
        yield from (whole, f"{whole}{sample}", f"status {whole}", f"status {whole}: «x»", f"{whole}: «x»")


@cache
def found() -> frozenset[tuple[str, str]]:
    """The file and the text of every text."""
    return frozenset((file, text) for file, _, text in all_texts())


def is_another(file: str, text: str) -> bool:
    """Whether it is known to be no reason."""
    told = text.removesuffix(" ")
    return file.startswith(_NOT_OF_NOTICES) or bool({text, told} & (_OTHER_TEXTS | _FAULTS_OF_TEMPLATES))


def test_every_reason_in_the_code_has_a_sentence() -> None:
    """A new text of the rooms that store reasons needs a row, or a place in the lists above."""
    lacking = sorted(
        (file, text)
        for file, text in found()
        if is_prose(text) and not is_another(file, text) and not any(map(row_for, variants(text)))
    )
    assert lacking == []
    assert [(file, text) for file, text in passed() if not is_another(file, text) and row_for(text) is None] == []


def test_every_sentence_has_a_reason_in_the_code() -> None:
    """A row that nothing can produce is a text that was changed or deleted."""
    there = {text for _, text in found()}
    stored = {part for text in there for one in variants(text) for part in (one, one.partition(": ")[2])}
    idle = [row for row in rows() if not (row.pattern in stored if row.literal else any(_made(row, there)))]
    assert sorted(row.pattern for row in idle) == []


def _made(row: PhraseRow, there: frozenset[str] | set[str]) -> Iterator[bool]:
    """Whether each text with the row's longest fixed part makes it."""
    core = max(re.split(r"\{\w+\}", row.pattern), key=len).strip(": ")
    yield from (row_for(one) is row for text in there if core in text for one in variants(text))


def test_every_text_listed_as_no_reason_is_in_the_code() -> None:
    """The lists above do not outlive what they name."""
    there = {text for _, text in found()}
    assert (
        sorted(one for one in _OTHER_TEXTS | _FAULTS_OF_TEMPLATES if one not in there and f"{one} " not in there) == []
    )


def test_every_code_of_zalo_and_of_the_gateway_has_a_sentence() -> None:
    """Whatever its meaning; an unknown code, too."""
    reasons = {row.reason for table in TABLES.values() for row in table.values()}
    reasons |= {row.reason for of_wording in _BY_WORDING.values() for row in of_wording.values()}
    assert {reason for reason in reasons if not phrase(reason).known} == set()
    asked = [("zalo_cs", code) for code in TABLES[Host.OPENAPI]] + [("zns", code) for code in TABLES[Host.BUSINESS]]
    asked += [("sms", code) for code in CODES] + [("zalo_template", -999), ("sms", 7)]
    assert [one for one in asked if not (phrase_of_code(*one) or phrase("")).known] == []
    assert phrase_of_code("zalo_cs", 0) is None
    assert phrase_of_code("paper", 1) is None


def test_every_fault_of_a_phone_has_a_sentence_for_the_clerk() -> None:
    """They correct it."""
    faults = {*_FAULTS.values(), fault_of(read_phone("0978362918; 0912345678"))}
    assert {phrase(fault or "").topic for fault in faults} == {"phone"}


def test_words_are_complete() -> None:
    """Every state, outcome, channel, kind, fact and cause of a hold."""
    assert set(words("states")) == set(words("details")) == set(State)
    assert set(words("outcomes")) == set(_WORDS.values())
    assert set(words("channels")) == set(CHANNELS)
    assert set(words("kinds")) == {kind.name for kind in KINDS}
    assert set(words("holds")) == set(HeldBy)
    assert set(words("who")) == set(Who)
    assert set(words("fields")) == {*FACTS, "phone"}


def test_every_row_is_whole() -> None:
    """Both languages have the places of the pattern, begin with a capital, and end without a full stop."""
    for row in rows():
        said = row.phrase
        places = {name for _, name, _, _ in Formatter().parse(row.pattern) if name}
        for text in (said.vi, said.en):
            assert {name for _, name, _, _ in Formatter().parse(text) if name} <= places, row.pattern
            assert not text.endswith("."), row.pattern
        assert said.todo_vi.endswith("."), row.pattern
        assert said.todo_en.endswith("."), row.pattern


@pytest.mark.parametrize(
    ("reason", "vi", "who"),
    [
        (
            f"{NOT_A_FOLLOWER}; no approved template is set for accepted (HCC_ZALO_TEMPLATES)",
            (
                "Người dân chưa quan tâm OA, hoặc quan tâm bằng số khác với số trong hồ sơ; "
                "chưa có mẫu đã duyệt cho loại tin “đã tiếp nhận”"
            ),
            Who.CLERK,
        ),
        (
            "gave up at its age limit: HTTP 500 from the SMS gateway",
            "Thử đến hết hạn vẫn không được: cổng SMS trả lời HTTP 500; chưa rõ tin đã đến",
            Who.OPERATOR,
        ),
        ("held back: LeaseOver", "Chưa rời máy: tin được giữ lại vì lỗi LeaseOver", Who.NOBODY),
        ("the day's budget of zns is used up", "Hết hạn mức chi hôm nay của kênh tin mẫu theo số", Who.OPERATOR),
        ("Zalo: 2024-02-19T02:16:05Z", "Zalo báo lúc 19/02/2024 09:16:05", Who.NOBODY),
        ("corrected: amount, phone", "Đã sửa theo cơ sở dữ liệu hồ sơ: số tiền, số điện thoại", Who.NOBODY),
        (
            "payment_state holds a word that the mapping does not know: «chờ; thu»",
            "Cột payment_state có từ mà bản đồ chưa biết: «chờ; thu»",
            Who.ENGINEER,
        ),
    ],
)
def test_composed_reasons_are_read_part_by_part(reason: str, vi: str, who: Who) -> None:
    """Several reasons, a reason within one, names and numbers in their places."""
    assert (phrase(reason).vi, phrase(reason).who) == (vi, who)


def test_what_the_book_does_not_have_stays_as_it_is_stored() -> None:
    """An operator's own words."""
    said = phrase("Lan bảo gửi lại; xem sau")
    assert (said.vi, said.en, said.known) == ("Lan bảo gửi lại; xem sau",) * 2 + (False,)


@given(st.lists(st.sampled_from([row for row in rows() if row.literal]), min_size=2, max_size=4, unique=True))
def test_any_reasons_may_be_joined(chosen: list[PhraseRow]) -> None:
    """Each is there, and somebody acts if anybody has to for one of them."""
    said = phrase("; ".join(row.pattern for row in chosen))
    assert said.known
    assert all(row.phrase.inner.vi.lower() in said.vi.lower() for row in chosen)
    assert (said.who is Who.NOBODY) == all(row.phrase.who is Who.NOBODY for row in chosen)


@given(st.text(max_size=80))
def test_any_text_has_an_answer(text: str) -> None:
    """Whatever is stored, nothing is raised and nothing is lost."""
    said = phrase(text)
    assert said.known or said.vi == text


def test_every_cause_of_the_reports_has_a_name() -> None:
    """And no name is without a cause."""
    assert set(words("causes")) == set(CAUSES)
