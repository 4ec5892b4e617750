"""`hcc doctor --json`: what programs read of every check."""

from __future__ import annotations

import json

import pytest

from coordination.connection import open_redis
from coordination.holds import Holds
from operators.checks.examine import CHECKS, CheckResult
from tests.operators.conftest import OA, Run


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `run` leaves out, since other commands do without it."""
    monkeypatch.setenv("HCC_ZALO_APP_SECRET", "secret")


def test_every_check_is_an_entry_and_a_fault_says_what_to_do(run: Run) -> None:
    """Nobody answers for the dossier database: one check fails with a cure, and the command with status 1."""
    result = run("doctor", "--json")
    shown = json.loads(result.stdout)
    assert result.exit_code == 1
    assert list(shown) == ["ok", "checks"]
    assert shown["ok"] is False
    assert [list(check) for check in shown["checks"]] == [["name", "ok", "says", "cure"]] * len(CHECKS)
    checks = {check["name"]: check for check in shown["checks"]}
    assert list(checks) == list(CHECKS)
    assert checks["sổ thông báo"]["ok"]
    assert not checks["CSDL hồ sơ"]["ok"]
    assert checks["CSDL hồ sơ"]["cure"]


def test_faults_of_the_settings_are_entries_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HCC_POLL_SECONDS", "soon")
    shown = json.loads(run("doctor", "--json").stdout)
    assert [(check["name"], check["ok"]) for check in shown["checks"]] == [("cấu hình", False)]
    assert "HCC_POLL_SECONDS" in shown["checks"][0]["says"]


def test_what_passed_before_a_fault_is_kept_and_the_fault_is_what_is_said() -> None:
    failed = CheckResult("đĩa", ["var/ ghi được"], "chỉ còn 3 MB trống; dọn hoặc thêm đĩa", "Hà Tĩnh")
    assert failed.as_json() == {
        "name": "đĩa", "ok": False, "says": "chỉ còn 3 MB trống", "cure": "dọn hoặc thêm đĩa", "oa": "Hà Tĩnh",
    }  # fmt: skip
    passed = CheckResult("đĩa", ["ghi được", "còn chỗ"])
    assert passed.as_json() == {"name": "đĩa", "ok": True, "says": "ghi được; còn chỗ", "cure": ""}


def test_a_hold_on_one_person_is_no_fault_of_a_channel_and_others_are_told_in_vietnamese(
    run: Run, redis_url: str
) -> None:
    def channels() -> dict[str, object]:
        checks = json.loads(run("doctor", "--json").stdout)["checks"]
        return next(check for check in checks if check["name"] == "kênh")

    with open_redis(redis_url) as redis:
        Holds(redis).hold("person:zalo_cs:28", 3600, "has received as many messages as allowed today")
        assert channels()["ok"] is True
        Holds(redis).hold(f"channel:{OA}:zalo_cs", 3600, "has received as many messages as allowed today")
    shown = channels()
    assert (shown["ok"], "person:" in str(shown)) == (False, False)
    assert "giây: người dân đã nhận đủ số tin Zalo cho phép hôm nay" in str(shown["says"])


def test_a_ledger_that_was_never_migrated_is_one_fault(
    run: Run, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every check that reads a table would say the same; what does not need the ledger is examined all the same."""
    monkeypatch.setenv("HCC_DATABASE_URL", empty_database_url)
    checks = json.loads(run("doctor", "--json").stdout)["checks"]
    of_ledger = [check for check in checks if not check["ok"] and "ổ thông báo" in f"{check['name']} {check['says']}"]
    assert [(check["name"], check["cure"]) for check in of_ledger] == [("sổ thông báo", "chạy `hcc migrate`")]
    assert {"đĩa", "Redis", "CSDL hồ sơ", "mẫu tin"} <= {check["name"] for check in checks}
