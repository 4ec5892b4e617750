"""The alert rules: each can be read, selects metrics that exist, leads to a runbook, and has a time course."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from config.settings import ROOT
from operators.metrics.table import METRICS
from tests.operators.metrics.conftest import selectors

FOLDER = ROOT / "deploy" / "prometheus"
COURSES = sorted(FOLDER.glob("*.test.yml"))
GROUPS: list[dict[str, Any]] = yaml.safe_load((FOLDER / "rules.yml").read_text("utf-8"))["groups"]
RULES: dict[str, dict[str, Any]] = {rule["alert"]: rule for group in GROUPS for rule in group["rules"]}
LABELS = {sample: set(metric.labels) for name, metric in METRICS.items() for sample in metric.samples(name)}
OF_TARGET = {"up": {"job", "instance"}}
"""What Prometheus itself knows of a target."""


def labels_of(expression: str) -> dict[str, set[str]]:
    """The metrics of an expression, each with the labels by which it is selected."""
    found: dict[str, set[str]] = {}
    for selector in selectors(expression):
        matchers = {matcher.name for matcher in selector.matchers.matchers}
        found.setdefault(selector.name, set()).update(matchers - {"__name__"})
    return found


@pytest.mark.parametrize("name", RULES)
def test_every_rule_selects_metrics_of_the_table_by_labels_that_they_have(name: str) -> None:
    used = labels_of(RULES[name]["expr"])
    assert used, "an expression without a metric"
    for metric, labels in used.items():
        assert labels <= (LABELS | OF_TARGET)[metric]


@pytest.mark.parametrize("name", RULES)
def test_every_rule_says_in_vietnamese_what_is_wrong_and_leads_to_a_heading_with_its_name(name: str) -> None:
    rule = RULES[name]
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert re.search(r"[ạảãàáăắằặẳâấầậẩđêếềệểôốồộổơớờợởưứừựửíìịỉùúụủýỳ]", rule["annotations"]["summary"])
    file, _, heading = rule["annotations"]["runbook_url"].partition("#")
    page = (ROOT / file).read_text("utf-8")
    assert file.startswith("docs/runbooks/")
    assert heading == name.lower()
    assert f"\n### {name}\n" in page, f"{file} has no heading {name}"


def test_labels_of_summaries_are_those_that_the_rule_keeps() -> None:
    for name, rule in RULES.items():
        told = set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
        kept = set(re.findall(r"\w+", " ".join(re.findall(r" by \(([^)]*)\)", rule["expr"]))))
        assert told <= kept, name


def test_every_rule_has_a_course_in_which_it_is_silent_and_one_in_which_it_fires() -> None:
    tests = [test for file in COURSES for test in yaml.safe_load(file.read_text("utf-8"))["tests"]]
    steps = [step for test in tests for step in test["alert_rule_test"]]
    assert {step["alertname"] for step in steps if step["exp_alerts"]} == set(RULES)
    assert {step["alertname"] for step in steps if not step["exp_alerts"]} == set(RULES)


def test_the_time_courses_are_as_promtool_plays_them() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed: the time courses of the alert rules are not played")
    played = subprocess.run([promtool, "test", "rules", *COURSES], capture_output=True, text=True, check=False)
    assert played.returncode == 0, played.stdout + played.stderr
