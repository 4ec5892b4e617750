"""Load the OAs of a deployment from the file that HCC_OAS names: one TOML table per OA, checked like the settings.

    [ha-tinh]                      the name of this OA for people, also `--oa ha-tinh`
    zalo_oa_id = "4024926008133882615"
    channels = ["zalo_cs", "zns"]  values as in the environment, or as TOML writes them

A setting that a table lacks comes from the environment and `.env`. Without HCC_OAS these define the only OA. All faults
of all tables are reported at once. Messages for operators are Vietnamese and show no value, since it may be a secret.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from config.arrival import TEXT, tidy
from config.log_lines import name_oas
from config.settings import (
    REQUIRED,
    ROOT,
    Settings,
    SettingsError,
    environment,
    load,
    missing,
    sentence,
    strange_names,
    variable,
)

COMMON = frozenset(
    {
        "database_url", "redis_url", "broker_url", "secret_keys", "keep_months", "lease_seconds",
        "http_timeout_seconds", "zalo_connections", "ping_url", "alarm_mail", "mail_url", "mail_from",
        "proxy", "ca_file", "log_level", "log_format", "sentry_dsn", "allow_hosts", "embedded", "by", "oas",
        "console_port", "console_database_url", "console_url", "console_oidc_url", "console_oidc_client_id",
        "console_oidc_secret",
    }
)  # fmt: skip
"""Settings of the whole deployment: one value for all OAs, so no table may set its own."""

_PREFIX = variable("")


@dataclass(frozen=True, slots=True)
class Oa:
    """One Official Account: `name`, for people, is its table's name (the id if there is no file)."""

    id: str
    name: str
    settings: Settings


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of the file: its values by field, spelt as in the environment."""

    name: str
    said: Mapping[str, str]

    @property
    def oa(self) -> str:
        return self.said.get("zalo_oa_id") or (self.name if self.name.isdecimal() else "")


def load_oas(*required: str) -> dict[str, Oa]:
    """Every OA of this deployment by its id, in the file's order; without HCC_OAS, the one of the settings.

    `required` names fields that must not be empty (default: all of REQUIRED). Raises `SettingsError` with every fault.
    """
    known = environment()
    named = known.get(variable("oas"))
    if not named:
        settings = load(*required)
        return _named({settings.zalo_oa_id: Oa(settings.zalo_oa_id, settings.zalo_oa_id, settings)})
    wanted = [name for name in required or REQUIRED if name in REQUIRED]
    of_each = dict.fromkeys([*(name for name in wanted if name not in COMMON), "zalo_oa_id"])
    faults = strange_names(known)
    faults += [missing(name) for name in wanted if name in COMMON and not known.get(variable(name))]
    common = _wrong_in_the_environment()
    faults += common.values()
    tables, unread = _read(ROOT / named)
    faults += unread + list(_doubles(tables))
    made = []
    for table in tables:
        lacking = [name for name in of_each if not _is_set(table, name, known)]
        faults += [_in(table.name, missing(name)) for name in lacking]
        settings_or_faults = _settings(table, set(common))
        if isinstance(settings_or_faults, Settings):
            made.append(Oa(table.oa, table.name, settings_or_faults))
        else:
            faults += settings_or_faults
    faults += _at_odds(made)
    if faults:
        raise SettingsError(faults)
    return _named({one.id: one for one in made})


def _named(oas: dict[str, Oa]) -> dict[str, Oa]:
    """Return the same OAs; from now on log lines of this process use their names."""
    name_oas({oa: one.name for oa, one in oas.items()})
    return oas


def common_settings(oas: Mapping[str, Oa]) -> Settings:
    """The settings that all OAs share, with the shortest of their poll intervals: the schedule of bells uses them."""
    every = [one.settings for one in oas.values()]
    return every[0].model_copy(update={"poll_seconds": min(settings.poll_seconds for settings in every)})


def _wrong_in_the_environment() -> dict[str, str]:
    """The faults of the common defaults, by field: reported once, not for every table.

    Inconsistent defaults may become consistent with a table's values, so consistency is checked table by table.
    """
    try:
        Settings()
    except ValidationError as error:
        wrong = error.errors(include_input=False)
        return {str(entry["loc"][0]): sentence(entry["loc"], entry["msg"]) for entry in wrong if entry["loc"]}
    return {}


def _read(path: Path) -> tuple[list[_Table], list[str]]:
    """The tables that could be read, and the faults of the file."""
    where = f"{variable('oas')} ({path})"
    try:
        content = tomllib.loads(path.read_text(TEXT))
    except FileNotFoundError:
        return [], [f"{where}: không có tệp này; sửa đường dẫn (tương đối: tính từ thư mục dự án) hoặc tạo tệp"]
    except (OSError, UnicodeDecodeError):
        return [], [f"{where}: không đọc được tệp; kiểm tra quyền đọc và mã UTF-8"]
    except tomllib.TOMLDecodeError as error:
        return [], [f"{where}: sai cú pháp TOML, sửa chỗ này: {error}"]
    if not content:
        return [], [f"{where}: tệp trống; thêm một bảng [tên] cho mỗi OA, xem docs/oas.md"]
    tables, faults = list[_Table](), list[str]()
    for name, table in content.items():
        if isinstance(table, dict):
            said, wrong = _said(table)
            tables.append(_Table(name, said))
            faults += [_in(name, fault) for fault in wrong]
        else:
            faults.append(f"{where}: «{name}» đứng ngoài mọi bảng; chuyển vào bảng [tên] của một OA, hoặc sang .env")
    return tables, faults


def _said(table: Mapping[str, Any]) -> tuple[dict[str, str], list[str]]:
    """A table's values as the environment spells them, and the faults in its names and types."""
    said, faults = dict[str, str](), list[str]()
    for key, value in table.items():
        field = key.lower().removeprefix(_PREFIX.lower())
        if field in COMMON:
            faults.append(f"{key}: là của cả hệ thống, không phải của một OA; chuyển sang biến {variable(field)}")
        elif field not in Settings.model_fields:
            faults.append(f"{key}: không có tên này; {_nearest(field)}")
        elif field in said:
            faults.append(f"{key}: ghi hai lần; giữ một")
        elif (word := _word(value)) is None:
            faults.append(f"{key}: kiểu TOML không dùng được ở đây; ghi thành chuỗi, đúng như {variable(field)}")
        else:
            said[field] = word
    return said, faults


def _nearest(field: str) -> str:
    found = get_close_matches(field, [name for name in Settings.model_fields if name not in COMMON], 1)
    return f"có phải {found[0]}?" if found else "các tên dùng được: .env.example"


def _word(value: object) -> str | None:
    """A TOML value as the environment spells it; None if it has no such form.

    Lists are joined by commas, tables as `key=value` (a list in a table: by plus signs).
    """
    match value:
        case str():
            return tidy(value)
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case datetime() | date() | time():
            return value.isoformat()
        case list():
            return _joined(",", [_word(part) if _is_plain(part) else None for part in value])
        case dict():
            return _joined(",", [_pair(key, part) for key, part in value.items()])
        case _:
            return None


def _pair(key: str, value: object) -> str | None:
    plain = isinstance(value, list) and all(map(_is_plain, value))
    word = _joined("+", map(_word, value)) if plain else _word(value) if _is_plain(value) else None  # type: ignore[call-overload]  # `plain`: a list
    return None if word is None else f"{key}={word}"


def _is_plain(value: object) -> bool:
    return not isinstance(value, list | dict)


def _joined(mark: str, words: Any) -> str | None:
    """The joined words; None if one is None or contains the mark, since it would be read as two."""
    parts = list(words)
    return mark.join(parts) if all(part is not None and mark not in part for part in parts) else None


def _is_set(table: _Table, field: str, known: Mapping[str, str]) -> bool:
    """Whether the field is set. The environment's OA id does not count: each table has its own."""
    if field == "zalo_oa_id":
        return bool(table.oa)
    return bool(table.said.get(field, known.get(variable(field))))


def _settings(table: _Table, told: set[str]) -> Settings | list[str]:
    """The settings of one OA, or its faults except for those of the environment that were already reported."""
    try:
        return Settings(**{**table.said, "zalo_oa_id": table.oa})  # type: ignore[arg-type]  # words; pydantic reads them
    except ValidationError as error:
        wrong = error.errors(include_input=False)
        own = [
            entry for entry in wrong if not entry["loc"] or entry["loc"][0] in table.said or entry["loc"][0] not in told
        ]
        return [_in(table.name, sentence(entry["loc"], entry["msg"])) for entry in own]


def _doubles(tables: Sequence[_Table]) -> Iterator[str]:
    """The faults of two tables with the same OA, and of a name that is another OA's id."""
    first: dict[str, str] = {}
    for table in tables:
        if table.oa and table.oa in first:
            yield _in(table.name, f"trùng OA {table.oa} với bảng [{first[table.oa]}]; mỗi OA một bảng")
        first.setdefault(table.oa, table.name)
        if table.name.isdecimal() and table.oa != table.name:
            yield _in(table.name, f"tên bảng là số nhưng zalo_oa_id là {table.oa}; đặt tên chữ, hoặc bỏ zalo_oa_id")


def _at_odds(oas: Sequence[Oa]) -> Iterator[str]:
    """OAs of one Zalo app share its limit and its secret, so their tables must agree on both."""
    first: dict[str, Oa] = {}
    for one in oas:
        other = first.setdefault(one.settings.zalo_app_id, one) if one.settings.zalo_app_id else one
        for field in ("zalo_rate_per_minute", "zalo_app_secret"):
            if getattr(other.settings, field) != getattr(one.settings, field):
                yield _in(one.name, f"{field}: khác bảng [{other.name}] tuy cùng ứng dụng Zalo; ghi giống nhau")


def _in(name: str, fault: str) -> str:
    return f"[{name}] {fault}"
