"""`hcc why CODE`: the answer as people and programs read it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from sqlalchemy import Engine, text

from ledger.notices import notices
from ledger.notices.notices import NewNotice
from operators.cli.exits import ExitCode
from tests.operators.conftest import OA, Run

CODE = "H27.37-240219-1001"
CONTRACT = ["code", "sentence_vi", "sentence_en", "who", "todo_vi", "state", "reason", "next_at"]


def record(ledger: Engine, state: str, reason: str) -> None:
    """A notice in this state."""
    now = datetime.now(UTC)
    with ledger.begin() as tx:
        new = NewNotice(f"{CODE}/accepted/1", CODE, "accepted", None, {}, None, None, now, now)
        notices.record(tx, OA, [new])
        tx.execute(text("UPDATE notices SET state = :state, reason = :reason"), {"state": state, "reason": reason})


def test_programs_read_the_stored_reason_beside_the_sentence(ledger: Engine, run: Run) -> None:
    """The shape that outside checks read."""
    record(ledger, "unreachable", "landline")
    answered = run("why", CODE.lower(), "--json")
    assert answered.exit_code == ExitCode.OK
    found = json.loads(answered.output)
    assert [name for name in found if name in CONTRACT] == CONTRACT
    assert (found["code"], found["state"], found["reason"], found["who"]) == (CODE, "unreachable", "landline", "clerk")
    assert found["sentence_vi"] == "Ô số điện thoại của hồ sơ không dùng được: số cố định."
    assert found["next_at"] is None


def test_people_read_the_sentence_what_to_do_and_who_acts(ledger: Engine, run: Run) -> None:
    """Three lines."""
    record(ledger, "dead", "the form cannot be found")
    lines = run("why", CODE).output.splitlines()
    assert lines[0] == CODE
    assert lines[1] == "  Đã dừng, chờ người trực: Zalo từ chối: không tìm thấy biểu mẫu."
    assert lines[2].startswith("  → ")
    assert lines[2].endswith("(kỹ thuật)")


def test_a_code_that_nobody_knows_is_answered_too(run: Run) -> None:
    """The dossier database does not answer here."""
    answered = run("why", CODE)
    assert answered.exit_code == ExitCode.AWAY
    assert "hệ thống hồ sơ đang không trả lời" in answered.output


def test_what_is_no_code_is_answered_and_is_a_fault_of_usage(run: Run) -> None:
    """In the same shape: a program reads it as any other answer."""
    answered = run("why", "x" * 51, "--json")
    assert (answered.exit_code, json.loads(answered.stdout)["situation"]) == (ExitCode.USAGE, "not_a_code")


def test_a_code_is_found_in_the_message_that_a_citizen_shows(ledger: Engine, run: Run) -> None:
    """Programs read the code itself."""
    record(ledger, "unreachable", "landline")
    for copied in (f"hồ sơ: {CODE}.", f"https://x.vn/thanh-toan-new.aspx?mahoso={CODE}", f"]C1{CODE}"):
        answered = run("why", copied, "--json")
        assert (answered.exit_code, json.loads(answered.output)["code"]) == (ExitCode.OK, CODE)


def test_a_long_text_without_a_code_is_not_repeated(run: Run) -> None:
    """Its beginning says which it was."""
    answered = run("why", "Kính gửi " * 1000, "--json")
    assert answered.exit_code == ExitCode.USAGE
    assert len(json.loads(answered.stdout)["code"]) == 200
