"""The whole command line: it is quick, whole and documented, and every command keeps the same rules."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from config.settings import ROOT
from domain.kinds import RANK
from ledger.migrate import newest
from ledger.notices import switches, verbs
from operators.cli.exits import ExitCode
from operators.cli.main import SECTIONS, hcc
from operators.cli.switch import SORTS
from operators.cli.uncertain import settle
from operators.cli.vietnamese import TEXTS
from tests.operators.conftest import Run

HEAVY = (
    "sqlalchemy",
    "celery",
    "kombu",
    "alembic",
    "pydantic",
    "django",
    "sandbox",
    "worker",
    "ledger",
    "rich",
    "typst",
)
NO_JSON = {
    "hcc demo": "a play for people, which runs for a minute",
    "hcc up": "runs until it is stopped; its processes print their own lines",
    "hcc web": "runs until it is stopped",
    "hcc console": "runs until it is stopped",
    "hcc completion": "prints a script of the shell",
}
"""The commands without `--json`, each with the reason."""

ALONE = {
    "hcc account list",
    "hcc dossier",
    "hcc why",
    "hcc units import",
    "hcc poster",
    "hcc source check",
    "hcc templates check",
    "hcc connections",
}
"""Examples that need a code, a server or a file that this test has not."""
VERBS = re.compile(r" --by | --post| --xlsx | --pdf |oa import|follower link|poll --once|purge")
"""Examples that change something: they are parsed and not run."""


def commands(group: click.Command = hcc, path: str = "hcc") -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, with its words."""
    if not isinstance(group, click.Group):
        yield path, group
        return
    context = click.Context(group, info_name=path)
    for name in group.list_commands(context):
        below = group.get_command(context, name)
        assert below is not None
        yield from commands(below, f"{path} {name}")


def groups() -> Iterator[tuple[str, click.Command]]:
    """Every command of the table, nouns included."""
    context = click.Context(hcc, info_name="hcc")
    for name in hcc.list_commands(context):
        yield name, hcc.get_command(context, name)


COMMANDS = dict(commands())
EXAMPLES = [line.strip() for command in COMMANDS.values() for line in (command.epilog or "").split("\n")[2:]]


def loaded_by(*words: str, **environment: str) -> set[str]:
    """The heavy packages that a command has imported when it ends."""
    code = f"""
import atexit, sys
atexit.register(lambda: print(sorted(name for name in sys.modules if name in {HEAVY!r}), file=sys.stderr))
sys.argv = ["hcc", *{list(words)!r}]
from operators.cli.main import main
main()
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    return set(re.findall(r"'(\w+)'", ended.stderr.strip().splitlines()[-1]))


@pytest.mark.parametrize("words", [("--help",), ("dead", "retry", "--help"), ("oa", "-h")])
def test_help_imports_nothing_heavy(words: tuple[str, ...]) -> None:
    """Help is asked for at every turn; it needs neither the ledger's libraries nor the sandbox."""
    assert loaded_by(*words) == set()


def test_completion_imports_nothing_heavy() -> None:
    """Each press of TAB starts the command."""
    asked = {"_HCC_COMPLETE": "bash_complete", "COMP_WORDS": "hcc dead retry --kind acc", "COMP_CWORD": "4"}
    assert loaded_by(**asked) == set()


def test_every_command_of_the_table_is_there_with_its_own_short_help() -> None:
    """`hcc --help` shows the table, `hcc NOUN --help` the command: they say the same."""
    rows = {name: row.short_help for section in SECTIONS.values() for name, row in section.items()}
    assert {name: command.short_help for name, command in groups()} == rows
    assert {name: command.name for name, command in groups()} == {name: name for name in rows}


def test_every_command_answers_in_json_but_those_with_a_reason() -> None:
    lacking = {
        path for path, command in COMMANDS.items() if "--json" not in {o for p in command.params for o in p.opts}
    }
    assert lacking == set(NO_JSON)


def test_every_verb_asks_for_a_name_and_a_why_in_the_same_words() -> None:
    """Whoever has one has the other."""
    for path, command in COMMANDS.items():
        options = {option for param in command.params for option in param.opts}
        assert ("--by" in options) is ("--why" in options), path


def test_every_verb_on_many_can_be_tried_and_asks_first() -> None:
    """`hcc poster --all` is no verb: it changes nothing, and writes one file."""
    for path, command in COMMANDS.items():
        options = {option for param in command.params for option in param.opts}
        if "--all" in options and path != "hcc poster":
            assert {"--dry-run", "--yes"} <= options, path


def test_every_command_has_examples() -> None:
    for path, command in COMMANDS.items():
        heading, first, *_more = [*(command.epilog or "\n").split("\n")[1:], ""]
        assert heading == "Ví dụ:", path
        assert path in first, path


@pytest.mark.parametrize("line", EXAMPLES)
def test_every_example_can_be_typed(line: str) -> None:
    """It is parsed by the command that it names."""
    context, rest = parsed(line)
    assert rest == []
    assert not isinstance(context.command, click.Group)


def words_of(line: str) -> list[str]:
    """The words after `hcc`, without what the shell does around them."""
    bare = re.sub(r' < \S+$|^eval "\$\(|\)"$', "", line)
    program, *words = shlex.split(bare)
    assert program == "hcc"
    return words


def parsed(line: str) -> tuple[click.Context, list[str]]:
    """The context of the command that a line names, and the words that are left."""
    context, words = click.Context(hcc, info_name="hcc"), words_of(line)
    while isinstance(context.command, click.Group):
        found = context.command.get_command(context, words[0])
        assert found is not None, line
        if isinstance(found, click.Group):
            context = click.Context(found, info_name=words[0], parent=context)
            words = words[1:]
        else:
            return found.make_context(words[0], words[1:], parent=context), []
    return context, words


def harmless(line: str) -> bool:
    """Whether an example only reads, and needs nothing but the ledger and Redis."""
    path = parsed(line)[0].command_path
    alone = path in ALONE | set(NO_JSON) or path in {"hcc migrate", "hcc doctor", "hcc oa login", "hcc oa status"}
    return not alone and (not VERBS.search(line) or "--dry-run" in line)


def test_the_harmless_examples_run(run: Run) -> None:
    """What reads, and what is only tried, ends well on an empty ledger."""
    lines = {parsed(line)[0].command_path: line for line in EXAMPLES if harmless(line)}  # the last one of each command
    assert len(lines) > 20
    for line in lines.values():
        result = run(*words_of(line))
        assert result.exit_code == 0, f"{line}: {result.output}"
        if "--json" in line:
            json.loads(result.stdout)


ENGLISH = re.compile(
    r"Usage|Options|Commands|Show|message|OPTIONS|ARGS|TEXT|INTEGER|\[required|default:|Error|Missing|Invalid|Choose"
)


def test_no_help_page_speaks_english() -> None:
    """Headings, types and remarks of click are Vietnamese; names of products and of columns stay."""
    for path in [*COMMANDS, *(f"hcc {name}" for name, _command in groups()), "hcc"]:
        shown = CliRunner().invoke(hcc, [*path.split()[1:], "--help"], prog_name="hcc").output
        assert shown.startswith("Cách dùng: hcc"), path
        assert not ENGLISH.search(shown.replace("HCC_", "")), f"{path}: {ENGLISH.search(shown)}"
        assert all(kind not in shown for kind in ("appointment_changed|", "|collect_reminder")), path


@pytest.mark.parametrize(
    "words",
    ["dead retry", "dead lst", "dead retry --al", "hold lift --by", "dead list --limit x", "dead list --limit 0",
     "switch off", "switch off kin", "oa import x", "report reach --since x", "preview acepted", "dead list --yes=1",
     "act stop", "x", "dead"],
)  # fmt: skip
def test_no_fault_of_usage_speaks_english(words: str) -> None:
    result = CliRunner().invoke(hcc, words.split(), prog_name="hcc")
    assert result.exit_code == ExitCode.USAGE
    assert not ENGLISH.search(result.output), result.output


@pytest.mark.parametrize(
    "words",
    [
        "report reach --since x",
        "units list --at 2025-13-01",
        "quarantine list --from 1/1",
        "purge --today x --by x --why x",
    ],
)
def test_a_wrong_day_is_told_how_one_is_written(run: Run, words: str) -> None:
    result = run(*words.split())
    assert result.exit_code == ExitCode.USAGE
    assert "cần ngày như 2023-01-31 hoặc 31/01/2023." in result.output


def test_click_still_says_what_the_table_translates() -> None:
    """A text that click has reworded would be English again."""
    folder = Path(click.__file__).parent
    source = re.sub(r'"\s*\n\s*"', "", "\n".join(file.read_text("utf-8") for file in folder.glob("*.py")))
    unknown = {text for text in TEXTS if text.replace("\n", "\\n").replace("\t", "\\t") not in source}
    assert unknown == set()


def test_literals_that_help_need_not_import_are_those_of_the_ledger() -> None:
    [verdict] = [param for param in settle.params if param.name == "verdict"]
    assert isinstance(verdict.type, click.Choice)
    assert list(verdict.type.choices) == list(verbs.SETTLE)
    assert SORTS == switches.SORTS


def test_the_version_names_the_ledger_that_the_code_knows() -> None:
    said = CliRunner().invoke(hcc, ["--version"]).output
    assert re.fullmatch(rf"hcc \d+\.\d+\.\d+, sổ thông báo bản {newest()}\n", said)


def test_the_exit_statuses_are_told_by_the_command_and_by_the_page(run: Run) -> None:
    """Scripts rely on them; there is one table."""
    told = json.loads(run("help", "exit-codes", "--json").stdout)
    assert [(row["code"], row["name"]) for row in told] == [(code.value, code.name) for code in ExitCode]
    assert [code.value for code in ExitCode] == [0, 1, 2, 3, 4, 5, 130, 141, 143]
    page = (ROOT / "docs" / "reference" / "commands.md").read_text("utf-8")
    assert re.findall(r"^\| (\d+) \| `(\w+)` \|", page, re.MULTILINE) == [
        (str(code.value), code.name) for code in ExitCode
    ]


def test_the_page_of_commands_lists_every_command_and_no_other() -> None:
    page = (ROOT / "docs" / "reference" / "commands.md").read_text("utf-8")
    listed = re.findall(r"^\| `(hcc [^`]+?)(?: --\w+)?` \|", page, re.MULTILINE)
    assert sorted(listed) == sorted(COMMANDS)


def test_help_of_a_command_is_its_help_page(run: Run) -> None:
    assert "Gửi lại thông báo chết" in run("help", "dead", "retry").output
    assert json.loads(run("help", "dead", "--json").stdout)["command"] == "hcc dead"
    assert run("help", "ded").exit_code == ExitCode.USAGE


def test_completion_is_installed_where_the_shell_looks(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert run("completion", "bash", "--install").exit_code == 0
    assert "_HCC_COMPLETE=bash_complete" in (tmp_path / "bash-completion/completions/hcc").read_text("utf-8")
    assert "fpath=" in run("completion", "zsh", "--install").output


def completed(words: str, **environment: str) -> list[str]:
    """What bash is offered for the last word."""
    asked = {"_HCC_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    program = Path(sys.executable).with_name("hcc")
    ended = subprocess.run(
        [program], env={**os.environ, **asked, **environment}, capture_output=True, text=True, timeout=60, check=True
    )
    return [line.partition(",")[2] for line in ended.stdout.splitlines()]


def test_kinds_and_oas_are_completed(tmp_path: Path) -> None:
    assert completed("hcc dead list --kind fee_") == [kind for kind in RANK if kind.startswith("fee_")]
    file = tmp_path / "oas.toml"
    file.write_text('[ha-tinh]\nzalo_oa_id = "1"\n[nghe-an]\nzalo_oa_id = "2"\n', "utf-8")
    assert completed("hcc dead list --oa n", HCC_OAS=str(file)) == ["nghe-an"]


def test_who_acts_is_named_or_set(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--by`, else HCC_BY; without both a verb is refused."""
    verb = ("dead", "retry", "--all", "--why", "x")
    monkeypatch.delenv("HCC_BY", raising=False)
    refused = run(*verb)
    assert (refused.exit_code, "HCC_BY" in refused.output) == (ExitCode.USAGE, True)
    assert run("dead", "retry", "--all", "--dry-run").exit_code == ExitCode.OK, "it changes nothing"
    monkeypatch.setenv("HCC_BY", "Lan")
    assert run(*verb).exit_code == ExitCode.NOTHING
    assert run(*verb, "--by", " ").exit_code == ExitCode.USAGE
