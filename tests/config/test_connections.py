"""The number of connections: the arithmetic of `docs/scaling.md`."""

from __future__ import annotations

from config.connections import Counts, ProcessCounts, ProcessPlan, most


def test_the_worked_example_is_right() -> None:
    """Four hosts with two children each, one beat, one web, one console, and two commands of operators."""
    four = ProcessPlan(hosts=4, children=2)
    assert most(four, "redis://redis/0") == Counts(
        ledger=4 * 2 * 10 + 10 + 8 + 2 * 5,
        redis=4 + 8 * (8 + 1 + 1 + 2) + 1,
        broker=4 * (8 + 2 * 4) + 4 + 6 + 2 + 2 * 2,
    )
    assert most(four, "amqp://rabbit//") == Counts(ledger=108, redis=101, broker=4 * (2 + 2 * 2) + 2 + 3 + 1 + 2)


def test_what_runs_is_counted_as_it_is() -> None:
    """Workers of different sizes, two beats, no web: no plan says that."""
    seen = ProcessCounts(workers=2, children=5, beats=2, webs=0)
    broker = 2 * 2 + 5 * 2 + 2 * 2 + 2
    assert most(seen, "amqp://rabbit//") == Counts(ledger=5 * 10 + 2 * 5, redis=2 + 8 * (5 + 2) + 2, broker=broker)


def test_each_host_adds_the_same() -> None:
    """So that one can plan by host."""
    ledgers = [most(ProcessPlan(hosts, children=8), "amqp://rabbit//").ledger for hosts in (1, 2, 3)]
    assert ledgers[1] - ledgers[0] == ledgers[2] - ledgers[1] == 8 * 10
