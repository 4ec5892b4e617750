"""The words for what the audit stores."""

from __future__ import annotations

import ast

import pytest

from config.settings import INSTALLED
from domain.phone_claims import Judgement, Proof
from operators.console.words import LANGUAGES
from operators.console.words import words as words_of
from operators.phrasebook import subject_said, why_said, words

ROOMS = ("ledger", "worker", "operators")


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        ("act 7: 3002 notices", "việc số 7: 3002 thông báo"),
        ("act 7", "việc số 7"),
        ("a phone that no dossier has", "số điện thoại không có trong hồ sơ nào"),
        ("dropped nothing; put away 0; given up 0", "không xóa tháng nào; cất 0; bỏ 0"),
        ("dropped notices_2024_01; put away 5; given up 1", "xóa notices_2024_01; cất 5; bỏ 1"),
        ("follower 3, person 5", "người quan tâm số 3, người dân số 5"),
        ("person 5: grant", "người dân số 5: được nối"),
        ("báo động: follower 3, follower 4", "báo động: người quan tâm số 3, người quan tâm số 4"),
        ("kind result_ready", "loại tin đã có kết quả (result_ready)"),
        ("channel zalo_cs", "kênh tin OA (zalo_cs)"),
        ("unit H27.37", "đơn vị H27.37"),
        ("accepted 2", "đã tiếp nhận (accepted), bản 2"),
        ("accepted: follower 3", "đã tiếp nhận (accepted): người quan tâm số 3"),
        ("as same: 77", "vẫn dữ liệu ấy: 77"),
        ("3: reach weekly pdf, 2 receivers", "3: reach weekly pdf, 2 hộp thư"),
        ("lan: admin", "lan: admin"),
        ("channel:1:zalo_cs", "channel:1:zalo_cs"),
    ],
)
def test_a_subject_is_said_in_vietnamese_and_a_name_stays(stored: str, said: str) -> None:
    assert (subject_said(stored).vi, subject_said(stored).en) == (said, stored)


def test_a_reason_of_a_link_is_said_and_an_operators_own_stays() -> None:
    assert why_said("the proof suffices; proof: operator").vi == "Xác nhận đã đủ; xác nhận số: người trực nối"
    assert why_said("đã kiểm tra; proof").vi == "đã kiểm tra; proof"


def test_every_proof_and_judgement_has_a_word() -> None:
    assert set(words("proofs")) == set(Proof)
    assert set(words("judgements")) == set(Judgement)


def test_every_verb_that_the_code_audits_has_words_in_both_languages() -> None:
    """Verbs made of parts are named by the tests of their commands."""
    verbs = {
        call.args[2].value
        for room in ROOMS
        for path in (INSTALLED / room).rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "audit" and len(call.args) > 2
        if isinstance(call.args[2], ast.Constant)
    }
    assert "person look" in verbs
    for language in LANGUAGES:
        assert {f"verbs.{verb}" for verb in verbs} - words_of(language).keys() == set()
