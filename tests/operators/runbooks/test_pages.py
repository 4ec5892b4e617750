"""The runbooks: every command can be typed, every alert and alarm leads to one, every one was drilled."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest

from config.settings import ROOT
from domain.alarm import AlarmCause
from ledger.reports.alarms import Alarm
from operators.alarms import letter
from operators.metrics.table import METRICS
from operators.runbooks import RUNBOOKS, runbook
from tests.operators.metrics.test_rules import RULES
from tests.operators.runbooks.pages import INDEX, PAGES, lines, named, rows
from tests.operators.test_commands import COMMANDS, parsed

NAMED = [ROOT / path for path in ("docs/reference/metrics.md", "docs/signals.md", "deploy/prometheus/rules.yml")]
"""Pages that name commands without their options."""


@pytest.mark.parametrize("page", [INDEX, *PAGES], ids=lambda page: page.stem)
def test_every_command_of_a_runbook_is_a_command_with_real_options(page: Path) -> None:
    """Within a sentence a verb may stand without its options; on a line of its own it can be typed."""
    for line in [*lines(page), *(span for span in named(page) if span not in COMMANDS)]:
        context, rest = parsed(line)
        assert rest == [], line
        assert not isinstance(context.command, click.Group), line


def test_commands_that_are_only_named_are_commands() -> None:
    for page in NAMED:
        for span in re.findall(r"`(hcc [a-z -]+?)(?: --[^`]*)?`", page.read_text("utf-8")):
            assert span in COMMANDS, f"{page.name}: {span}"


def test_the_index_has_every_page_every_alert_and_every_cause() -> None:
    listed = rows()
    assert sorted(listed) == [page.name for page in PAGES]
    of_rules = {name: Path(rule["annotations"]["runbook_url"].partition("#")[0]).name for name, rule in RULES.items()}
    assert {alert: page for page, (alerts, _, _) in listed.items() for alert in alerts} == of_rules
    of_causes = {cause: page for page, (_, causes, _) in listed.items() for cause in causes}
    assert of_causes == {cause.value: f"{name}.md" for cause, name in RUNBOOKS.items()}


def test_the_letter_about_an_alarm_names_its_runbook() -> None:
    begun = datetime(2026, 1, 31, tzinfo=UTC)
    alarm = Alarm(1, "", "token", "Zalo không còn cho OA gửi", begun, None)
    assert "Việc cần làm: docs/runbooks/grant.md. Xem `hcc doctor`." in letter(alarm, is_known=True)[1]
    assert "runbooks" not in letter(replace(alarm, cause="test"), is_known=True)[1]


def test_every_alarm_but_a_test_leads_to_a_runbook() -> None:
    assert set(RUNBOOKS) == set(AlarmCause) - {AlarmCause.TEST}
    assert runbook("feed:history") == "docs/runbooks/source.md"
    assert runbook("test") is None
    assert all((ROOT / (runbook(cause) or "")).is_file() for cause in RUNBOOKS)


@pytest.mark.parametrize("page", rows())
def test_every_runbook_was_drilled_by_a_test_that_exists(page: str) -> None:
    file, _, name = rows()[page][2].partition("::")
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_runbook_has_its_parts_and_says_it_in_english_too(page: Path) -> None:
    text = page.read_text("utf-8")
    for heading in ("\n## Dấu hiệu\n", "\n## Làm gì", "\n## Xong khi\n", "\n## In English\n"):
        assert heading in text, heading


def test_metrics_and_pages_that_a_runbook_names_exist() -> None:
    samples = {sample for name, metric in METRICS.items() for sample in metric.samples(name)}
    for page in [INDEX, *PAGES]:
        text = page.read_text("utf-8")
        assert set(re.findall(r"`(hcc_\w+)", text)) <= samples, page
        for link in re.findall(r"\]\(([^)#]+\.md)\)", text):
            assert (page.parent / link).is_file(), link
