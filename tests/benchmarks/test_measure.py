"""The arithmetic of the benchmarks, and the pages that they write."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.measure import cpu_seconds, percentile
from benchmarks.report import Report
from benchmarks.world import sizes
from config.settings import ROOT


def test_a_percentile_is_a_value_that_was_measured() -> None:
    """The smallest one that the share of all values does not exceed."""
    values = [float(number) for number in range(1, 101)]
    assert [percentile(values, share) for share in (0, 0.5, 0.99, 1)] == [1, 50, 99, 100]
    assert percentile([7.0], 0.99) == 7


def test_sizes_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`BENCH_SIZES=10k,1.5M`, else the benchmark's own."""
    assert sizes("10k") == {"10k": 10_000}
    monkeypatch.setenv("BENCH_SIZES", "250,1.5M")
    assert sizes("10k") == {"250": 250, "1.5M": 1_500_000}


def test_cpu_time_counts_children_that_have_ended() -> None:
    """A process whose child burnt a third of a second has used it."""
    before = cpu_seconds([os.getpid()])
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    subprocess.run([sys.executable, "-c", burn], check=True)
    assert cpu_seconds([os.getpid()])[os.getpid()] - before[os.getpid()] >= 0.2  # in ticks of 10 ms


def test_a_report_is_a_page_that_says_when_where_and_how(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Date, cores and command, and no path of this machine."""
    monkeypatch.setattr(report, "PAGES", tmp_path)
    page = Report("poll", "Poll cost")
    page.table(("poll", "time"), [("idle", "1 ms")])
    page.write()
    text = (tmp_path / "poll.md").read_text("utf-8")
    assert "| idle | 1 ms |" in text
    assert f"{os.cpu_count()} cores" in text
    assert "python -m benchmarks.poll" in text
    assert str(ROOT) not in text
