"""Settings as they arrive: from shells, secret stores and editors, with slips of the pen."""

from __future__ import annotations

import codecs
import logging
import os
from datetime import UTC, datetime, timedelta
from itertools import combinations
from pathlib import Path
from urllib.parse import quote

import certifi
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import make_url

from config import arrival, settings
from config.arrival import distance, layered, misspelt, unheard_of
from config.oas import load_oas
from config.settings import Settings, SettingsError, load, variable
from config.urls import HOW, check_url

KNOWN = [variable(field) for field in Settings.model_fields]


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of the machine reach these tests."""
    for name in [name for name in os.environ if name.startswith("HCC_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(settings, "_WARNED", set())


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The `.env` of an installation."""
    monkeypatch.setattr(settings, "ROOT", tmp_path)
    monkeypatch.setitem(Settings.model_config, "env_file", (tmp_path / ".env",))
    return tmp_path / ".env"


def faults(monkeypatch: pytest.MonkeyPatch, **given: str) -> list[str]:
    """The faults that `load` finds with these variables set."""
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load("zalo_oa_id")
    return caught.value.faults


@pytest.mark.parametrize("end", ["\n", "\r\n", " ", "\t\n", "\ufeff", "\u200b\n"])
def test_what_a_secret_store_leaves_around_a_secret_is_no_part_of_it(monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    """`echo` into a secret file ends it with a line break, which Zalo would refuse as another secret."""
    monkeypatch.setenv("HCC_ZALO_APP_SECRET", f"\ufeffsecret{end}")
    monkeypatch.setenv("HCC_SECRET_KEYS", f"0123456789abcdef{end}")
    monkeypatch.setenv("HCC_ZALO_OA_ID", f"4024926008133882615{end}")
    found = load("zalo_app_secret")
    assert (found.zalo_app_secret, found.secret_keys) == ("secret", ["0123456789abcdef"])
    assert found.zalo_oa_id == "4024926008133882615"


def test_a_value_of_blanks_alone_is_not_set(monkeypatch: pytest.MonkeyPatch, env_file: Path) -> None:
    """Neither where it is required nor where it would hide what `.env` says."""
    assert any(fault.startswith("HCC_ZALO_OA_ID: chưa đặt") for fault in faults(monkeypatch, HCC_ZALO_OA_ID=" \n"))
    env_file.write_text("HCC_ZALO_OA_ID=4024926008133882615\nHCC_PLACE=\n", "utf-8")
    monkeypatch.setenv("HCC_ZALO_OA_ID", "")
    assert load("zalo_oa_id").zalo_oa_id == "4024926008133882615"
    assert load("zalo_oa_id").place == "tỉnh Hà Tĩnh"


def test_an_env_file_with_a_byte_order_mark_is_read_from_its_first_line(env_file: Path) -> None:
    """Windows' Notepad writes one; the first name would be another."""
    env_file.write_text("HCC_ZALO_OA_ID=4024926008133882615\nHCC_PLACE=tỉnh Quảng Trị\n", "utf-8-sig")
    found = load("zalo_oa_id")
    assert (found.zalo_oa_id, found.place) == ("4024926008133882615", "tỉnh Quảng Trị")


def test_an_env_file_that_is_not_utf_8_is_a_sentence(env_file: Path) -> None:
    """Notepad's "Unicode" is UTF-16."""
    env_file.write_text("HCC_PLACE=tỉnh Quảng Trị\n", "utf-16")
    with pytest.raises(SettingsError, match=r"\.env: tệp không phải mã UTF-8"):
        load("zalo_oa_id")


def test_a_file_of_oas_may_have_a_byte_order_mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And values of several lines."""
    (tmp_path / "oas.toml").write_text('[ha-tinh]\nzalo_oa_id = """4024926008133882615\n"""\n', "utf-8-sig")
    monkeypatch.setenv("HCC_OAS", str(tmp_path / "oas.toml"))
    assert list(load_oas("zalo_oa_id")) == ["4024926008133882615"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("HCC_POLL_SECOND", "HCC_POLL_SECONDS"),
        ("HCC_POOL_SECONDS", "HCC_POLL_SECONDS"),
        ("HCC_DATABSE_URL", "HCC_DATABASE_URL"),
        ("HCC_DATABASE_URI", "HCC_DATABASE_URL"),
        ("HCC_ZALO_OAID", "HCC_ZALO_OA_ID"),
        ("hcc_quite_hours", "HCC_QUIET_HOURS"),
        ("HC_POLL_SECONDS", "HCC_POLL_SECONDS"),
        ("HHC_POLL_SECONDS", "HCC_POLL_SECONDS"),
    ],
)
def test_a_misspelt_name_is_a_fault_that_names_the_one_meant(
    monkeypatch: pytest.MonkeyPatch, written: str, meant: str
) -> None:
    """What it says would have no effect, and nobody would see why."""
    found = faults(monkeypatch, **{written: "5", "HCC_ZALO_OA_ID": "4"})
    assert found == [f"{written.upper()}: không có biến này; có phải {meant}?"]


def test_a_misspelt_name_is_found_in_the_env_file_and_with_several_oas(
    monkeypatch: pytest.MonkeyPatch, env_file: Path
) -> None:
    """Wherever it stands."""
    env_file.write_text("HCC_REDIS_ULR=redis://redis:6379/0\n", "utf-8")
    assert any("có phải HCC_REDIS_URL?" in fault for fault in faults(monkeypatch, HCC_ZALO_OA_ID="4"))
    monkeypatch.setenv("HCC_OAS", "/nowhere.toml")
    with pytest.raises(SettingsError) as caught:
        load_oas("zalo_oa_id")
    assert sum("có phải HCC_REDIS_URL?" in fault for fault in caught.value.faults) == 1


def test_another_unknown_name_is_one_warning_and_no_fault(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It may be of another release; the value is not shown, it may be a secret."""
    monkeypatch.setenv("HCC_SOMETHING_ELSE", "hunter2")
    monkeypatch.setenv("HCC_ZALO_OA_ID", "4")
    with caplog.at_level(logging.WARNING):
        load("zalo_oa_id")
        load("zalo_oa_id")
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 1
    assert told[0].startswith("HCC_SOMETHING_ELSE: không có biến này")
    assert "hunter2" not in told[0]


def test_no_known_name_is_a_slip_of_the_pen_of_another() -> None:
    """Else one could not be told from a misspelt one."""
    assert not [(one, two) for one, two in combinations(KNOWN, 2) if distance(one, two) <= 2]
    assert misspelt([*KNOWN, "HTTP_PROXY", "NO_PROXY", "PORT", "HOME"], KNOWN) == {}
    assert unheard_of([*KNOWN, "HCC_CHAOS_SEED"], KNOWN) == []


def test_variables_of_ours_count_in_any_case_and_later_layers_win(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As pydantic reads them; what is empty hides nothing."""
    (tmp_path / "first").write_text("HCC_PLACE=one\nhcc_source=two\n", "utf-8")
    (tmp_path / "second").write_text("HCC_PLACE=\nHCC_SOURCE=three\n", "utf-8")
    monkeypatch.setenv("hcc_oas", "four")
    found = layered(tmp_path / "first", tmp_path / "second", tmp_path / "absent")
    assert {name: value for name, value in found.items() if name.startswith(arrival.PREFIX)} == {
        "HCC_PLACE": "one",
        "HCC_SOURCE": "three",
        "HCC_OAS": "four",
    }


@pytest.mark.parametrize("mark", list("@#/?[] "))
@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("HCC_DATABASE_URL", "postgresql://hcc:{}@127.0.0.1:5432/hcc"),
        ("HCC_DOSSIER_URL", "mssql+pymssql://hcc:{}@127.0.0.1/hcc"),
        ("HCC_REDIS_URL", "redis://:{}@127.0.0.1:6379/0"),
        ("HCC_REDIS_URL", "sentinel://:{}@s1:26379;sentinel://s2:26379/0?master=hcc"),
        ("HCC_BROKER_URL", "amqp://hcc:{}@127.0.0.1//;amqp://hcc:x@127.0.0.2//"),
        ("HCC_PROXY", "http://hcc:{}@proxy:3128"),
    ],
)
def test_a_password_with_a_mark_of_urls_is_told_how_to_write_and_never_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, url: str, mark: str
) -> None:
    """Each library would read another host out of it, and show a piece of the password when it is not there."""
    password = f"Zqx{mark}wvk"
    found = faults(monkeypatch, **{name: url.format(password), "HCC_ZALO_OA_ID": "4"})
    assert [fault for fault in found if fault.startswith(f"{name}: {HOW}")] == found
    assert "%40" in found[0]
    assert not any(piece in found[0] for piece in ("Zqx", "wvk", password))
    check_url(url.format(quote(password, safe="")))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://hcc:secret@127.0.0.1:5432/hcc",
        "postgresql://hcc:se%40cr%2Fet@[::1]:5432/hcc?application_name=a@b",
        "postgresql://hcc@/hcc?host=/run/postgresql",
        "postgresql+psycopg2://postgres@127.0.0.1:41234/ledger_1",
        "sqlite:////srv/a@b/c#d/dossiers.db",
        "sqlite:///dossiers.db",
        "redis://127.0.0.1:6379/0",
        "rediss://user:p%23@redis.example:6380/1",
        "sentinel://h1:26379;h2:26379/0?master=hcc&sentinel_password=x",
        "amqp://user:pass@h1//;amqp://user:pass@h2//",
        "http://u:p%3Fq@proxy:3128",
        "http://[::1]:3128",
    ],
)
def test_what_is_written_well_passes(url: str) -> None:
    """No fault is made up."""
    assert check_url(url) == url


def test_a_port_that_is_none_is_told_without_what_stands_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be a piece of a password that lacks its host."""
    found = faults(monkeypatch, HCC_DATABASE_URL="postgresql://hcc:Hunter2/hcc", HCC_ZALO_OA_ID="4")
    assert found[0].startswith("HCC_DATABASE_URL: cổng phải là số")
    assert "Hunter2" not in "".join(found)


@given(password=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20))
def test_every_password_can_be_written(password: str) -> None:
    """Encoded as the sentence says, it passes and is read back whole."""
    url = check_url(f"postgresql://hcc:{quote(password, safe='')}@db.example:5432/hcc")
    assert make_url(url).password == password


@pytest.mark.parametrize("field", ["kind_channels=accpted=zns", "zalo_templates=accpted=331"])
def test_a_kind_that_does_not_exist_is_a_fault(monkeypatch: pytest.MonkeyPatch, field: str) -> None:
    """It would be set for nothing, and the kind that was meant goes another way."""
    name, _, value = field.partition("=")
    found = faults(monkeypatch, **{variable(name): value, "HCC_ZALO_OA_ID": "4"})
    assert found[0].startswith(f"{variable(name)}: không có loại thông báo accpted; có: ")
    assert "accepted" in found[0]


@pytest.mark.parametrize(
    ("hours", "fault"),
    [
        ("22:00-22:00", "giờ đầu và giờ cuối giống nhau"),
        ("06:00-22:00", "bị đảo"),
        ("09:00-21:00", "bị đảo"),
        ("23:00-22:00", "bị đảo"),
        ("24:00-06:00", "cần dạng 22:00-06:00"),
        ("22:00-06:60", "cần dạng 22:00-06:00"),
        ("10-6", "cần dạng 22:00-06:00"),
    ],
)
def test_quiet_hours_that_are_none_or_cover_the_day_are_faults(
    monkeypatch: pytest.MonkeyPatch, hours: str, fault: str
) -> None:
    """Nothing would leave by day, or everything by night."""
    found = faults(monkeypatch, HCC_QUIET_HOURS=hours, HCC_ZALO_OA_ID="4")
    assert found[0].startswith("HCC_QUIET_HOURS: ")
    assert fault in found[0]


@pytest.mark.parametrize("hours", ["22:00-06:00", "00:00-00:00", "21:30-07:00", "00:00-06:00", "12:00-13:30"])
def test_quiet_hours_at_night_or_at_noon_are_well(monkeypatch: pytest.MonkeyPatch, hours: str) -> None:
    """A break at noon is nobody's mistake."""
    monkeypatch.setenv("HCC_QUIET_HOURS", hours)
    assert load("quiet_hours").quiet_hours == hours


def test_a_start_in_the_future_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until then nothing would be told, and nobody would know why; a time without a zone is Vietnam's."""
    soon = datetime.now(UTC) + timedelta(hours=2)
    told = faults(monkeypatch, HCC_START_FROM=soon.isoformat(), HCC_ZALO_OA_ID="4")
    assert told[0].startswith("HCC_START_FROM: ở tương lai")
    local = (soon + timedelta(hours=7)).replace(tzinfo=None)
    assert faults(monkeypatch, HCC_START_FROM=local.isoformat(), HCC_ZALO_OA_ID="4")[0] == told[0]
    monkeypatch.setenv("HCC_START_FROM", (local - timedelta(hours=3)).isoformat())
    assert load("zalo_oa_id").start_from


def test_a_proxy_and_a_file_of_authorities_are_judged_at_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Else the first message to Zalo would find out."""
    pem, empty, marked = tmp_path / "ca.pem", tmp_path / "empty.pem", tmp_path / "marked.pem"
    pem.write_bytes(Path(certifi.where()).read_bytes())
    empty.write_text("nothing", "utf-8")
    marked.write_bytes(codecs.BOM_UTF8 + b"\n" + pem.read_bytes())
    monkeypatch.setenv("HCC_ZALO_OA_ID", "4")
    for path, told in ((empty, "không có chứng thư PEM"), (marked, "BOM"), (tmp_path / "no.pem", "không đọc được")):
        assert told in faults(monkeypatch, HCC_CA_FILE=str(path))[0]
    monkeypatch.setenv("HCC_CA_FILE", str(pem))
    monkeypatch.setenv("HCC_PROXY", "http://user:p%40ss@proxy:3128/")
    found = load("zalo_oa_id")
    assert (found.ca_file, found.proxy) == (str(pem), "http://user:p%40ss@proxy:3128")
    assert faults(monkeypatch, HCC_PROXY="proxy:3128")[0].startswith("HCC_PROXY: cần dạng http://máy:cổng")


def test_all_of_these_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One start is enough to know all there is to mend."""
    found = faults(
        monkeypatch,
        HCC_REDIS_URL="redis://:a#b@host:6379/0",
        HCC_POLL_SECOND="2",
        HCC_KIND_CHANNELS="nothing=zns",
        HCC_ZALO_TEMPLATES="neither=1",
        HCC_QUIET_HOURS="06:00-22:00",
        HCC_START_FROM="2999-01-01T00:00:00+07:00",
    )
    assert {fault.partition(":")[0] for fault in found} == {
        "HCC_REDIS_URL",
        "HCC_POLL_SECOND",
        "HCC_KIND_CHANNELS",
        "HCC_ZALO_TEMPLATES",
        "HCC_QUIET_HOURS",
        "HCC_START_FROM",
        "HCC_ZALO_OA_ID",
    }
