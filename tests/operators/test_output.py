"""What operators see: text of others is shown and never obeyed, codes are whole, faults are sentences."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from sqlalchemy import Engine, text

from config import faults
from config.settings import ROOT
from domain.lifecycle import State
from operators.cli import main, output
from operators.cli.exits import ExitCode
from tests.operators.conftest import Run
from tests.operators.test_verbs import hold, record

EVIL = "X[/B]"
OA = "4024926008133882615"
LONG = "H27.37-240219-" + "0123456789" * 3 + "-END"


@pytest.mark.parametrize("code", [EVIL, "[red]A", "A\x1b[2JB", "A\nB forged", "A\u202eB", ":smile:", "[link=x]y"])
def test_no_dossier_code_takes_the_list_of_the_dead_away(run: Run, ledger: Engine, code: str) -> None:
    """Markup is text; an escape sequence, a line break or an override is seen as what it is."""
    hold(ledger, State.DEAD, record(ledger, (code, "accepted"), ("H-2", "accepted")))
    result = run("dead", "list")
    assert result.exit_code == 0, result.output
    _head, first, second, *rest = result.output.split("\n")
    assert rest == [""]
    assert f"{code}/accepted/1".encode("unicode_escape").decode() in first
    assert "H-2/accepted/1" in second
    assert "\x1b" not in result.output


def test_a_reason_is_shown_like_a_code(run: Run, ledger: Engine) -> None:
    """Zalo's own words stand in it, and the history's are an operator's."""
    hold(ledger, State.DEAD, record(ledger, ("H-1", "accepted")), reason="[bold]no[/x] \x07\u200b")
    assert r"[bold]no[/x] \x07\u200b" in run("dead", "list").output
    with ledger.begin() as tx:
        tx.execute(text("UPDATE history SET why = E'a\\nb', by = '[/B]'"))
    told = run("dossier", "H-1")
    assert told.exit_code == 0, told.output
    assert r"a\nb  ([/B])" in told.output


def test_json_says_the_same_value_with_nothing_that_a_terminal_obeys(run: Run, ledger: Engine) -> None:
    """C1 controls and overrides are escaped as JSON escapes them."""
    code = "A\x9b2J\u202eB"
    hold(ledger, State.DEAD, record(ledger, (code, "accepted")))
    result = run("dead", "list", "--json")
    assert json.loads(result.stdout)[0]["event_key"] == f"{code}/accepted/1"
    assert not {"\x9b", "\u202e"} & set(result.stdout)


def test_a_code_is_never_cut_and_a_row_is_one_line_in_a_pipe(run: Run, ledger: Engine) -> None:
    """80 columns are a terminal's, not a file's; who copies a code out of the table copies all of it."""
    reason = "Zalo từ chối mẫu tin vì thiếu tham số, " * 5
    hold(ledger, State.DEAD, record(ledger, (LONG, "accepted")), reason=reason.strip())
    _head, row, end = run("dead", "list").output.split("\n")
    assert f"{LONG}/accepted/1" in row
    assert reason.strip() in row
    assert (end, "…" in row) == ("", False)


def test_on_a_narrow_terminal_sentences_are_wrapped_and_codes_are_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal = Console(force_terminal=True, width=40, color_system=None)
    monkeypatch.setattr("rich.console.Console", lambda: terminal)
    rows = [{"event_key": LONG, "reason": "một câu khá dài để giải thích vì sao tin này không đi"}]
    output.print_table({"event_key": "Sự kiện", "reason": "Vì sao"}, rows, empty="")
    shown = capsys.readouterr().out
    assert LONG in shown
    assert len(shown.rstrip("\n").split("\n")) > 2
    assert " ".join(line[len(LONG) :].strip() for line in shown.split("\n")[1:]).strip() == rows[0]["reason"]


def test_nothing_is_printed_past_the_one_function() -> None:
    """`say`, `tick`, `print_table`, `print_json`: whoever echoes by themselves forgets what a text may hold."""
    calls = {
        f"{file.name}:{node.lineno}"
        for file in (ROOT / "operators").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"click.echo", "click.secho", "print"}
    }
    assert {place for place in calls if not place.startswith("output.py:")} == set()


def test_every_text_of_several_lines_says_so() -> None:
    """`say` shows a line break as an escape unless it is told that there are several lines."""
    lacking = {
        f"{file.name}:{node.lineno}"
        for file in (ROOT / "operators").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "say" and has_line_break(node.args)
        if "lines" not in {keyword.arg for keyword in node.keywords}
    }
    assert lacking == set()


def has_line_break(arguments: list[ast.expr]) -> bool:
    """Whether a text that stands in the call has one."""
    texts = [part.value for each in arguments for part in ast.walk(each) if isinstance(part, ast.Constant)]
    return any("\n" in text for text in texts if isinstance(text, str))


def told_by_main(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], error: Exception
) -> str:
    """What `main` says of an exception that a command raises."""

    def broken(**_: object) -> None:
        raise error

    monkeypatch.setattr(main, "hcc", broken)
    monkeypatch.setattr(faults, "_FOLDERS", (tmp_path,))
    monkeypatch.setattr(sys, "argv", ["hcc", "dead", "list", "--reason", "Nguyễn Văn An"])
    with pytest.raises(SystemExit) as left:
        main.main()
    assert left.value.code == ExitCode.FAULT
    return capsys.readouterr().err


def test_an_exception_that_nobody_foresaw_is_a_sentence_and_a_file_of_types_and_places(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither has a word of the exception, which may be a citizen's name."""
    said = told_by_main(monkeypatch, tmp_path, capsys, KeyError("Nguyễn Văn An, 0912345678")).rstrip("\n")
    [file] = tmp_path.iterdir()
    kept = file.read_text("utf-8")
    assert "\n" not in said
    assert "Lỗi ngoài dự kiến" in said
    assert "KeyError" in said
    assert str(file) in said
    assert "command hcc dead list\n" in kept
    assert "KeyError\n" in kept
    assert "tests/operators/test_output.py:" in kept
    assert not {"Nguyễn", "0912345678"} & set(f"{said} {kept}".replace(",", " ").split())
    assert file.stat().st_mode & 0o077 == 0


def test_where_no_file_can_be_written_the_sentence_is_said_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(faults, "keep", faults.keep)
    in_the_way = tmp_path / "a file"
    in_the_way.write_text("no folder")
    assert "không ghi được tệp chi tiết" in told_by_main(monkeypatch, in_the_way, capsys, ValueError("x"))


def test_a_server_that_is_away_is_a_sentence_of_the_real_command(tmp_path: Path) -> None:
    """With which server, which setting and what to do; never a traceback."""
    given = {
        "HCC_DATABASE_URL": "postgresql://x@127.0.0.1:1/x", "HCC_DOSSIER_URL": "postgresql://x@127.0.0.1:1/x",
        "HCC_REDIS_URL": "redis://127.0.0.1:1", "HCC_ZALO_OA_ID": OA, "HCC_ZALO_APP_ID": "1",
        "HCC_SECRET_KEYS": "0123456789abcdef",
    }  # fmt: skip
    ended = {
        words: subprocess.run(
            [sys.executable, "-c", "from operators.cli.main import main; main()", *words.split()],
            cwd=ROOT, env={**os.environ, **given}, capture_output=True, text=True, timeout=240, check=False,
        )
        for words in ("dead list", "retries")
    }  # fmt: skip
    assert [one.returncode for one in ended.values()] == [ExitCode.AWAY, ExitCode.AWAY]
    assert ended["dead list"].stderr.startswith("Không kết nối được sổ thông báo (HCC_DATABASE_URL): máy chủ từ chối")
    assert ended["retries"].stderr.startswith("Không kết nối được Redis (HCC_REDIS_URL): máy chủ từ chối kết nối")
    assert not any("Traceback" in one.stderr for one in ended.values())


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_is_told_how_to_complete_our_commands(run: Run, shell: str) -> None:
    result = run("completion", shell)
    assert result.exit_code == 0
    assert f"_HCC_COMPLETE={shell}_complete" in result.output


def test_a_noun_is_completed_by_the_command_itself() -> None:
    asked = {**os.environ, "_HCC_COMPLETE": "bash_complete", "COMP_WORDS": "hcc unre", "COMP_CWORD": "1"}
    program = Path(sys.executable).with_name("hcc")
    done = subprocess.run([program], env=asked, capture_output=True, text=True, check=True)
    assert done.stdout == "plain,unreachable\n"
