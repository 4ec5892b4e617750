"""Decides what is said of a dossier that has no notice: pure, from what the ledger and the source know of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from domain.clock import to_vietnam
from operators.explain.answer import Situation, Verdict
from operators.explain.moments import span
from operators.explain.source_answer import SourceAnswer, SourceWord
from operators.phrasebook import Who, Word, phrase, word_of

_NO_AMOUNT = "a payment is requested but its amount is missing or not above zero"
_CHECK = Word(
    "Kiểm tra lại mã trên giấy tiếp nhận hồ sơ, rồi nhập lại.", "Check the code on the receipt, and type it again."
)
_IN_PERSON = Word(
    "Báo trực tiếp cho người dân; hệ thống không gửi tin về việc này.",
    "Tell the person directly; the system sends nothing about this.",
)
_WAIT = Word("Chờ ít phút rồi tra lại.", "Wait some minutes, then look again.")


@dataclass(frozen=True, slots=True)
class AbsenceFacts:
    """What is known of a dossier without a notice. Times are UTC, spans are seconds.

    `tracked`: the ledger has seen the dossier in the source. `behind`: since when the slowest feed was not read to its
    end, None if all are up to date. `all_before`: every event that the source shows was there before the first start.
    """

    oddities: Sequence[Mapping[str, Any]]
    source: SourceAnswer
    tracked: bool
    all_before: bool
    first_read: datetime | None
    behind: float | None
    usual: float
    nearest: Sequence[str]


def verdict_without(facts: AbsenceFacts) -> Verdict:
    """What is said of it: what the ledger knows to be odd first, then what the source answers."""
    if facts.oddities:
        return _odd(str(facts.oddities[0]["column"]), str(facts.oddities[0]["why"]))
    match facts.source.word:
        case SourceWord.COUNTER:
            return _out_of_scope(
                Situation.AT_THE_COUNTER,
                Word("hồ sơ nộp trực tiếp, không thuộc diện báo", "it was filed at the counter, and is not told about"),
            )
        case SourceWord.IGNORED:
            return _out_of_scope(
                Situation.IGNORED,
                Word("hồ sơ đã xóa hoặc chuyển từ hệ thống cũ", "it is deleted, or came from an older system"),
            )
        case SourceWord.UNREADABLE:
            return _odd(facts.source.column, facts.source.why)
        case SourceWord.FOUND:
            return _found(facts)
        case SourceWord.ABSENT:
            return _unknown(facts.nearest)
    return _unasked(facts)


def _found(facts: AbsenceFacts) -> Verdict:
    """The source has the dossier, and it is one that is told about."""
    source = facts.source
    if source.told and facts.all_before:
        since = f" ({to_vietnam(facts.first_read):%d/%m/%Y})" if facts.first_read else ""
        return _out_of_scope(
            Situation.BASELINE,
            Word(f"hồ sơ có trước khi hệ thống chạy{since}", f"it was there before the system started{since}"),
        )
    if source.told:
        return _behind(facts.behind, facts.usual) if facts.behind else _not_read_yet()
    if source.why:
        return _odd(source.column, source.why)
    if source.off:
        kinds = [word_of("kinds", kind) for kind in source.off]
        vi, en = ", ".join(one.vi for one in kinds), ", ".join(one.en for one in kinds)
        return _out_of_scope(
            Situation.KIND_OFF,
            Word(f"loại tin này đang tắt ở đơn vị ({vi})", f"this kind is switched off for the unit ({en})"),
        )
    vi = "Chưa có tin vì hồ sơ chưa tới bước nào cần báo."
    en = "There is no notice yet because nothing has happened that is told about."
    return Verdict(Situation.NOTHING_TO_TELL, vi, en, Who.NOBODY, *_todo("Không cần làm gì.", "Nothing to do."))


def _unasked(facts: AbsenceFacts) -> Verdict:
    """The source does not answer now, or cannot be asked by code."""
    if facts.behind:
        return _behind(facts.behind, facts.usual)
    why = facts.source.word is SourceWord.AWAY
    now = Word("hệ thống hồ sơ đang không trả lời", "the dossier system does not answer now")
    never = Word("hệ thống hồ sơ không tra được theo mã", "the dossier system cannot be asked by code")
    cause = now if why else never
    known = Word("chưa có việc nào cần báo về hồ sơ này", "nothing of this dossier has been told about yet")
    unknown = Word("chưa thấy mã này", "this code has not been seen")
    of_ledger = known if facts.tracked else unknown
    vi = f"Sổ thông báo {of_ledger.vi}, và {cause.vi}.{_meant(facts.nearest).vi}"
    en = f"In the ledger, {of_ledger.en}, and {cause.en}.{_meant(facts.nearest).en}"
    todo = _WAIT if why else _CHECK
    return Verdict(Situation.UNASKED, vi, en, Who.CLERK, todo.vi, todo.en)


def _unknown(nearest: Sequence[str]) -> Verdict:
    meant = _meant(nearest)
    vi, en = f"Không thấy mã này trong hệ thống hồ sơ.{meant.vi}", f"This code is not in the dossier system.{meant.en}"
    return Verdict(Situation.UNKNOWN, vi, en, Who.CLERK, _CHECK.vi, _CHECK.en)


def _meant(nearest: Sequence[str]) -> Word:
    if not nearest:
        return Word("", "")
    return Word(f" Có phải {_either(nearest, 'hay')}?", f" Did you mean {_either(nearest, 'or')}?")


def _either(codes: Sequence[str], last: str) -> str:
    return f" {last} ".join(filter(None, [", ".join(codes[:-1]), codes[-1]]))


def _behind(seconds: float, usual: float) -> Verdict:
    ago, often = span(seconds), span(usual)
    vi = f"Lần đọc cuối cách đây {ago.vi} (bình thường {often.vi}); người trực đã được báo."
    en = f"The last read was {ago.en} ago (usually {often.en}); operators have been told."
    return Verdict(Situation.POLL_BEHIND, vi, en, Who.ENGINEER, _WAIT.vi, _WAIT.en)


def _not_read_yet() -> Verdict:
    vi = "Việc của hồ sơ vừa có trong hệ thống hồ sơ; tin được ghi trong vài giây."
    en = "It has just come into the dossier system; the notice is recorded within seconds."
    return Verdict(Situation.NOT_READ_YET, vi, en, Who.NOBODY, _WAIT.vi, _WAIT.en)


def _out_of_scope(situation: Situation, because: Word) -> Verdict:
    vi, en = f"Không có tin vì {because.vi}.", f"There is no notice because {because.en}."
    return Verdict(situation, vi, en, Who.CLERK, _IN_PERSON.vi, _IN_PERSON.en)


def _odd(column: str, why: str) -> Verdict:
    """A value of the dossier cannot be read, so the row was set aside."""
    said = phrase(why)
    if why == _NO_AMOUNT:
        vi, en = "Không có tin vì yêu cầu phí chưa có số tiền.", "There is no notice because the fee has no amount yet."
        todo = Word("Điền số tiền trong hệ thống một cửa; tin sẽ tự gửi.", "Enter the amount in the one-stop system.")
        return Verdict(Situation.ODD, vi, en, Who.CLERK, todo.vi, todo.en)
    vi = f"Không có tin vì một giá trị của hồ sơ không đọc được: cột {column} {said.inner.vi}."
    en = f"There is no notice because a value of the dossier cannot be read: the column {column} {said.inner.en}."
    return Verdict(Situation.ODD, vi, en, said.who, said.todo_vi, said.todo_en)


def _todo(vi: str, en: str) -> tuple[str, str]:
    return vi, en
