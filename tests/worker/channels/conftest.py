"""Services on real servers, a Zalo and an SMS gateway in a box: what the channels meet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from config.settings import Settings
from sandbox.sms import SandboxSms
from sandbox.zalo.client import SandboxZalo
from tests.worker.channels.cases import OA
from worker.channels.zalo.oauth import pair_of
from worker.services.bootstrap import Services

APP, SECRET = "4213356789012345678", "app-secret"
PLENTY = 1_000_000  # calls a minute: only tests of the limit want to wait for it
TEMPLATES: list[dict[str, Any]] = [
    {
        "template_id": "331",
        "params": [{"name": "ma_ho_so", "max_length": 30}, {"name": "ngay_hen_tra", "max_length": 40}],
    },
    {
        "template_id": "332",
        "params": [{"name": "ma_ho_so", "max_length": 30}, {"name": "so_tien", "max_length": 20}],
        "buttons": [
            {
                "type": 1,
                "title": "Thanh toán",
                "content": "https://dichvucong.hatinh.gov.vn/portaldvc/KenhTin/thanh-toan-new.aspx?mahoso=<ma_ho_so>",
            }
        ],
    },
    {"template_id": "333", "params": [{"name": "ma_ho_so", "max_length": 30}]},
]


@pytest.fixture(scope="module")
def started() -> Iterator[SandboxZalo]:
    """One process of Zalo in a box for a file of tests."""
    with SandboxZalo(app_id=APP, app_secret=SECRET, oa_id=OA) as box:
        yield box


@pytest.fixture
def box(started: SandboxZalo) -> SandboxZalo:
    """Zalo in a box as at the start, with the approved templates of the usual kinds."""
    started.reset()
    started.templates(TEMPLATES)
    started.switch(rate_per_minute=PLENTY)
    return started


@pytest.fixture
def gateway() -> Iterator[SandboxSms]:
    """An SMS gateway in a box."""
    with SandboxSms("key", "secret", "HCC") as box:
        yield box


@pytest.fixture
def settings(ledger_url: str, redis_url: str, box: SandboxZalo, gateway: SandboxSms) -> dict[str, Any]:
    """The fields of the settings, for `made` with changes."""
    return {
        "database_url": ledger_url,
        "redis_url": redis_url,
        "secret_keys": ["a-key-for-tests-0123456789"],
        "zalo_app_id": APP,
        "zalo_app_secret": SECRET,
        "zalo_oa_id": OA,
        "zalo_openapi_url": box.api_url,
        "zalo_business_url": box.api_url,
        "zalo_oauth_url": box.api_url,
        "zalo_rate_per_minute": PLENTY,
        "zalo_templates": {"accepted": "331", "fee_requested": "332", "result_ready": "333"},
        "channels": ["zalo_cs", "zalo_template", "zns", "sms", "paper"],
        "quiet_hours": "00:00-00:00",
        "sms_url": gateway.url,
        "sms_api_key": "key",
        "sms_secret_key": "secret",
        "sms_brandname": "HCC",
    }


@pytest.fixture
def services(settings: dict[str, Any], box: SandboxZalo) -> Iterator[Services]:
    """Services with a good token and every channel."""
    yield from made(settings, box)


def made(settings: dict[str, Any], box: SandboxZalo) -> Iterator[Services]:
    """Services on these settings, closed afterwards."""
    built = Services(Settings(_env_file=None, **settings))
    with built.ledger.begin() as tx:
        built.credentials.store(tx, OA, pair_of(box.mint_tokens()))
    yield built
    built.close()
