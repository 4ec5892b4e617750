"""What today has cost: in the doctor's words and in Prometheus' numbers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from config.settings import Settings, SettingsError, load
from ledger.reports import spending
from operators.checks.fault import CheckFault
from operators.checks.zalo import check_costs
from operators.metrics.board import MetricBoard
from operators.metrics.costs import measure_costs
from worker.channels.budget import today
from worker.services.bootstrap import Services

OA = "4024926008133882615"


@pytest.fixture
def fields(ledger_url: str) -> dict[str, Any]:
    """Settings with a budget for ZNS."""
    return {"database_url": ledger_url, "secret_keys": ["0123456789abcdef"], "zalo_oa_id": OA}


@pytest.fixture
def services(fields: dict[str, Any]) -> Iterator[Services]:
    """Services that have spent 1,200 đ on six messages by phone today."""
    made = Services(Settings(_env_file=None, budget_dong={"zns": 10_000}, **fields))
    with made.ledger.begin() as tx:
        spending.reserve(tx, OA, "zns", today(datetime.now(UTC)), [200] * 6, messages=None, dong=None)
    yield made
    made.close()


def test_the_doctor_tells_what_today_has_cost(services: Services) -> None:
    """In messages, in đồng, and as a share of the budget."""
    assert list(check_costs(services)) == ["zns hôm nay 6 tin, 1.200 đ, 12 % trần ngày"]


def test_a_budget_that_nears_its_end_is_a_fault_with_what_to_do(services: Services) -> None:
    """80 % by default."""
    services.settings = services.settings.model_copy(update={"budget_dong": {"zns": 1500}})
    with pytest.raises(CheckFault, match="đã dùng 80 % trần ngày; nâng HCC_BUDGET"):
        list(check_costs(services))


def test_prometheus_sees_the_same(services: Services) -> None:
    """A gauge each, by channel."""
    board = MetricBoard()
    with services.ledger.connect() as connection:
        measure_costs(board, connection, services)
    text = board.text().decode()
    for line in ("hcc_spent_messages{%s} 6.0", "hcc_spent_dong{%s} 1200.0", "hcc_budget_used_percent{%s} 12.0"):
        assert line % f'channel="zns",oa="{OA}"' in text


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("PRICES", "zns=200,sms", "cần dạng kênh=số nguyên"),
        ("PRICES", "pigeon=1", "cần dạng kênh=số nguyên"),
        ("BUDGET_DONG", "zns=-1", "cần dạng kênh=số nguyên"),
        ("BUDGET_MESSAGES", "zns=1.5", "cần dạng kênh=số nguyên"),
        ("KIND_CHANNELS", "fee_requested=pigeon", "cần dạng loại=kênh+kênh"),
        ("CHANNELS", "zalo_cs,sms", "HCC_SMS_API_KEY, HCC_SMS_SECRET_KEY, HCC_SMS_BRANDNAME"),
        ("KIND_CHANNELS", "accepted=sms", "HCC_SMS_API_KEY"),
        ("SMS_GATEWAY", "pigeon", "HCC_SMS_GATEWAY"),
    ],
)
def test_a_wrong_setting_of_money_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, fault: str
) -> None:
    """Found at the start, not at the first bill."""
    monkeypatch.setenv("HCC_SOURCE", "reference")
    monkeypatch.setenv(f"HCC_{name}", value)
    with pytest.raises(SettingsError) as caught:
        load("source")
    assert fault in str(caught.value)


def test_the_settings_of_money_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `.env.example` shows them."""
    given = {
        "SOURCE": "reference",
        "PRICES": "zns=220, sms=400",
        "BUDGET_DONG": "zns=500000",
        "KIND_CHANNELS": "fee_requested=zns+zalo_cs, accepted=zalo_cs",
    }
    for name, value in given.items():
        monkeypatch.setenv(f"HCC_{name}", value)
    settings = load("source")
    assert settings.prices == {"zalo_cs": 55, "zalo_template": 140, "zns": 220, "sms": 400}
    assert settings.budget_dong == {"zns": 500_000}
    assert settings.kind_channels == {"fee_requested": ["zns", "zalo_cs"], "accepted": ["zalo_cs"]}
    assert settings.all_channels == ["zalo_cs", "zalo_template", "zns"]
