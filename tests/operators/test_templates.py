"""`hcc templates check`: every way in which an approved template does not fit is a sentence, and exit status 1."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from config.settings import SettingsError
from ledger.base.sealing import Sealer
from ledger.zalo.credentials import Credentials
from operators.cli.main import hcc
from sandbox.zalo.client import SandboxZalo
from worker.channels.zalo.oauth import pair_of

OA, APP, SECRET, KEY = "4024926008133882615", "4213356789012345678", "app-secret", "a-key-for-tests-0123456789"
PAY = "https://dichvucong.hatinh.gov.vn/portaldvc/KenhTin/thanh-toan-new.aspx"
MA = {"name": "ma_ho_so", "max_length": 30}
SO_TIEN = {"name": "so_tien", "max_length": 20}
BUTTON = {"type": 1, "title": "Thanh toán", "content": f"{PAY}?mahoso=<ma_ho_so>"}


@pytest.fixture
def zalo() -> Iterator[SandboxZalo]:
    """Zalo in a box."""
    with SandboxZalo(app_id=APP, app_secret=SECRET, oa_id=OA) as box:
        yield box


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, ledger_url: str, ledger: Engine, zalo: SandboxZalo) -> Callable[..., Result]:
    """Run the command with these templates set."""
    given = {
        "DATABASE_URL": ledger_url, "SECRET_KEYS": KEY, "ZALO_OA_ID": OA, "ZALO_APP_ID": APP,
        "ZALO_APP_SECRET": SECRET, "ZALO_OPENAPI_URL": zalo.api_url, "ZALO_BUSINESS_URL": zalo.api_url,
        "ZALO_OAUTH_URL": zalo.api_url,
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(f"HCC_{name}", value)
    with ledger.begin() as tx:
        Credentials(Sealer([KEY])).store(tx, OA, pair_of(zalo.mint_tokens()))

    def run(templates: str, *words: str) -> Result:
        monkeypatch.setenv("HCC_ZALO_TEMPLATES", templates)
        return CliRunner().invoke(hcc, ["templates", "check", *words])

    return run


def test_templates_that_fit_are_said_to_and_the_command_succeeds(
    check: Callable[..., Result], zalo: SandboxZalo
) -> None:
    """The usual three, as registered by the hints in zns.toml."""
    zalo.templates(
        [
            {"template_id": "331", "params": [MA, {"name": "ngay_hen_tra", "max_length": 200}]},
            {"template_id": "332", "params": [MA, SO_TIEN], "buttons": [BUTTON]},
            {"template_id": "333", "params": [MA]},
        ]
    )
    result = check("accepted=331,fee_requested=332,result_ready=333", "--json")
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    assert [(row["kind"], row["status"], row["tag"], row["faults"]) for row in rows] == [
        ("accepted", "ENABLE", "TRANSACTION", []),
        ("fee_requested", "ENABLE", "TRANSACTION", []),
        ("result_ready", "ENABLE", "TRANSACTION", []),
    ]
    assert rows[0]["prices"] == {"price_uid": "140", "price_sdt": "200"}


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        ({"params": [SO_TIEN], "buttons": [BUTTON]}, "thiếu tham số ma_ho_so"),
        ({"params": [MA, SO_TIEN, "ho_ten"], "buttons": [BUTTON]}, "thừa tham số ho_ten"),
        ({"params": [MA | {"max_length": 29}, SO_TIEN], "buttons": [BUTTON]}, "mẫu cho 29 ký tự, chương trình"),
        ({"params": [MA, SO_TIEN], "buttons": [BUTTON], "status": "PENDING_REVIEW"}, "đang chờ Zalo duyệt"),
        ({"params": [MA, SO_TIEN], "buttons": [BUTTON], "status": "REJECT"}, "bị Zalo từ chối"),
        ({"params": [MA, SO_TIEN], "buttons": [BUTTON], "tag": "3"}, "sai loại: mẫu thuộc PROMOTION"),
        ({"params": [MA, SO_TIEN], "buttons": [BUTTON], "tag": "2"}, "sai loại: mẫu thuộc CUSTOMER_CARE"),
        ({"params": [MA, SO_TIEN]}, "thiếu nút «Thanh toán»"),
        ({"params": [MA, SO_TIEN], "buttons": [BUTTON | {"content": "https://x.vn/"}]}, "thiếu nút «Thanh toán»"),
    ],
)
def test_what_does_not_fit_is_said_in_a_sentence(
    check: Callable[..., Result], zalo: SandboxZalo, template: dict[str, Any], fault: str
) -> None:
    """Found before the first citizen's message is refused."""
    zalo.templates([{"template_id": "332", **template}])
    result = check("fee_requested=332", "--json")
    assert result.exit_code == 1
    [row] = json.loads(result.stdout)
    assert len(row["faults"]) == 1
    assert fault in row["faults"][0]


def test_an_optional_parameter_that_we_do_not_send_is_no_fault(check: Callable[..., Result], zalo: SandboxZalo) -> None:
    """Only what the template requires must be there."""
    zalo.templates([{"template_id": "333", "params": [MA, {"name": "ghi_chu", "require": False}]}])
    assert check("result_ready=333").exit_code == 0


def test_an_unknown_template_and_an_unknown_kind_are_said_in_words(check: Callable[..., Result]) -> None:
    """Zalo's code with its meaning; a name that was mistyped in the setting is told before anything is asked."""
    result = check("accepted=999")
    assert result.exit_code == 1
    assert "Zalo trả mã -109: the template id is invalid" in result.output
    mistyped = check("accepted=999,acepted=331").exception
    assert isinstance(mistyped, SettingsError)
    assert "không có loại thông báo acepted" in str(mistyped)


def test_zalo_away_is_a_sentence(check: Callable[..., Result], zalo: SandboxZalo) -> None:
    """No traceback, and no claim about the template."""
    zalo.down()
    result = check("accepted=331")
    assert result.exit_code == 1
    assert "không hỏi được Zalo" in result.output
