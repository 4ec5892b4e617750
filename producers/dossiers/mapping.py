"""A province's dossier database in our words: one TOML file, checked whole before it is used."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from config.settings import ROOT
from worker.domain.dossier import PaymentState, Status

FOLDER = ROOT / "config" / "sources"


class MappingError(Exception):
    """The mapping file is missing or wrong; the text lists every fault with what to do."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Rules(_Strict):
    """What is told and what is a result; see the comments of reference.toml."""

    told_channels: tuple[int, ...]
    results: tuple[str, ...]
    confirmed_from: int | None = None


class Feed(_Strict):
    """One query that is polled, by increasing id or by change time."""

    by: Literal["id", "time"]
    sql: str


class Baseline(_Strict):
    """The queries of the first start."""

    now: str
    history: str
    payments: str
    dossiers_told: str
    payments_told: str


class Mapping(_Strict):
    """The whole file."""

    time_zone: str
    page_rows: int = Field(1000, ge=1, le=50_000)
    statement_seconds: float = Field(10, gt=0)
    gap_seconds: float = Field(600, ge=0)
    overlap_seconds: float = Field(30, ge=0)
    rules: Rules
    status: dict[str, Status]
    payment: dict[str, str]
    feeds: dict[str, Feed]
    baseline: Baseline

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError("múi giờ lạ, ví dụ Asia/Ho_Chi_Minh") from None
        return name

    @field_validator("payment")
    @classmethod
    def _known_payment_states(cls, words: dict[str, str]) -> dict[str, str]:
        wrong = [word for word, state in words.items() if word != "exempt_when" and state not in list(PaymentState)]
        if wrong:
            raise ValueError(f"trạng thái lạ cho «{'», «'.join(wrong)}»; có: {', '.join(PaymentState)}")
        return words

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def payment_state(self, word: str, way: str | None) -> PaymentState:
        """Our word for the source's; raises KeyError for one that the file does not have."""
        if way is not None and way == self.payment.get("exempt_when"):
            return PaymentState.EXEMPT
        return PaymentState(self.payment[word])


def load_mapping(name_or_path: str) -> Mapping:
    """Read `config/sources/<name>.toml`, or a path. Raises `MappingError` with every fault at once."""
    path = Path(name_or_path)
    if path.suffix != ".toml":
        path = FOLDER / f"{name_or_path}.toml"
    try:
        return Mapping.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError:
        known = ", ".join(sorted(file.stem for file in FOLDER.glob("*.toml")))
        raise MappingError(f"HCC_SOURCE: không đọc được {path.name}; có sẵn: {known}.") from None
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"HCC_SOURCE: {path.name} không phải TOML ({error}).") from None
    except ValidationError as error:
        faults = [f"  - {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False)]
        raise MappingError("\n".join([f"HCC_SOURCE: {path.name} có {len(faults)} lỗi:", *faults])) from None
