"""What a verb answers to a program, and with which exit status a command ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import click
import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, text

from config.settings import ROOT
from coordination.connection import BrokerDown
from domain.lifecycle import State
from ledger.base.sealing import Sealer
from ledger.notices import verbs
from ledger.notices.verbs import Choice
from ledger.reports.seals import AuditSeals
from ledger.zalo.credentials import Credentials, Pair
from operators.cli import bulk, input, main, progress  # noqa: A004 (a module of ours)
from operators.cli.exits import ExitCode
from operators.cli.main import hcc
from operators.reasons import is_away
from producers.dossiers.source import SourceError, SourceUnreachableError
from tests.operators.conftest import NOBODY, OA, Run
from tests.operators.test_verbs import ACCOUNT, hold, record, rows


@pytest.fixture
def dead(ledger: Engine) -> list[int]:
    """Three dead notices of three dossiers."""
    ids = record(ledger, ("H-1", "accepted"), ("H-2", "accepted"), ("H-3", "result_ready"))
    hold(ledger, State.DEAD, ids)
    return ids


def test_a_verb_answers_how_many_which_not_and_by_which_act(run: Run, ledger: Engine, dead: list[int]) -> None:
    """The act's number is the one by which it is stopped and resumed; a part is status 5, nothing is status 3."""
    hold(ledger, State.SENT, dead[:1])
    result = run("dead", "retry", *dead[:2], 999, "--json", *ACCOUNT)
    answered = json.loads(result.stdout)
    [(act,)] = rows(ledger, "SELECT id FROM acts")
    assert result.exit_code == ExitCode.PARTLY
    assert list(answered)[:3] == ["done", "refused", "act"]
    assert (answered["done"], answered["act"]) == (1, act)
    assert answered["refused"] == [{"id": dead[0], "state": "sent"}, {"id": 999, "state": None}]
    again = run("dead", "retry", *dead[:2], "--json", *ACCOUNT)
    assert (again.exit_code, json.loads(again.stdout)["done"]) == (ExitCode.NOTHING, 0)


def test_a_dry_run_counts_and_shows_the_first_and_changes_nothing(run: Run, ledger: Engine) -> None:
    hold(ledger, State.DEAD, record(ledger, *((f"H-{number:02}", "accepted") for number in range(25))))
    tried = json.loads(run("dead", "discard", "--all", "--dry-run", "--json", *ACCOUNT).stdout)
    assert (tried["verb"], tried["would_do"], len(tried["first"])) == ("dead discard", 25, bulk.FIRST)
    shown = run("dead", "discard", "--all", "--dry-run", *ACCOUNT).output
    assert "25 thông báo sẽ được làm (dead discard); chưa làm gì." in shown
    assert ("H-00/accepted/1" in shown, "H-24/accepted/1" in shown) == (True, False)
    assert rows(ledger, "SELECT count(*) FROM acts") == [(0,)]


@pytest.mark.parametrize("words", [("--all",), ("--kind", "result_ready")])
def test_at_a_terminal_a_no_changes_nothing(
    run: Run, ledger: Engine, dead: list[int], monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    """Also where the filter happens to match one notice. `--yes` is the answer yes."""
    monkeypatch.setattr(bulk, "at_a_terminal", lambda: True)
    asked = run("dead", "discard", *words, *ACCOUNT, lines="n\n")
    assert (asked.exit_code, "Làm?" in asked.output) == (1, True), "click's runner shows Abort as 1; `main` as 130"
    assert rows(ledger, "SELECT DISTINCT state FROM notices") == [("dead",)]
    assert run("dead", "discard", *words, "--yes", *ACCOUNT).exit_code == ExitCode.OK


@pytest.mark.parametrize("leaving", [KeyboardInterrupt, SystemExit], ids=["Ctrl-C", "a closed terminal"])
def test_whoever_leaves_the_question_has_not_agreed(
    run: Run, ledger: Engine, dead: list[int], monkeypatch: pytest.MonkeyPatch, leaving: type[BaseException]
) -> None:
    """The act is stopped, so that nobody's later command carries it out."""

    def left(*_: object, **__: object) -> bool:
        raise leaving

    with monkeypatch.context() as terminal:
        terminal.setattr(bulk, "at_a_terminal", lambda: True)
        terminal.setattr(bulk.click, "confirm", left)
        run("dead", "discard", "--all", "--by", "Lan", "--why", "thử")
    assert rows(ledger, "SELECT stopped_by, done FROM acts") == [("Lan", 0)]
    again = run("dead", "discard", "--all", "--by", "Lan", "--why", "thử")
    assert "Làm tiếp" not in again.stderr
    assert rows(ledger, "SELECT stopped_by, done FROM acts ORDER BY id DESC LIMIT 1") == [(None, len(dead))]


def test_what_another_began_is_not_finished_in_their_name(run: Run, ledger: Engine) -> None:
    """The own act goes on, and says what is not of it."""
    hold(ledger, State.DEAD, record(ledger, *((f"H-{number}", "accepted") for number in range(3))))
    with ledger.begin() as tx:
        verbs.begin(tx, OA, verbs.DISCARD, Choice(), by="Lan", why="thử")
    hold(ledger, State.DEAD, record(ledger, ("H-new", "accepted")))
    resumed = run("dead", "discard", "--all", "--by", "Lan", "--why", "thử")
    assert "còn dở: đã làm 0/3" in resumed.stderr
    assert "Còn 1 thông báo không thuộc việc số" in resumed.stderr
    with ledger.begin() as tx:
        verbs.begin(tx, OA, verbs.DISCARD, Choice(), by="Lan", why="thử")
    begun = run("dead", "discard", "--all", "--by", "Minh", "--why", "thử")
    assert "còn dở" not in begun.stderr
    assert rows(ledger, "SELECT by, done, until IS NULL FROM acts ORDER BY id") == [
        ("Lan", 3, False),
        ("Lan", 0, True),
        ("Minh", 1, False),
    ]


def test_holds_and_events_are_tried_and_asked_for_too(run: Run) -> None:
    for words in (("hold", "lift"), ("events", "discard"), ("events", "retry")):
        tried = json.loads(run(*words, "--all", "--dry-run", "--json", *ACCOUNT).stdout)
        assert tried == {"verb": " ".join(words), "would_do": 0, "first": []}
        assert run(*words, "--all", *ACCOUNT).exit_code == ExitCode.NOTHING


def test_an_act_that_was_stopped_elsewhere_ends_partly(
    run: Run, ledger: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left is said, and how to go on."""
    hold(ledger, State.DEAD, record(ledger, *((f"H-{number}", "accepted") for number in range(3))))
    go_on = verbs.go_on

    def stopped_after_a_page(ledger: Engine, number: int) -> Iterator[set[int]]:
        for page in go_on(ledger, number, page=1):
            yield page
            run("act", "stop", number, *ACCOUNT)

    monkeypatch.setattr(verbs, "go_on", stopped_after_a_page)
    result = run("dead", "retry", "--all", "--json", *ACCOUNT)
    assert (result.exit_code, json.loads(result.stdout)["done"]) == (ExitCode.PARTLY, 1)
    assert "còn 2 thông báo; làm tiếp: `hcc act resume" in result.stderr
    monkeypatch.undo()
    with ledger.connect() as connection:
        assert verbs.count(connection, OA, State.DEAD, Choice()) == 2


SHAPE = ["done", "refused", "act"]


def test_every_verb_answers_in_one_shape(run: Run, ledger: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """`done`, `refused`, `act`, then what is the verb's own."""
    monkeypatch.setenv("HCC_BY", "Lan")
    given = {
        "switch off kind accepted": [1, "switch", "until", "held"],
        "switch on kind accepted": [1, "switch", "waited", "let_go"],
        "alarm test": [0, "staff", "mailboxes"],
        "purge": [0, "dropped", "given_up"],
        "restore --check": [0, "since", "states"],
    }
    for words, (done, *more) in given.items():
        answered = json.loads(run(*words.split(), "--why", "x", "--json").stdout)
        assert list(answered) == [*SHAPE, *more], words
        assert (answered["done"], answered["refused"], answered["act"]) == (done, [], None), words
    answered = json.loads(run("migrate", "--json").stdout)
    assert (answered["done"], answered["before"]) == (0, answered["after"])
    assert rows(ledger, "SELECT DISTINCT by FROM audit") == [("Lan",)]


def test_followers_and_staff_are_answered_in_the_same_shape(
    run: Run, ledger: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linked without `--by`, as scripts do: the user of the operating system is the one who did it."""
    monkeypatch.delenv("HCC_BY", raising=False)
    monkeypatch.setattr("getpass.getuser", lambda: "root")
    line = json.dumps({"user_id": "8421977", "phone": "0912345678"})
    linked = json.loads(run("follower", "link", "-", "--json", lines=f"{line}\n").stdout)
    assert list(linked) == [*SHAPE, "reopened"]
    assert (linked["done"], linked["refused"]) == (1, [])
    assert rows(ledger, "SELECT by, why FROM audit WHERE verb = 'follower link'") == [("root", "nhập tay")]
    assert rows(ledger, "SELECT by FROM audit WHERE verb = 'phone link opened'") == [("root",)]
    assert rows(ledger, "SELECT link_source FROM followers") == [("cli: nhập tay",)]


def test_proofs_and_links_are_shown_in_vietnamese_and_stored_as_before(run: Run, ledger: Engine) -> None:
    """In the table of followers, of the audit, and for a person; JSON has what is stored."""
    line = json.dumps({"user_id": "8421977", "phone": "0912345678"})
    assert run("follower", "link", "-", *ACCOUNT, lines=f"{line}\n").exit_code == ExitCode.OK
    shown = run("follower", "list").output
    assert [word in shown for word in ("người trực nối", "có", "True", "operator")] == [True, True, False, False]
    assert json.loads(run("follower", "list", "--json").stdout)[0]["proof"] == "operator"
    assert "xác nhận số: người trực nối." in run("person", *ACCOUNT, lines="0912345678\n").output
    run("person", *ACCOUNT, lines="0912345679\n")
    audit = run("audit", "list").output
    assert "Nối số điện thoại" in audit
    assert "Xác nhận đã đủ; xác nhận số: người trực nối" in audit
    assert "số điện thoại không có trong hồ sơ nào" in audit
    stored = {row["why"] for row in json.loads(run("audit", "list", "--json").stdout)}
    assert "the proof suffices; proof: operator" in stored


def test_a_phone_that_cannot_be_linked_is_refused_with_the_reports_words(run: Run) -> None:
    refused = run("follower", "link", "8421977", *ACCOUNT)
    assert (refused.exit_code, "missing" in refused.output) == (ExitCode.FAULT, False)
    assert "Dòng 1: số điện thoại không dùng được: " in refused.output


def test_an_unknown_dossier_is_nothing_for_people_and_an_object_for_scripts(run: Run) -> None:
    """Scripts ask again and again until there is a notice: decision 20."""
    assert run("dossier", "H27.37-240219-9999").exit_code == ExitCode.NOTHING
    result = run("dossier", "H27.37-240219-9999", "--json")
    assert result.exit_code == ExitCode.OK
    assert json.loads(result.stdout) == {"code": "H27.37-240219-9999", "notices": [], "oddities": []}


@pytest.mark.parametrize(
    ("words", "refused"),
    [
        ("act stop 999", {"id": 999, "why": "not found"}),
        ("act resume 999", {"id": 999, "why": "not found"}),
        ("report schedule remove 99", {"id": 99, "why": "not found"}),
        ("switch on kind accepted", {"sort": "kind", "name": "accepted", "why": "not off"}),
        ("template approve accepted 99", {"why": "unknown"}),
        ("dead retry 999", {"id": 999, "state": None}),
        ("events retry 5", {"id": 5, "why": "not found"}),
        ("hold lift nosuch", {"key": "nosuch", "why": "not held"}),
    ],
)
def test_a_verb_that_finds_nothing_says_so_to_programs_and_leaves_no_audit_row(
    run: Run, ledger: Engine, words: str, refused: dict[str, object]
) -> None:
    """`done` is 0 and `refused` has what was named; the sentence for people is on standard error."""
    result = run(*words.split(), "--json", *ACCOUNT)
    answered = json.loads(result.stdout)
    assert (result.exit_code, answered["done"], answered["refused"]) == (ExitCode.NOTHING, 0, [refused])
    assert (answered["act"], result.stderr != "") == (None, True)
    assert rows(ledger, "SELECT verb FROM audit") == []


def test_a_finished_act_is_not_resumed_and_the_try_is_no_deed(run: Run, ledger: Engine, dead: list[int]) -> None:
    """The console does not write one either."""
    act = json.loads(run("dead", "retry", *dead, "--json", *ACCOUNT).stdout)["act"]
    result = run("act", "resume", act, "--json", *ACCOUNT)
    assert (result.exit_code, json.loads(result.stdout)["refused"]) == (
        ExitCode.NOTHING,
        [{"id": act, "why": "finished"}],
    )
    assert rows(ledger, "SELECT verb FROM audit") == [("dead retry",)]


def test_a_dossier_without_a_code_is_refused_in_vietnamese(run: Run) -> None:
    for code, says in (
        ("", "không được để trống."),
        (" ", "không được để trống."),
        ("x" * 200, "không phải là mã"),
        ("Nguyễn Văn A", "không phải là mã"),
    ):
        result = run("dossier", code)
        assert (result.exit_code, says in result.output) == (ExitCode.USAGE, True), result.output


def test_a_person_at_a_terminal_is_asked_on_standard_error(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the command seems to hang; a pipe is asked nothing."""
    assert "Số điện thoại:" not in run("person", *ACCOUNT, lines="0912345678\n").output
    monkeypatch.setattr(input, "at_a_terminal", lambda: True)
    asked = run("person", "--json", *ACCOUNT, lines="0912345678\n")
    assert (asked.stderr.startswith("Số điện thoại:\n"), json.loads(asked.stdout)["people"]) == (True, [])
    staff = run("staff", "remove", *ACCOUNT, lines="7\n")
    assert staff.stderr.startswith("Đọc từ bàn phím; xong thì nhấn Ctrl-D")


def test_a_dead_token_is_a_fault_for_people_and_an_object_for_scripts(run: Run, ledger: Engine) -> None:
    made = Credentials(Sealer(["0123456789abcdef"]))
    with ledger.begin() as tx:
        made.store(tx, OA, Pair("access", "refresh", 3600))
        tx.execute(text("UPDATE credentials SET dead_because = 'invalid refresh token'"))
    told, answered = run("oa", "status"), run("oa", "status", "--json")
    assert (told.exit_code, answered.exit_code) == (ExitCode.FAULT, ExitCode.OK)
    assert json.loads(answered.stdout)["dead_because"] == "invalid refresh token"


def test_a_source_that_is_away_is_no_fault_of_ours(run: Run) -> None:
    result = run("poll", "--once", "--json")
    assert result.exit_code == ExitCode.AWAY
    answered = json.loads(result.stdout)
    assert (answered["done"], answered["act"]) == (0, None)
    assert [refused["oa"] for refused in answered["refused"]] == [None]


def test_away_is_what_may_work_later() -> None:
    assert [is_away(SourceUnreachableError("x")), is_away(BrokerDown("x"))] == [True, True]
    assert [is_away(SourceError("x")), is_away(ValueError("x"))] == [False, False]


def test_preview_answers_in_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HCC_DATABASE_URL", NOBODY)
    told = json.loads(CliRunner().invoke(hcc, ["preview", "accepted", "--json"]).stdout)
    assert (told["kind"], "hồ sơ" in told["text"]) == ("accepted", True)


def test_a_slow_task_tells_how_far_it_is_and_a_quick_one_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a pipe, on standard error: standard output belongs to the answer."""
    with progress.working("Đang làm", 10) as tell:
        tell(3)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(progress, "_SLOW", 0.01)
    said = ""
    with progress.working("Đang làm", 10) as tell:
        tell(3)
        end = time.monotonic() + 10.0
        while "Đang làm: 3/10 (" not in said:
            assert time.monotonic() < end, "nothing was said"
            said += capsys.readouterr().err


def real(*words: str, code: str = "from operators.cli.main import main; main()", **more: Any) -> subprocess.Popen[str]:
    """The command in a process of its own."""
    return subprocess.Popen([sys.executable, "-c", code, *words], cwd=ROOT, text=True, stdin=subprocess.DEVNULL, **more)


@pytest.mark.parametrize("words", ["--help", "--version", "dead --help", "help exit-codes", "preview --list --json"])
def test_output_that_nobody_reads_is_no_fault(words: str) -> None:
    """`hcc … | true`: the status of a closed pipe, and no word on standard error."""
    reader, writer = os.pipe()
    os.close(reader)
    process = real(*words.split(), stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (ExitCode.UNREAD, "")


def test_a_verb_whose_answer_nobody_reads_is_done_and_no_fault(run: Run, ledger: Engine, dead: list[int]) -> None:
    """`run` has set the environment. Without any standard output the status is that of the work."""
    reader, writer = os.pipe()
    os.close(reader)
    process = real("dead", "retry", str(dead[0]), *ACCOUNT, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (process.communicate(timeout=60)[1], process.returncode) == ("", ExitCode.UNREAD)
    assert rows(ledger, f"SELECT state FROM notices WHERE id = {dead[0]}") == [("due",)]
    without = ["sh", "-c", '"$0" -c "from operators.cli.main import main; main()" "$@" >&-', sys.executable]
    done = subprocess.run([*without, "dead", "retry", str(dead[1]), *ACCOUNT], cwd=ROOT, timeout=60, check=False)
    assert done.returncode == ExitCode.OK


def test_a_sentence_that_nobody_reads_is_no_traceback() -> None:
    """Standard error goes into the closed pipe too."""
    reader, writer = os.pipe()
    os.close(reader)
    process = real("nosuch", stdout=writer, stderr=writer)
    os.close(writer)
    assert process.wait(timeout=60) == ExitCode.UNREAD


def test_the_status_of_a_check_is_that_of_the_program(
    run: Run, ledger: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Click returns the status of an `Exit` to `main`, which must not drop it."""
    assert run("switch", "off", "kind", "accepted", *ACCOUNT).exit_code == ExitCode.OK
    with ledger.begin() as tx:
        AuditSeals.of(ledger, Sealer(["0123456789abcdef"])).seal_new(tx)
    for by, status in (("Lan", ExitCode.OK), ("Minh", ExitCode.FAULT)):
        with ledger.begin() as tx:
            tx.execute(text("UPDATE audit SET by = :by"), {"by": by})
        monkeypatch.setattr(sys, "argv", ["hcc", "audit", "verify"])
        with pytest.raises(SystemExit) as left:
            main.main()
        assert left.value.code == status, capsys.readouterr().out


def test_ctrl_c_ends_with_the_status_of_an_interrupt(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(**_: object) -> None:
        raise click.Abort

    monkeypatch.setattr(main, "hcc", interrupted)
    with pytest.raises(SystemExit) as left:
        main.main()
    assert (left.value.code, capsys.readouterr().err) == (ExitCode.INTERRUPTED, "Đã dừng.\n")
