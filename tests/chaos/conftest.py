"""A world of its own for each scenario: killing its servers disturbs nobody else. At the end, all verdicts."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.chaos.run import Run

_PROPERTY = "chaos verdict"


class Begin(Protocol):
    """Begins a run; the arguments are the fields of `World`."""

    def __call__(self, **fields: Any) -> Run: ...


@pytest.fixture
def begin(request: pytest.FixtureRequest) -> Iterator[Begin]:
    """Runs with worlds of their own choice; gone with the test."""
    logs = Path(tempfile.mkdtemp(prefix="hcc-chaos-"))
    runs: list[Run] = []
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, logs, ignore_errors=True)
        scenario = request.node.name.removeprefix("test_")

        def started(**fields: Any) -> Run:
            runs.append(stack.enter_context(Run(scenario=scenario, logs=logs, **fields)))
            return runs[-1]

        yield started
    for verdict in (verdict for run in runs for verdict in run.verdicts):
        request.node.user_properties.append((_PROPERTY, asdict(verdict)))


@pytest.fixture
def run(begin: Begin) -> Run:
    """A running world of the usual kind, with nothing to do yet."""
    return begin()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One table of all verdicts, also where several processes shared the tests."""
    reports = [report for kind in terminalreporter.stats.values() for report in kind]
    properties = [
        pair for report in reports if getattr(report, "when", "") == "teardown" for pair in report.user_properties
    ]
    verdicts = [verdict for name, verdict in properties if name == _PROPERTY]
    if not verdicts:
        return
    columns = [name for name in verdicts[0] if name != "scenario"]
    width = max(len(verdict["scenario"]) for verdict in verdicts)
    write = partial(terminalreporter.write_line)
    terminalreporter.section("chaos: what came of it")
    write(" ".join(["scenario".ljust(width), *columns]))
    for verdict in sorted(verdicts, key=lambda verdict: str(verdict["scenario"])):
        cells = [str(verdict[name]).rjust(len(name)) for name in columns]
        write(" ".join([str(verdict["scenario"]).ljust(width), *cells]))
