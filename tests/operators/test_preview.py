"""`hcc preview`: what the citizen would read here, not what the sample of some other place says."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from domain.kinds import KINDS
from operators.cli.exits import ExitCode
from operators.cli.main import hcc

ELSEWHERE = "https://thanhtoan.hue.gov.vn/nop"


def shown(*words: str) -> str:
    result = CliRunner().invoke(hcc, ["preview", *words])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS])
def test_every_kind_is_shown_where_nothing_is_set(kind: str) -> None:
    """It asks no server and needs no setting."""
    assert shown(kind).strip()


def test_the_place_and_the_payment_link_that_are_set_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The link bears the sample's code."""
    monkeypatch.setenv("HCC_PLACE", "thành phố Huế")
    monkeypatch.setenv("HCC_PAYMENT_URL", ELSEWHERE)
    monkeypatch.setenv("HCC_PAYMENT_HOSTS", "thanhtoan.hue.gov.vn")
    text = shown("fee_requested")
    assert "https://thanhtoan.hue.gov.vn/nop?mahoso=H27.37-240219-1001" in text
    assert "hatinh" not in text
    assert "thành phố Huế" in shown("welcome")


def test_of_several_oas_the_one_that_is_named_is_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each has its own place; none is meant by silence."""
    file = tmp_path / "oas.toml"
    tables = "[hue]\nzalo_oa_id = '1'\nplace = 'thành phố Huế'\n[ha-tinh]\nzalo_oa_id = '2'\n"
    file.write_text(tables, encoding="utf-8")
    monkeypatch.setenv("HCC_OAS", str(file))
    assert "thành phố Huế" in shown("welcome", "--oa", "hue")
    assert "tỉnh Hà Tĩnh" in shown("welcome", "--oa", "ha-tinh")
    assert CliRunner().invoke(hcc, ["preview", "welcome"]).exit_code == ExitCode.USAGE


def test_the_sentence_about_the_post_is_shown_where_it_is_switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """R34: off, the founding text stays as it is."""
    assert shown("result_ready", "--by-post") == shown("result_ready")
    monkeypatch.setenv("HCC_POST_SENTENCE", "yes")
    assert (
        shown("result_ready", "--by-post") == f"{shown('result_ready')}Kết quả được gửi qua bưu điện như đã đăng ký.\n"
    )
