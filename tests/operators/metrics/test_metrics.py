"""What `/metrics` shows is what its table says, and it says what it can while a server is away."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from sqlalchemy import text

from config.settings import ROOT
from ledger.reports import gauges
from operators.metrics import table
from operators.metrics.board import MetricBoard
from operators.metrics.table import METRICS, MetricSort
from tests.operators.metrics.conftest import OA, names_in
from worker.services.bootstrap import Services

Scrape = Callable[..., tuple[int, str]]
LABELS = frozenset({
    "oa", "state", "lane", "cause", "channel", "outcome", "code", "quantile", "scope", "feed", "column", "sort",
    "server", "role", "clock", "why", "word", "step",
})  # fmt: skip
"""Each has a closed list of values, or those that settings and the mapping name."""


def test_the_page_of_metrics_is_the_table() -> None:
    page = (ROOT / "docs" / "reference" / "metrics.md").read_text("utf-8")
    assert page == table.page(), "python -c 'from operators.metrics import table; print(table.page(), end=\"\")'"


def test_no_label_names_a_unit_a_person_or_a_host() -> None:
    assert {label for metric in METRICS.values() for label in metric.labels} <= LABELS


def test_every_metric_of_the_table_is_on_the_answer_and_no_other(eventful: Services, scrape: Scrape) -> None:
    status, answer = scrape(eventful, told=True)
    created = {name for name in names_in(answer) if name.endswith("_created")}  # the library's own
    assert status == 200
    assert names_in(answer) - created == {sample for name, metric in METRICS.items() for sample in metric.samples(name)}
    for name, metric in METRICS.items():
        wanted = set(metric.labels) | ({"le"} if metric.sort is MetricSort.HISTOGRAM else set())
        for labels in re.findall(rf"^{metric.samples(name)[0]}(\{{.*?\}})? \S+$", answer, re.MULTILINE):
            assert set(re.findall(r'(\w+)="', labels)) == wanted, name


def test_the_numbers_are_those_of_the_ledger_and_of_redis(eventful: Services, scrape: Scrape) -> None:
    answer = scrape(eventful)[1]
    for line in (
        'hcc_server_up{server="ledger"} 1.0', 'hcc_processes{role="child"} 2.0', 'hcc_processes{role="console"} 0.0',
        f'hcc_notices{{oa="{OA}",state="dead"}} 2.0', f'hcc_dead{{cause="other",oa="{OA}"}} 1.0',
        f'hcc_dead{{cause="budget",oa="{OA}"}} 0.0', f'hcc_uncertain_left{{oa="{OA}"}} 1.0',
        f'hcc_outcomes_5m{{channel="paper",code="7",oa="{OA}",outcome="refused"}} 5.0',
        f'hcc_outcomes_5m{{channel="paper",code="",oa="{OA}",outcome="sent"}} 30.0',
        f'hcc_delay_5m_seconds{{oa="{OA}",quantile="0.5"}} 2.0',
        f'hcc_delay_5m_seconds{{oa="{OA}",quantile="0.99"}} 30.0',
        f'hcc_held{{oa="{OA}",scope="channel"}} 1.0', f'hcc_held{{oa="{OA}",scope="app"}} 0.0',
        f'hcc_switches_off{{oa="{OA}",sort="kind"}} 1.0', f'hcc_budget_used_percent{{channel="zns",oa="{OA}"}} 12.0',
    ):  # fmt: skip
        assert line in answer
    [token] = re.findall(r"^hcc_token_seconds_left\{.*\} (\S+)$", answer, re.MULTILINE)
    [grant] = re.findall(r"^hcc_grant_seconds_left\{.*\} (\S+)$", answer, re.MULTILINE)
    assert 89_000 < float(token) <= 90_000
    assert 89 * 86_400 < float(grant) <= 90 * 86_400


def test_the_limit_shows_the_share_that_was_let_out(services: Services, scrape: Scrape) -> None:
    limits = services.limits(OA)
    assert f'hcc_limit_used_ratio{{oa="{OA}"}} 0.0' in scrape(services)[1]
    granted = sum(services.limiter.take(limits, 3).granted for _ in range(3))
    [used] = re.findall(r"^hcc_limit_used_ratio\{.*\} (\S+)$", scrape(services)[1], re.MULTILINE)
    assert float(used) == pytest.approx(granted / 600)


def test_a_grant_that_zalo_took_back_has_nothing_left(eventful: Services, scrape: Scrape) -> None:
    with eventful.ledger.begin() as tx:
        eventful.credentials.bury(tx, OA, "Zalo -216: the refresh token is used, expired or revoked")
    assert f'hcc_grant_seconds_left{{oa="{OA}"}} 0.0' in scrape(eventful)[1]


def test_without_redis_the_ledger_is_still_measured(eventful: Services, scrape: Scrape) -> None:
    away = Services(eventful.settings.model_copy(update={"redis_url": "redis://127.0.0.1:1"}))
    status, answer = scrape(away)
    assert status == 200
    assert 'hcc_server_up{server="redis"} 0.0' in answer
    assert f'hcc_notices{{oa="{OA}",state="dead"}} 2.0' in answer
    assert "hcc_processes" not in answer
    away.close()


def test_without_the_ledger_redis_is_still_measured(eventful: Services, scrape: Scrape) -> None:
    away = Services(eventful.settings.model_copy(update={"database_url": "postgresql+psycopg2://x@127.0.0.1:1/x"}))
    status, answer = scrape(away)
    assert status == 200
    assert 'hcc_server_up{server="ledger"} 0.0' in answer
    assert 'hcc_processes{role="child"} 2.0' in answer
    assert "hcc_notices" not in answer
    away.close()


def test_a_metric_that_is_not_in_the_table_cannot_be_shown() -> None:
    with pytest.raises(KeyError):
        MetricBoard().set("hcc_other", 1)


def test_no_number_reads_a_whole_table(services: Services) -> None:
    """Also where there are millions of finished notices: each statement has an index."""
    with services.ledger.connect() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        for statement, values in (
            (f"SELECT {gauges._COUNTS}", {"oa": OA}),
            (gauges._UNCERTAIN_LEFT, {"oa": OA, "left": ""}),
            (gauges._DEAD, {"oa": OA}),
            (gauges._LATELY, {"oa": OA}),
        ):
            plan = "\n".join(connection.execute(text(f"EXPLAIN {statement}"), values).scalars())
            assert "Seq Scan" not in plan, plan
