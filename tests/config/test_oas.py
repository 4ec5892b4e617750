"""Several OAs in one file: read in any spelling, checked as settings are, every fault at once and no secret in it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.channels import CHANNEL_FACTS
from config.oas import COMMON, Oa, common_settings, load_oas
from config.settings import REQUIRED, Settings, SettingsError, variable

OF_ALL = {"database_url": "postgresql://x/y", "redis_url": "redis://x", "secret_keys": "0123456789abcdef"}
OF_EACH = 'dossier_url = "sqlite:///d.db"\nzalo_app_id = "1"\nzalo_app_secret = "s"\n'
ONE = "4024926008133882615"
Load = Callable[..., dict[str, Oa]]


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but what all OAs share is in the environment."""
    for name in [name for name in os.environ if name.startswith("HCC_")]:
        monkeypatch.delenv(name)
    for field, value in OF_ALL.items():
        monkeypatch.setenv(variable(field), value)


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Load:
    """Load a file with this text."""

    def load(text: str, *required: str) -> dict[str, Oa]:
        (tmp_path / "oas.toml").write_text(text)
        monkeypatch.setenv("HCC_OAS", str(tmp_path / "oas.toml"))
        return load_oas(*required)

    return load


def faults(load: Load, text: str, *required: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(text, *required)
    return caught.value.faults


def test_without_a_file_the_settings_are_the_one_oa(monkeypatch: pytest.MonkeyPatch) -> None:
    """As simple as ever; an empty HCC_OAS in the environment is none, whatever `.env` says."""
    for field in ("dossier_url", "zalo_app_id", "zalo_app_secret"):
        monkeypatch.setenv(variable(field), "sqlite:///d.db")
    monkeypatch.setenv("HCC_ZALO_OA_ID", ONE)
    monkeypatch.setenv("HCC_OAS", "")
    (oa,) = load_oas().values()
    assert (oa.id, oa.name, oa.settings.zalo_oa_id) == (ONE, ONE, ONE)


def test_each_table_is_an_oa_in_the_order_of_the_file(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a table does not say comes from the environment, but for the OA's id; HCC_ZALO_* need not be set."""
    monkeypatch.setenv("HCC_MAX_AGE_HOURS", "24")
    monkeypatch.setenv("HCC_ZALO_OA_ID", "999")
    found = load(f'[ha-tinh]\nzalo_oa_id = "{ONE}"\n{OF_EACH}poll_seconds = 5\n["7"]\n{OF_EACH}max_age_hours = 12\n')
    assert [(oa.id, oa.name) for oa in found.values()] == [(ONE, "ha-tinh"), ("7", "7")]
    assert [oa.settings.max_age_hours for oa in found.values()] == [24, 12]
    assert [oa.settings.poll_seconds for oa in found.values()] == [5, 2]
    assert common_settings(found).poll_seconds == 2


_KINDS = st.sampled_from(["accepted", "fee_requested"])


@settings(max_examples=30)
@given(
    st.sampled_from(["", "HCC_", "hcc_", "Hcc_"]),
    st.sampled_from([str.upper, str.lower, str.title]),
    st.permutations(list(CHANNEL_FACTS)).map(lambda names: [name for name in names if name != "sms"]),
    st.dictionaries(
        st.sampled_from(["accepted", "fee_requested"]), st.lists(st.sampled_from(["zns", "paper"]), min_size=1)
    ),
    st.dictionaries(st.sampled_from(["accepted", "fee_requested"]), st.integers(1, 10**9)),
    st.booleans(),
)
def test_values_may_be_written_as_in_the_environment_or_as_toml_has_them(  # noqa: PLR0917 (six things to vary)
    prefix: str, case: Callable[[str], str], channels: list[str], orders: dict[str, list[str]],
    templates: dict[str, int], paid: bool,
) -> None:  # fmt: skip
    """Any case, with and without the prefix; lists, numbers, true and false, inline tables."""
    natural: dict[str, Any] = {
        "channels": channels, "kind_channels": orders, "zalo_templates": templates, "zalo_cs_paid": paid,
    }  # fmt: skip
    plain = {
        "channels": ",".join(channels),
        "kind_channels": ",".join(f"{kind}={'+'.join(names)}" for kind, names in orders.items()),
        "zalo_templates": ",".join(f"{kind}={number}" for kind, number in templates.items()),
        "zalo_cs_paid": str(paid).lower(),
    }
    seen = [_settings({prefix + case(name): value for name, value in said.items()}) for said in (natural, plain)]
    assert seen[0].model_dump(exclude={"oas"}) == seen[1].model_dump(exclude={"oas"})
    assert seen[0].channels == channels
    assert seen[0].kind_channels == orders
    assert seen[0].zalo_templates == {kind: str(number) for kind, number in templates.items()}
    assert seen[0].zalo_cs_paid is paid


def _settings(said: dict[str, Any]) -> Settings:
    """The settings of the only OA of a file with these lines."""
    import tempfile  # noqa: PLC0415 (hypothesis does not mix with fixtures of one test)

    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file, pytest.MonkeyPatch.context() as patch:
        file.write(f'["7"]\n{OF_EACH}' + "".join(f"{name} = {_toml(value)}\n" for name, value in said.items()))
        file.flush()
        patch.setenv("HCC_OAS", file.name)
        return load_oas()["7"].settings


def _toml(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case list():
            return f"[{', '.join(map(_toml, value))}]"
        case dict():
            return "{" + ", ".join(f"{key} = {_toml(part)}" for key, part in value.items()) + "}"
        case str():
            return f'"{value}"'
        case _:
            return str(value)


def test_every_fault_of_every_table_comes_at_once_with_what_to_do(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """One run is enough to know all there is to mend, also of what is common; nothing common is told twice."""
    monkeypatch.delenv("HCC_REDIS_URL")
    monkeypatch.setenv("HCC_RETRY_CAP_SECONDS", "soon")
    found = faults(
        load,
        f"""
        loose = 1
        [a]
        zalo_oa_id = 7
        {OF_EACH}
        pol_seconds = 3
        database_url = "postgresql://u:hunter2@x"
        channels = ["pigeon"]
        [b]
        zalo_oa_id = "7"
        hcc_zalo_oa_id = "7"
        poll_seconds = {{ often = 1 }}
        payment_hosts = ["a,b"]
        zalo_app_secret = "hunter2"
        """,
    )
    for part in (
        "HCC_REDIS_URL: chưa đặt",
        "HCC_RETRY_CAP_SECONDS",
        "«loose» đứng ngoài mọi bảng",
        "[a] pol_seconds: không có tên này; có phải poll_seconds?",
        "[a] database_url: là của cả hệ thống",
        "[a] HCC_CHANNELS: kênh lạ: pigeon",
        "[b] hcc_zalo_oa_id: ghi hai lần",
        "[b] HCC_POLL_SECONDS",
        "[b] payment_hosts: kiểu TOML không dùng được",
        "[b] HCC_DOSSIER_URL: chưa đặt",
        "[b] HCC_ZALO_APP_ID: chưa đặt",
        "[b] trùng OA 7 với bảng [a]",
    ):
        assert sum(part in fault for fault in found) == 1, (part, found)
    assert len(found) == 12
    assert "hunter2" not in "".join(found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "tệp trống"),
        ("[a\n", "sai cú pháp TOML"),
        ("[a]\n", "[a] HCC_ZALO_OA_ID: chưa đặt"),
        ('["7"]\nzalo_oa_id = "8"\n', "tên bảng là số nhưng zalo_oa_id là 8"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(load: Load, text: str, said: str) -> None:
    assert said in "\n".join(faults(load, text, "zalo_oa_id"))


def test_a_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path begins at the project, wherever the command was called."""
    monkeypatch.setenv("HCC_OAS", "nowhere/oas.toml")
    monkeypatch.chdir("/")
    with pytest.raises(SettingsError, match="không có tệp này") as caught:
        load_oas()
    assert str(Path(__file__).resolve().parents[2] / "nowhere/oas.toml") in str(caught.value)


def test_oas_of_one_app_agree_on_its_limit_and_its_secret(load: Load) -> None:
    """The limit is the app's: two of them would be neither."""
    other_secret = OF_EACH.replace('"s"', '"t"')
    text = f'["7"]\n{OF_EACH}["8"]\n{OF_EACH}zalo_rate_per_minute = 60\n["9"]\n{other_secret}'
    found = faults(load, text)
    assert ["[8] zalo_rate_per_minute" in found[0], "[9] zalo_app_secret" in found[1], len(found)] == [True, True, 2]


def test_what_is_common_is_a_setting_and_no_table_needs_it() -> None:
    """The names of the whole deployment are real names; all that is required of an OA can stand in its table."""
    assert set(Settings.model_fields) > COMMON
    assert set(REQUIRED) - COMMON == {"dossier_url", "zalo_app_id", "zalo_app_secret", "zalo_oa_id"}


def test_the_example_of_the_documentation_can_be_used(load: Load) -> None:
    """Two provinces, as docs/oas.md shows them."""
    shown = (Path(__file__).resolve().parents[2] / "docs" / "oas.md").read_text("utf-8")
    found = load(shown.split("```toml\n")[1].split("```")[0])
    assert [oa.name for oa in found.values()] == ["ha-tinh", "nghe-an"]
    nghe_an = found["5024926008133882615"].settings
    assert (nghe_an.place, nghe_an.poll_seconds) == ("tỉnh Nghệ An", 5)
    assert nghe_an.kind_channels == {"fee_requested": ["zns", "sms"]}
