"""`hcc template`: every version with who and why; bad words are refused with their line; one step leads back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import Engine, text

from operators.cli.exits import ExitCode
from tests.operators.conftest import OA, Run

NEW = "Hồ sơ {{ code }} đã được tiếp nhận tại {{ place }}.\n"
BY = ("--by", "Lan", "--why", "rõ hơn")


def propose(run: Run, words: str = NEW, *more: str) -> Any:
    return run("template", "propose", "accepted", "--text", "-", *(more or BY), lines=words)


def listed(run: Run) -> dict[int, str]:
    rows = json.loads(run("template", "show", "accepted", "--json").stdout)
    return {row["version"]: row["state"] for row in rows}


def test_a_proposal_is_used_and_gone_back_from(run: Run, ledger: Engine) -> None:
    """With one person; the founding text comes back by one command."""
    assert json.loads(propose(run, NEW, *BY, "--json").stdout) == {
        "done": 1, "refused": [], "act": None, "kind": "accepted", "version": 2, "state": "in_use",
    }  # fmt: skip
    assert listed(run) == {2: "in_use", 1: "approved"}
    assert "-Hồ sơ" in run("template", "diff", "accepted").stdout
    shown = run("template", "show", "accepted", "--version", "2").stdout
    assert "Hồ sơ H27.37-240219-1001 đã được tiếp nhận tại tỉnh Hà Tĩnh." in shown
    assert run("preview", "accepted", "--version", "2").stdout == (
        "Hồ sơ H27.37-240219-1001 đã được tiếp nhận tại tỉnh Hà Tĩnh.\n"
    )
    assert "bản 1 đang dùng" in run("template", "restore", "accepted", *BY).stdout
    assert "bản 2 đang dùng" in run("template", "revert", "accepted", "2", *BY).stdout
    again = run("template", "revert", "accepted", "2", *BY)
    assert (again.exit_code, "đang được dùng" in again.output) == (ExitCode.FAULT, True)
    with ledger.connect() as connection:
        verbs = connection.execute(text("SELECT verb FROM audit ORDER BY id")).scalars()
        assert list(verbs) == ["template propose", "template approve", "template revert", "template revert"]


def test_two_persons_propose_and_approve(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version that does not exist is nothing; a refused one stays refused."""
    monkeypatch.setenv("HCC_TEMPLATE_APPROVAL", "two")
    assert "bản 2 chờ duyệt" in propose(run).stdout
    assert propose(run).exit_code == ExitCode.FAULT
    assert run("template", "approve", "accepted", "2", *BY).exit_code == ExitCode.FAULT
    assert run("template", "approve", "accepted", "9", "--by", "Minh", "--why", "x").exit_code == ExitCode.NOTHING
    assert "bản 2 đang dùng" in run("template", "approve", "accepted", "2", "--by", "Minh", "--why", "x").stdout
    assert "bản 3 chờ duyệt" in propose(run, NEW + "Xong.\n").stdout
    rows = {row["kind"]: row for row in json.loads(run("template", "list", "--json").stdout)}
    assert (rows["accepted"]["version"], rows["accepted"]["proposals"]) == (2, [3])
    assert run("template", "refuse", "accepted", "3", *BY).exit_code == ExitCode.OK
    assert run("template", "revert", "accepted", "3", *BY).exit_code == ExitCode.FAULT


BAD = {
    "Hồ sơ {{ code }}\n{% if appointment %}": "dòng 2: sai cú pháp",
    "Hồ sơ {{ code }}\nGửi {{ name }}": "dòng 2: không có biến «name»",
    "{{ code }}\n" + "a" * 2000: "dòng 2: quá dài: từ dòng này tin vượt 2000 ký tự",
    "Đã tiếp nhận": "dòng 1: thiếu {{ code }}",
    "{{ code }}\nxem www.lua-dao.com": "dòng 2: có liên kết hoặc tên máy chủ lạ; chỉ được dùng {{ url }}",
}


def test_words_edited_badly_in_five_ways_are_refused_with_a_sentence_that_names_the_line(
    run: Run, ledger: Engine
) -> None:
    """A dry run says the same, and needs no name; nothing is recorded."""
    for words, says in BAD.items():
        tried = propose(run, words, "--dry-run")
        assert (tried.exit_code, says in tried.output) == (ExitCode.FAULT, True), words
    assert says in propose(run, words).output
    with ledger.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM letters")).scalar_one() == 0


def test_a_sample_goes_to_a_member_of_the_staff_and_to_nobody_else(run: Run, ledger: Engine) -> None:
    """As a notice of its own kind; a follower without a grant gets none."""
    with ledger.begin() as tx:
        tx.execute(text("INSERT INTO followers (oa, user_id, follows) VALUES (:oa, '614249', true)"), {"oa": OA})
    words = ("template", "send", "fee_requested", *BY)
    assert run(*words, lines="614249\n").exit_code == ExitCode.FAULT
    assert run("staff", "add", "--alarms", *BY, lines="614249\n").exit_code == ExitCode.OK
    assert "sẽ đến trong vài giây" in run(*words, lines="614249\n").stdout
    with ledger.connect() as connection:
        [row] = connection.execute(text("SELECT kind, code, facts FROM notices"))
        assert (row.kind, row.facts["trial"]["kind"]) == ("template_trial", "fee_requested")
        assert row.facts["trial"]["text"].startswith("Hệ thống giải quyết TTHC tỉnh Hà Tĩnh yêu cầu thu phí")
