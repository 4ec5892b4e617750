"""What is said of a dossier without a notice, word for word, from facts alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from operators.explain.answer import Situation
from operators.explain.of_absence import AbsenceFacts, verdict_without
from operators.explain.source_answer import SourceAnswer, SourceWord
from operators.phrasebook import Who

W = SourceWord
UNKNOWN = AbsenceFacts((), SourceAnswer(W.ABSENT), False, False, datetime(2026, 11, 1, tzinfo=UTC), None, 2.0, ())
TOLD = SourceAnswer(W.FOUND, "H27", told=["H27/accepted/1"])


@pytest.mark.parametrize(
    ("facts", "situation", "vi"),
    [
        (
            {"source": SourceAnswer(W.COUNTER, "H27")},
            Situation.AT_THE_COUNTER,
            "Không có tin vì hồ sơ nộp trực tiếp, không thuộc diện báo.",
        ),
        (
            {"source": SourceAnswer(W.IGNORED, "H27")},
            Situation.IGNORED,
            "Không có tin vì hồ sơ đã xóa hoặc chuyển từ hệ thống cũ.",
        ),
        (
            {"source": TOLD, "all_before": True},
            Situation.BASELINE,
            "Không có tin vì hồ sơ có trước khi hệ thống chạy (01/11/2026).",
        ),
        (
            {"source": TOLD, "all_before": True, "first_read": None},
            Situation.BASELINE,
            "Không có tin vì hồ sơ có trước khi hệ thống chạy.",
        ),
        (
            {"source": TOLD, "behind": 7300.0},
            Situation.POLL_BEHIND,
            "Lần đọc cuối cách đây 2 giờ (bình thường 2 giây); người trực đã được báo.",
        ),
        (
            {"source": SourceAnswer(W.FOUND, "H27", off=["submitted", "stopped"])},
            Situation.KIND_OFF,
            "Không có tin vì loại tin này đang tắt ở đơn vị (đã gửi, chờ tiếp nhận, dừng xử lý).",
        ),
        (
            {"source": SourceAnswer(W.UNREADABLE, "H27", column="status", why="is empty")},
            Situation.ODD,
            "Không có tin vì một giá trị của hồ sơ không đọc được: cột status trống.",
        ),
        (
            {"source": SourceAnswer(W.FOUND, "H27")},
            Situation.NOTHING_TO_TELL,
            "Chưa có tin vì hồ sơ chưa tới bước nào cần báo.",
        ),
        (
            {"source": SourceAnswer(W.UNASKED)},
            Situation.UNASKED,
            "Sổ thông báo chưa thấy mã này, và hệ thống hồ sơ không tra được theo mã.",
        ),
        ({}, Situation.UNKNOWN, "Không thấy mã này trong hệ thống hồ sơ."),
        (
            {"nearest": ("A-1", "A-2", "A-3")},
            Situation.UNKNOWN,
            "Không thấy mã này trong hệ thống hồ sơ. Có phải A-1, A-2 hay A-3?",
        ),
    ],
)
def test_why_there_is_no_notice(facts: dict[str, object], situation: Situation, vi: str) -> None:
    """One sentence for each cause, in both languages, with something to do."""
    verdict = verdict_without(replace(UNKNOWN, **facts))  # type: ignore[arg-type]
    assert (verdict.situation, verdict.vi) == (situation, vi)
    assert verdict.en
    assert verdict.todo_en
    assert (verdict.who is Who.NOBODY) == verdict.todo_vi.startswith("Không cần làm gì")
