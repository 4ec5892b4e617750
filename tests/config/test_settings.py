"""Settings: every fault at once, each with what to do, and never a secret in it."""

from __future__ import annotations

import pytest

from config.log_lines import mask
from config.settings import REQUIRED, SettingsError, load, variable


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of the machine reach these tests."""
    for field in REQUIRED:
        monkeypatch.delenv(variable(field), raising=False)


def faults(monkeypatch: pytest.MonkeyPatch, **given: str) -> list[str]:
    """The faults that `load` finds with these variables set."""
    for field, value in given.items():
        monkeypatch.setenv(variable(field), value)
    with pytest.raises(SettingsError) as caught:
        load("redis_url", "zalo_app_secret")
    return caught.value.faults


def test_wrong_and_missing_settings_come_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """One run of a command is enough to know all there is to mend."""
    found = faults(monkeypatch, poll_seconds="soon", channels="pigeon", payment_url="ftp://x", start_from="yesterday")
    named = {fault.split(":")[0] for fault in found}
    assert named >= {"HCC_POLL_SECONDS", "HCC_CHANNELS", "HCC_PAYMENT_URL", "HCC_START_FROM", "HCC_REDIS_URL"}


def test_no_fault_shows_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is too short, a URL with a password: named, not shown."""
    found = "\n".join(faults(monkeypatch, secret_keys="hunter2", database_url="postgresql//u:hunter2@x"))
    assert "HCC_SECRET_KEYS" in found
    assert "hunter2" not in found


def test_a_plain_postgresql_url_is_driven_by_psycopg2(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLAlchemy 2.1 would take it for psycopg 3, which is not installed."""
    monkeypatch.setenv("HCC_DATABASE_URL", "postgresql://u:p@host/db")
    assert load("database_url").database_url == "postgresql+psycopg2://u:p@host/db"


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("phone 0978362918 failed", False),
        ("phone +84978362918", False),
        ("phone 0978.362.918", False),
        ("id 036097017416", False),
        ("user 6142494823000000001", False),
        ("notice=1001 H27.37-240219-1001 ms=12", True),
        ("lease 3f2a9c-1b2c3d.0123456789abcdef0123456789abcdef", True),
        ("2026-01-31T08:00:00.123Z", True),
    ],
)
def test_log_lines_lose_what_looks_like_a_person_and_keep_the_rest(line: str, kept: bool) -> None:
    """The last net: phones, identity numbers and Zalo ids are blotted out, codes and leases are not."""
    assert (mask(line) == line) is kept
