"""Loads a province's mapping file (the SQL to read and the meaning of words), and reports all its faults at once.

The texts of faults are in Vietnamese, because the people who write mapping files read them.
"""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from config.arrival import TEXT
from config.settings import INSTALLED
from domain.cells import as_text
from domain.dossier import PaymentState, Reason, Status
from domain.folding import folded
from producers.dossiers.queries import FEEDS, LIMIT, QUERIES, TABLES, keyed, parameters
from producers.dossiers.queries import Query as Asked
from producers.dossiers.switches import Kinds, needs

SOURCES = INSTALLED / "config" / "sources"


class MappingError(Exception):
    """The mapping file is missing or wrong; the text lists every fault and its remedy."""

    def __init__(self, source: str, faults: list[str]) -> None:
        self.faults = faults
        lines = "\n".join(f"  - {fault}" for fault in faults)
        super().__init__(f"Bản đồ nguồn {source} (HCC_SOURCE) có {len(faults)} lỗi:\n{lines}")


@lru_cache(maxsize=1024, typed=True)  # millions of rows repeat a few dozen words
def word(value: object) -> str:
    """The canonical spelling by which words of the source are compared (`domain.folding`).

    A whole number becomes its digits, whichever type the driver or a spreadsheet gave it (2, 2.0, '2.0', Decimal('2')).
    """
    text = str(value) if isinstance(value, bool) else as_text(value)
    spelt = folded(text or "")
    return spelt.split(".")[0] if _WHOLE.fullmatch(spelt) else spelt


_WHOLE = re.compile(r"-?[0-9]{1,9}\.0+")


def _zone(name: object) -> ZoneInfo:
    try:
        return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("không có múi giờ này") from None


def _keyed_by_word(table: object) -> object:
    """The table keyed by canonical spelling; two words with the same spelling must have the same meaning."""
    if not isinstance(table, dict):
        return table
    meanings: dict[str, object] = {}
    for key, meaning in table.items():
        if meanings.setdefault(word(key), meaning) != meaning:
            raise PydanticCustomError("same_word", "hai từ chỉ khác cách viết («{key}») có hai nghĩa", {"key": key})
        if meaning in (0, "0", "unknown"):
            raise PydanticCustomError(
                "no_meaning", "«{key}» cần một nghĩa, không phải «{meaning}»", {"key": key, "meaning": meaning}
            )
    return meanings


PHONES = {"submitter": "phone", "authorised": "authorised_phone", "owner": "owner_phone"}
"""The column of each recipient's phone."""

Word = Annotated[str, AfterValidator(word)]
Zone = Annotated[ZoneInfo, BeforeValidator(_zone)]
Query = Annotated[str, Field(min_length=1)]


class _Table(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True, strict=False
    )


class Connection(_Table):
    dialects: tuple[Literal["postgresql", "sqlite", "mysql", "mssql", "oracle"], ...] = Field(
        min_length=1, description="các loại CSDL mà câu SQL chạy được: postgresql, sqlite, mysql, mssql, oracle"
    )
    statement_seconds: int = Field(30, ge=1, le=600, description="một câu SQL chạy lâu nhất bao nhiêu giây, 1 đến 600")


class Dossiers(_Table):
    recipients: tuple[Literal["submitter", "authorised", "owner"], ...] = Field(
        ("submitter",),
        min_length=1,
        description='ai được báo, số đầu tiên có: "submitter" người nộp, "authorised" được ủy quyền, "owner" chủ hồ sơ',
    )
    channels_told: frozenset[Word] = Field(min_length=1, description='danh sách kênh được báo, ví dụ ["2"]')


class SourceKeys(_Table):
    history: Literal["number", "guid", "text"] = Field(
        "number", description='khóa của bảng lịch sử: "number" số tăng dần, "guid" hay "text" thì đọc theo thời gian'
    )
    payments: Literal["number", "guid", "text"] = Field(
        "number", description='khóa của yêu cầu thanh toán: "number" số tăng dần, "guid", "text"'
    )


class Payments(_Table):
    told_by: frozenset[Literal["row", "status"]] = Field(
        frozenset({"row"}), min_length=1, description='phí đến từ đâu: ["row"] dòng yêu cầu, ["status"] trạng thái 6'
    )
    exempt: frozenset[Word] = Field(description="danh sách hình thức thu được miễn phí")
    states: Annotated[dict[str, PaymentState], BeforeValidator(_keyed_by_word)] = Field(
        min_length=1, description="từ trong CSDL = not_yet | requested | paid | cancelled | exempt"
    )


class ResultWords(_Table):
    confirmed_from: int = Field(description="số: result_state từ đây trở lên là đã xác nhận")
    given: frozenset[Word] = Field(min_length=1, description="các từ của result_kind nghĩa là có kết quả")
    not_given: frozenset[Word] = Field(description="các từ của result_kind không phải là kết quả")
    apology: frozenset[Word] = Field(frozenset(), description="các từ của result_kind nghĩa là đã xin lỗi, hẹn lại")
    given_back: frozenset[Word] = Field(frozenset(), description="các từ của result_kind nghĩa là trả lại, rút")
    again: Literal["never", "new_day"] = Field(
        "never", description='"never" báo một lần; "new_day" báo lại nếu kết thúc xử lý vào ngày khác'
    )


class Reminders(_Table):
    fee_days: int = Field(3, ge=1, le=60, description="số ngày sau khi báo phí, 1 đến 60")
    collect_days: int = Field(5, ge=1, le=60, description="số ngày sau khi báo có kết quả, 1 đến 60")
    supplement_days: int = Field(3, ge=1, le=60, description="số ngày trước hạn bổ sung, 1 đến 60")


class Limits(_Table):
    page: int = Field(1000, ge=1, le=10_000, description="số dòng mỗi lần đọc, 1 đến 10000")
    baseline_page: int = Field(5000, ge=1, le=50_000, description="số dòng mỗi lần đọc ở lần đầu, 1 đến 50000")
    gap_seconds: float = Field(600, ge=1, le=86_400, description="số giây chờ một id trống, 1 đến 86400")
    gaps: int = Field(10_000, ge=1, le=10_000, description="số id trống được nhớ, 1 đến 10000")
    settle_seconds: float = Field(60, ge=0, le=3_600, description="số giây chờ hồ sơ theo kịp lịch sử, 0 đến 3600")
    overlap_seconds: float = Field(30, ge=0, le=3_600, description="số giây đọc lại, 0 đến 3600")
    reconcile_seconds: float = Field(60, ge=1, le=86_400, description="số giây giữa hai lượt đối chiếu, 1 đến 86400")


class Columns(_Table):
    dossier: Query = Field(description="các cột của hồ sơ, viết là {dossier} trong câu SQL")
    payment: Query = Field(description="các cột của yêu cầu thanh toán, viết là {payment} trong câu SQL")


class Feeds(_Table):
    history: Query | None = Field(None, description="câu SELECT của luồng lịch sử")
    payments: Query | None = Field(None, description="câu SELECT của luồng yêu cầu thanh toán")
    payment_changes: Query | None = Field(None, description="câu SELECT của luồng thay đổi thanh toán")
    snapshot: Query | None = Field(None, description="câu SELECT của hồ sơ vừa đổi")


class ReconcileQueries(_Table):
    open: Query = Field(description="câu SELECT của các hồ sơ chưa kết thúc")
    by_code: Query = Field(description="câu SELECT của các hồ sơ theo mã")
    open_payments: Query | None = Field(None, description="câu SELECT của các yêu cầu thanh toán chưa xong")


class Baseline(_Table):
    dossiers: Query = Field(description="câu SELECT của mọi hồ sơ")
    newest: Query = Field(description="câu SELECT điểm mới nhất của các luồng")
    payments: Query | None = Field(None, description="câu SELECT mọi yêu cầu thanh toán, khi khóa không phải là số")


class Mapping(_Table):
    """Everything that the producers know about one province's dossier database."""

    zone: Zone = Field(description="múi giờ của CSDL, ví dụ Asia/Ho_Chi_Minh")
    connection: Connection = Field(description="bảng [connection]")
    dossiers: Dossiers = Field(description="bảng [dossiers]")
    status: Annotated[dict[str, Status], BeforeValidator(_keyed_by_word)] = Field(
        min_length=1, description="trạng thái trong CSDL = mã quốc gia 1..10"
    )
    keys: SourceKeys = Field(SourceKeys(), description="bảng [keys]")
    payments: Payments = Field(description="bảng [payments]")
    result: ResultWords = Field(description="bảng [result]")
    kinds: Kinds = Field(Kinds(), description="bảng [kinds]: loại thông báo = true hoặc false")
    reasons: Annotated[dict[str, Reason], BeforeValidator(_keyed_by_word)] = Field(
        {}, description=f"từ trong CSDL = {' | '.join(Reason)}"
    )
    reminders: Reminders = Field(Reminders(), description="bảng [reminders]")
    limits: Limits = Field(Limits(), description="bảng [limits]")
    columns: Columns = Field(description="bảng [columns]")
    feeds: Feeds = Field(description="bảng [feeds]")
    reconcile: ReconcileQueries | None = Field(None, description="bảng [reconcile]")
    baseline: Baseline = Field(description="bảng [baseline]")

    @model_validator(mode="after")
    def _queries_ask_what_they_must(self) -> Self:
        faults = [fault for name in self.queries for fault in _query_faults(self.query(name), self.sql(name))]
        faults += _key_faults(self)
        if not self.feed_names or not (self.feeds.history or self.feeds.snapshot or self.reconcile):
            faults.append("feeds: cần ít nhất một luồng, và một trong feeds.history, feeds.snapshot, [reconcile]")
        if self.feeds.payment_changes and not self.feeds.payments and self.keys.payments == "number":
            faults.append("feeds.payments: thiếu; thêm vào, vì có feeds.payment_changes")
        faults += self._lacking_columns()
        if faults:
            raise ValueError("\n".join(faults))
        return self

    def _lacking_columns(self) -> list[str]:
        """Faults for the columns that an enabled kind or rule needs and that no query returns."""
        given = re.sub("--.*", "", " ".join(self.sql(name) for name in self.queries))
        wanted = needs(self.kinds)
        if "status" in self.payments.told_by:
            wanted["fee_amount"] = 'payments.told_by có "status"'
        return [
            f"columns.dossier: thiếu cột {column}, vì {why}; thêm … AS {column} vào câu SQL"
            for column, why in wanted.items()
            if not re.search(rf"\b{column}\b", given)
        ]

    @property
    def queries(self) -> tuple[str, ...]:
        """The names of the queries in `queries.QUERIES` that this mapping has."""
        return tuple(name for name in QUERIES if self.has(name))

    @property
    def feed_names(self) -> tuple[str, ...]:
        """The feeds that this mapping has, in the order in which they are read."""
        return tuple(name for name in FEEDS if self.has(name))

    def query(self, name: str) -> Asked:
        """The parameters and required columns of a query, which depend on the key type of its table."""
        table = TABLES.get(name)
        key = getattr(self.keys, table) if table else "number"
        return QUERIES[name] if key == "number" else keyed(name, key)

    def has(self, name: str) -> bool:
        """Whether the file has this query."""
        return self._text(name) is not None

    def columns_of(self, name: str) -> tuple[str, ...]:
        """The columns that a query must return."""
        if name == "newest":
            return self.feed_names
        return (*self.query(name).columns, *(PHONES[who] for who in self.dossiers.recipients if who != "submitter"))

    def sql(self, name: str, dialect: str | None = None) -> str:
        """The SQL of a query of this mapping, for an engine (default: the first one that the mapping supports)."""
        filled = str(self._text(name))
        parts = {"{dossier}": self.columns.dossier, "{payment}": self.columns.payment}
        for mark, part in (parts | {"{limit}": LIMIT[dialect or self.connection.dialects[0]]}).items():
            filled = filled.replace(mark, part)
        return filled

    def _text(self, name: str) -> str | None:
        table, _, entry = QUERIES[name].where.partition(".")
        return getattr(getattr(self, table), entry, None)


def load_mapping(name_or_path: str) -> Mapping:
    """Read `config/sources/<name>.toml`, or the file at a path ending in `.toml`. Raises `MappingError`."""
    path = Path(name_or_path) if name_or_path.endswith(".toml") else SOURCES / f"{name_or_path}.toml"
    try:
        return Mapping.model_validate(tomllib.loads(path.read_text(TEXT)))
    except FileNotFoundError:
        known = ", ".join(sorted(file.stem for file in SOURCES.glob("*.toml")))
        raise MappingError(
            name_or_path, [f"không có tệp này; đặt một tên trong {known}, hoặc đường dẫn .toml"]
        ) from None
    except (OSError, UnicodeDecodeError):
        raise MappingError(name_or_path, ["không đọc được tệp; kiểm tra quyền đọc và mã UTF-8"]) from None
    except tomllib.TOMLDecodeError as error:
        raise MappingError(name_or_path, [f"sai cú pháp TOML, sửa chỗ này: {error}"]) from None
    except ValidationError as error:
        faults = [line for entry in error.errors(include_input=False) for line in _sentences(entry)]
        raise MappingError(name_or_path, faults) from None


def _query_faults(query: Asked, sql: str) -> list[str]:
    given = parameters(sql)
    faults = [f"{query.where}: câu SQL thiếu tham số :{lack}; thêm vào" for lack in sorted(query.parameters - given)]
    faults += [f"{query.where}: tham số lạ :{extra}; xóa đi" for extra in sorted(given - query.parameters)]
    if not sql.lstrip().upper().startswith(("SELECT", "WITH")):
        faults.append(f"{query.where}: chỉ được đọc; câu SQL phải bắt đầu bằng SELECT hoặc WITH")
    return faults


def _key_faults(mapping: Mapping) -> list[str]:
    """Faults of the queries that the key type of payments requires or rules out.

    A table without increasing ids has no feed by id: new rows are read by time, past rows in keyset pages.
    """
    if mapping.keys.payments == "number":
        return (
            ["baseline.payments: xóa đi, vì khóa là số (feeds.payments đọc được)"] if mapping.baseline.payments else []
        )
    faults = []
    named = f'keys.payments = "{mapping.keys.payments}"'
    if "fee_reminder" in mapping.kinds.anywhere():
        faults.append(f"kinds.fee_reminder: tắt đi, vì {named} không hỏi lại được từng khoản theo khóa")
    if mapping.feeds.payments:
        faults.append(f"feeds.payments: xóa đi, vì {named} không tăng dần; dùng feeds.payment_changes")
    if not mapping.feeds.payment_changes or not mapping.baseline.payments:
        faults.append(f"{named}: cần feeds.payment_changes và baseline.payments")
    return faults


def _sentences(error: ErrorDetails) -> list[str]:
    where = ".".join(str(part) for part in error["loc"] if part not in ("told", "[key]"))
    about = _about(error["loc"])
    match error["type"]:
        case "missing":
            return [f"{where}: thiếu; thêm {about}"]
        case "extra_forbidden":
            return [f"{where}: tên lạ; xóa đi hoặc sửa theo config/sources/reference.toml"]
        case "same_word" | "no_meaning":
            return [f"{where}: {error['msg']}; sửa bảng này"]
        case "value_error" if not where:
            return str(error["ctx"]["error"]).splitlines()
        case _:
            return [f"{where}: giá trị không hợp lệ; cần {about}"]


def _about(where: tuple[int | str, ...]) -> str:
    """The description of the innermost field on the path to a fault."""
    about, model = "", Mapping
    for part in where:
        field: Any = (
            model.model_fields.get(str(part)) if isinstance(model, type) and issubclass(model, BaseModel) else None
        )
        if field is None:
            break
        about, model = field.description or about, field.annotation
    return about
