"""The dashboard: every expression can be read, every metric is in the table, and every metric of the table is shown."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from config.settings import ROOT
from operators.metrics.table import METRICS
from tests.operators.metrics.conftest import selectors
from tests.operators.metrics.test_rules import LABELS, labels_of

BOARD: dict[str, Any] = json.loads((ROOT / "deploy" / "grafana" / "hcc-notify.json").read_text("utf-8"))
PANELS: list[dict[str, Any]] = [panel for panel in BOARD["panels"] if panel["type"] != "row"]
VARIABLES = {variable["name"] for variable in BOARD["templating"]["list"]}
EXPRESSIONS = [target["expr"] for panel in PANELS for target in panel["targets"]]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_expression_selects_metrics_of_the_table_by_labels_that_they_have(expression: str) -> None:
    for metric, labels in labels_of(expression).items():
        assert labels <= LABELS[metric]


def test_every_metric_is_shown() -> None:
    shown = {selector.name for expression in EXPRESSIONS for selector in selectors(expression)}
    assert {name for name, metric in METRICS.items() if not shown & set(metric.samples(name))} == set()


def test_it_is_one_board_whose_panels_do_not_overlap() -> None:
    """Grafana moves panels that overlap, differently in each version."""
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])


def test_it_names_no_server_and_only_its_own_variables() -> None:
    """It is imported beside any Prometheus."""
    text = json.dumps(BOARD, ensure_ascii=False)
    assert set(re.findall(r"\$\{?(\w+)\}?", text)) <= VARIABLES | {"__all"}
    assert {target["datasource"]["uid"] for panel in PANELS for target in panel["targets"]} == {"${datasource}"}


def test_the_runbooks_and_pages_that_it_names_exist() -> None:
    for path in re.findall(r"docs/[\w/-]+\.md", json.dumps(BOARD)):
        assert (ROOT / path).is_file(), path
