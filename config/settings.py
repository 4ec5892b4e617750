"""Define every setting once: read from the environment (and `.env`), checked at start, all faults reported at once.

The names are a contract: field `poll_seconds` is the variable `HCC_POLL_SECONDS`. Each field's description is the text
for operators, in Vietnamese, in `.env.example` and next to a fault.
"""

from __future__ import annotations

import codecs
import logging
import ssl
from collections.abc import Iterable
from datetime import datetime, time
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from config import places
from config.arrival import TEXT, layered, misspelt, tidy, unheard_of
from config.brokers import check_broker, check_redis
from config.channels import CHANNEL_FACTS
from config.values import (
    Amounts,
    DatabaseUrl,
    HttpUrl,
    Names,
    check_channels,
    check_console,
    check_dsn,
    check_hours,
    check_keys,
    check_kinds,
    check_mail,
    check_mail_server,
    check_proxy,
    check_sentry,
    check_start,
    clock_times,
    read_orders,
    read_pairs,
)

log = logging.getLogger("hcc.config")

INSTALLED = places.INSTALLED
ROOT = places.ROOT
VAR = ROOT / "var"
UP_ENV = VAR / "up.env"  # written by `hcc up`: the world that it started for settings that are not set
REAL_ZALO = "https://openapi.zalo.me"

PRICES = {name: facts.price for name, facts in CHANNEL_FACTS.items() if facts.price}


class SettingsError(Exception):
    """One or more settings are wrong or missing; the message lists them all, each with what to do."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        lines = "\n".join(f"  - {fault}" for fault in faults)
        super().__init__(f"Cấu hình có {len(faults)} lỗi:\n{lines}")


def _certificates(path: str) -> str:
    """Check a PEM file. OpenSSL reads it line by line and misses the first certificate after a byte order mark."""
    if not path:
        return path
    try:
        content = (ROOT / path).read_bytes()
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=ROOT / path)
    except ssl.SSLError:
        raise ValueError("tệp không có chứng thư PEM nào (-----BEGIN CERTIFICATE-----)") from None
    except OSError:
        raise ValueError("không đọc được tệp này; kiểm tra đường dẫn và quyền đọc") from None
    if content.startswith(codecs.BOM_UTF8):
        raise ValueError("tệp bắt đầu bằng BOM nên chứng thư đầu bị bỏ qua; lưu lại tệp không có BOM")
    return str(ROOT / path)


class Settings(BaseSettings):
    """All settings; construct through `load()` so that faults come as one readable `SettingsError`."""

    model_config = SettingsConfigDict(
        env_prefix="HCC_",
        env_file=(UP_ENV, ROOT / ".env"),
        env_file_encoding=TEXT,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=False,
    )

    database_url: DatabaseUrl = Field(
        "", repr=False, description="Sổ thông báo (PostgreSQL); bỏ trống: máy chủ nhúng của `hcc up`"
    )
    dossier_url: DatabaseUrl = Field("", repr=False, description="CSDL hồ sơ của tỉnh, tài khoản chỉ đọc")
    redis_url: Annotated[str, AfterValidator(check_redis)] = Field(
        "", repr=False, description="Redis (hạn mức, ngắt mạch, lịch gửi lại); bỏ trống: máy chủ nhúng của `hcc up`"
    )
    broker_url: Annotated[str, AfterValidator(check_broker)] = Field(
        "", repr=False, description="Hàng đợi của Celery: RabbitMQ (amqp://…) hoặc Redis; bỏ trống: như HCC_REDIS_URL"
    )
    secret_keys: Annotated[Names, AfterValidator(check_keys)] = Field(
        [], repr=False, description="Khóa mã hóa, cách nhau dấu phẩy: khóa đầu mã hóa, mọi khóa giải mã"
    )
    source: str = Field("reference", description="Bản đồ CSDL hồ sơ: tên trong config/sources hoặc đường dẫn TOML")
    start_from: Annotated[str, AfterValidator(check_start)] = Field(
        "now", description="Lần chạy đầu báo từ đâu: now | beginning | thời điểm ISO"
    )
    poll_seconds: float = Field(2, gt=0, le=3600, description="Bao nhiêu giây hỏi CSDL hồ sơ một lần")
    channels: Annotated[Names, AfterValidator(check_channels)] = Field(
        ["zalo_cs", "zalo_template"], description="Các kênh, theo thứ tự ưu tiên"
    )
    kind_channels: Annotated[
        dict[str, list[str]], NoDecode, BeforeValidator(read_orders), AfterValidator(check_kinds)
    ] = Field({}, description="Thứ tự kênh riêng của một loại thông báo, ví dụ fee_requested=zns+sms")
    prices: Annotated[Amounts, AfterValidator(lambda given: PRICES | given)] = Field(
        PRICES,
        description="Giá ước tính mỗi tin, đồng (SMS: mỗi đoạn); tin tư vấn trong 48 giờ không mất phí",
    )
    budget_dong: Amounts = Field({}, description="Trần chi mỗi ngày của từng kênh, đồng; không ghi: không giới hạn")
    budget_messages: Amounts = Field({}, description="Trần số tin mỗi ngày của từng kênh; không ghi: không giới hạn")
    budget_alarm_percent: int = Field(80, ge=1, le=100, description="Báo động khi đã dùng chừng này phần trăm trần")
    zalo_app_id: str = Field("", description="Mã ứng dụng Zalo (developers.zalo.me)")
    zalo_app_secret: str = Field("", repr=False, description="Khóa bí mật của ứng dụng Zalo")
    zalo_oa_id: str = Field("", description="Mã Official Account")
    zalo_oa_secret: str = Field(
        "", repr=False, description="OA secret key của trang webhook; dùng để kiểm chữ ký sự kiện"
    )
    zalo_openapi_url: HttpUrl = Field(REAL_ZALO, description="Địa chỉ API của OA")
    zalo_business_url: HttpUrl = Field("https://business.openapi.zalo.me", description="Địa chỉ API ZNS")
    zalo_oauth_url: HttpUrl = Field("https://oauth.zaloapp.com", description="Địa chỉ cấp token")
    proxy: Annotated[str, AfterValidator(check_proxy)] = Field(
        "", repr=False, description="Proxy HTTP để ra Internet, ví dụ http://proxy:3128; bỏ trống: đi thẳng"
    )
    ca_file: Annotated[str, AfterValidator(_certificates)] = Field(
        "", description="Tệp PEM các CA được tin thay cho danh sách mặc định; bỏ trống: danh sách mặc định"
    )
    zalo_rate_per_minute: int = Field(
        4000, ge=1, description="Số lời gọi mỗi phút Zalo cho một ứng dụng, mọi tiến trình dùng chung"
    )
    zalo_templates: Annotated[dict[str, str], NoDecode, BeforeValidator(read_pairs), AfterValidator(check_kinds)] = (
        Field({}, description="Loại thông báo → mã mẫu đã duyệt, ví dụ accepted=331,fee_requested=332")
    )
    zalo_cs_paid: bool = Field(
        True, description="Được gửi tin tư vấn mất phí (48 giờ đến 7 ngày sau lần tương tác cuối)"
    )
    sms_gateway: Literal["esms"] = Field("esms", description="Cổng SMS")
    sms_url: HttpUrl = Field("https://rest.esms.vn", description="Địa chỉ cổng SMS")
    sms_api_key: str = Field("", repr=False, description="ApiKey của cổng SMS")
    sms_secret_key: str = Field("", repr=False, description="SecretKey của cổng SMS")
    sms_brandname: str = Field("", description="Tên thương hiệu đã đăng ký với nhà mạng")
    sms_accents: bool = Field(False, description="SMS có dấu (đắt gấp hai đến bốn lần) hay không dấu")
    sms_max_segments: int = Field(3, ge=1, le=10, description="SMS dài quá chừng này đoạn thì không gửi")
    place: str = Field("tỉnh Hà Tĩnh", min_length=1, description="Tên địa phương trong nội dung tin nhắn")
    post_sentence: bool = Field(
        False, description="Tin «có kết quả» có thêm một câu khi người nộp chọn nhận kết quả qua bưu điện: yes | no"
    )
    template_approval: Literal["one", "two"] = Field(
        "one",
        description="Mẫu tin đề xuất được dùng: one (ngay khi hợp lệ) | two (khi người khác đã duyệt)",
    )
    payment_url: HttpUrl = Field(
        "https://dichvucong.hatinh.gov.vn/portaldvc/KenhTin/thanh-toan-new.aspx",
        description="Trang thanh toán phí; mã hồ sơ được nối vào sau",
    )
    payment_hosts: Names = Field(
        ["dichvucong.hatinh.gov.vn"], description="Các máy chủ mà đường dẫn thanh toán được phép trỏ tới"
    )
    quiet_hours: Annotated[str, AfterValidator(check_hours)] = Field(
        "22:00-06:00", description="Giờ nghỉ của các kênh phải giữ giờ nghỉ (giờ Việt Nam)"
    )
    max_age_hours: float = Field(72, gt=0, description="Quá tuổi này thì thông báo không còn ích, không gửi nữa")
    phone_proof: Literal["none", "code", "strong"] = Field(
        "code",
        description="Bằng chứng tối thiểu để nhận những gì có trước khi khai số điện thoại: none | code (mã hồ sơ)"
        " | strong (mã gửi tới máy, cán bộ)",
    )
    proof_template: str = Field(
        "", description="Mã mẫu ZNS đã duyệt để gửi mã xác nhận 6 số tới số điện thoại; bỏ trống: không gửi"
    )
    proof_sms: bool = Field(False, description="Gửi mã xác nhận 6 số bằng SMS (cần HCC_SMS_…), sau ZNS nếu có cả hai")
    follow_grace_days: float = Field(14, ge=0, description="Người quan tâm muộn trong hạn này vẫn nhận được thông báo")
    recheck_seconds: float = Field(
        600, ge=0, description="Chờ lâu hơn chừng này giây thì đọc lại CSDL hồ sơ trước khi gửi (0: không đọc lại)"
    )
    stuck_seconds: float = Field(
        300, gt=0, description="Đến hạn quá chừng này giây mà không đi, dù không có gì giữ, thì báo động"
    )
    ping_url: HttpUrl | Literal[""] = Field(
        "", repr=False, description="Địa chỉ được gọi đều đặn chừng nào mọi thứ còn chạy (healthchecks.io và tương tự)"
    )
    alarm_mail: Annotated[Names, AfterValidator(check_mail)] = Field(
        [], description="Hộp thư nhận báo động, cách nhau dấu phẩy; bỏ trống: không gửi thư"
    )
    mail_url: Annotated[str, AfterValidator(check_mail_server)] = Field(
        "smtp://localhost:25",
        repr=False,
        description="Máy chủ thư: smtp:// | smtp+tls:// (STARTTLS) | smtps://, có thể có tài_khoản:mật_khẩu@",
    )
    mail_from: str = Field("", description="Thư báo động đề người gửi là; bỏ trống: hcc-notify@tên máy")
    old_event_days: float = Field(
        30, ge=0, description="Việc đã xảy ra quá chừng này ngày mà nay mới thấy thì tạm giữ; 0: không giữ vì cũ"
    )
    guard_notices: int = Field(
        10_000, ge=0, description="Trong mười phút một OA có quá chừng này thông báo mới thì tạm giữ; 0: không giữ"
    )
    retry_base_seconds: float = Field(30, gt=0, description="Gửi lại: mức chờ đầu tiên")
    retry_cap_seconds: float = Field(3600, gt=0, description="Gửi lại: mức chờ dài nhất")
    lease_seconds: float = Field(60, ge=5, description="Một tiến trình giữ thông báo đang gửi lâu nhất bao nhiêu giây")
    http_timeout_seconds: float = Field(10, gt=0, le=60, description="Chờ Zalo trả lời lâu nhất bao nhiêu giây")
    zalo_connections: int = Field(
        400, ge=4, le=2000, description="Một tiến trình gửi cùng lúc nhiều nhất bao nhiêu tin, của mọi OA"
    )
    keep_months: int = Field(24, ge=4, le=600, description="Giữ thông báo đã xong bao nhiêu tháng rồi xóa")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Mức nhật ký")
    log_format: Literal["text", "json"] = Field(
        "text", description="Nhật ký là chữ hay mỗi dòng một đối tượng JSON: text | json"
    )
    sentry_dsn: Annotated[str, AfterValidator(check_dsn)] = Field(
        "", repr=False, description="DSN của Sentry để báo lỗi của chương trình, không kèm dữ liệu; bỏ trống: không báo"
    )
    allow_hosts: Names = Field([], description="Các máy chủ khác mà chương trình được gọi tới, cách nhau dấu phẩy")
    embedded: bool = Field(
        False, description="Cho phép máy chủ nhúng (PostgreSQL, Valkey ở var/) khi gửi qua Zalo thật: yes | no"
    )
    by: str = Field("", description="Ai làm việc khi lệnh không ghi --by; bỏ trống: lệnh phải ghi --by")
    console_port: int = Field(8100, ge=1, le=65535, description="Cổng của bàn điều khiển trên 127.0.0.1")
    console_processes: int = Field(
        0, ge=0, le=64, description="Số tiến trình của bàn điều khiển; 0: một nửa số lõi, ít nhất một"
    )
    console_database_url: DatabaseUrl = Field(
        "",
        repr=False,
        description="Sổ thông báo dưới tài khoản riêng của bàn điều khiển; bỏ trống: máy chủ nhúng của `hcc up`",
    )
    console_url: Annotated[HttpUrl | Literal[""], AfterValidator(check_console)] = Field(
        "", description="Địa chỉ https:// của bàn điều khiển sau proxy; bỏ trống: chỉ dùng trên máy này (127.0.0.1)"
    )
    console_oidc_url: HttpUrl | Literal[""] = Field(
        "", description="Máy chủ đăng nhập một lần (OpenID Connect); bỏ trống: chỉ tài khoản riêng"
    )
    console_oidc_client_id: str = Field("", description="client_id của bàn điều khiển ở máy chủ đăng nhập một lần")
    console_oidc_secret: str = Field("", repr=False, description="client_secret ở máy chủ đăng nhập một lần")
    oas: str = Field("", description="Tệp TOML khi có nhiều OA (docs/oas.md); bỏ trống: HCC_ZALO_… là OA duy nhất")

    @model_validator(mode="before")
    @classmethod
    def _tidied(cls, given: Any) -> Any:
        """A value that is empty after stripping counts as not set."""
        if not isinstance(given, dict):
            return given
        bare = {name: tidy(value) if isinstance(value, str) else value for name, value in given.items()}
        return {name: value for name, value in bare.items() if value or not given[name]}

    @model_validator(mode="after")
    def _hang_together(self) -> Self:
        if self.retry_cap_seconds < self.retry_base_seconds:
            raise ValueError("HCC_RETRY_CAP_SECONDS phải lớn hơn hoặc bằng HCC_RETRY_BASE_SECONDS")
        for channel, facts in CHANNEL_FACTS.items():
            lacking = [variable(name) for name in facts.needs if not getattr(self, name)]
            if lacking and channel in self.all_channels:
                raise ValueError(f"kênh {channel} cần {', '.join(lacking)}: {facts.cure}")
        if self.sentry_dsn:
            check_sentry(self.sentry_dsn, self.allow_hosts)
        return self

    @property
    def broker(self) -> str:
        """The URL of the broker that carries the bells."""
        return self.broker_url or self.redis_url

    @property
    def all_channels(self) -> list[str]:
        """Every channel that some kind of notice may take, in order of preference."""
        of_kinds = [name for names in self.kind_channels.values() for name in names]
        return list(dict.fromkeys([*self.channels, *of_kinds, *self.code_channels]))

    @property
    def code_channels(self) -> list[str]:
        """The channels by which one-time codes are sent to phones; empty if none is set."""
        return [name for name, facts in CHANNEL_FACTS.items() if facts.codes_if and getattr(self, facts.codes_if)]

    def channels_of(self, kind: str) -> list[str]:
        """The channels of a kind of notice, the preferred one first."""
        return self.code_channels if kind == "proof_code" else self.kind_channels.get(kind, self.channels)

    @property
    def quiet(self) -> tuple[time, time]:
        """`HCC_QUIET_HOURS` as two times of day in Vietnam; the same twice if there are none."""
        return clock_times(self.quiet_hours)

    @property
    def sure_seconds(self) -> float:
        """How long a notice may leave after its comparison with the source; unlimited if that is switched off."""
        return self.recheck_seconds or 1e9

    @property
    def answer_seconds(self) -> float:
        """The time-out of one request: at most half a lease, so that no request outlives the lease it left under."""
        return min(self.http_timeout_seconds, self.lease_seconds / 2)

    def started_from(self, zone: ZoneInfo) -> datetime | None:
        """`HCC_START_FROM` as a moment; None for `now` and `beginning`. A time without offset is in `zone`."""
        if self.start_from in ("now", "beginning"):
            return None
        moment = datetime.fromisoformat(self.start_from)
        return moment if moment.tzinfo else moment.replace(tzinfo=zone)


REQUIRED: dict[str, str] = {
    "database_url": "chạy `hcc up` (máy chủ nhúng), hoặc đặt postgresql://user:mật_khẩu@máy:5432/tên",
    "redis_url": "chạy `hcc up` (máy chủ nhúng), hoặc đặt redis://máy:6379/0",
    "secret_keys": 'tạo khóa: python3 -c "import secrets; print(secrets.token_urlsafe(32))"',
    "dossier_url": "đặt URL của CSDL hồ sơ, tài khoản chỉ có quyền SELECT",
    "zalo_app_id": "lấy ở developers.zalo.me, mục Cài đặt ứng dụng",
    "zalo_app_secret": "lấy ở developers.zalo.me, mục Cài đặt ứng dụng",
    "zalo_oa_id": "lấy ở oa.zalo.me, mục Thông tin tài khoản",
}
"""Settings without a usable default, and what to do about each."""


def load(*required: str) -> Settings:
    """Read and check the settings; `required` names fields that must not be empty (default: all of REQUIRED).

    A setting with a usable default is never missing. Raises `SettingsError` with every fault at once.
    """
    known = environment()
    wanted = [name for name in required or REQUIRED if name in REQUIRED]
    faults = strange_names(known)
    faults += [missing(name) for name in wanted if not known.get(variable(name))]
    try:
        settings = Settings()
    except ValidationError as error:
        wrong = [sentence(entry["loc"], entry["msg"]) for entry in error.errors(include_input=False)]
        raise SettingsError(wrong + faults) from None
    if faults:
        raise SettingsError(faults)
    return settings


def environment() -> dict[str, str]:
    """All set values by variable: the environment overrides `.env`, which overrides the world of a running `hcc up`.

    Raises `SettingsError` if a file cannot be read at all.
    """
    try:
        return layered(UP_ENV, ROOT / ".env")
    except ValueError as error:
        raise SettingsError([str(error)]) from None


def early_log_format() -> Literal["text", "json"]:
    """`HCC_LOG_FORMAT` for lines that are written before the settings are checked."""
    try:
        return "json" if environment().get(variable("log_format")) == "json" else "text"
    except SettingsError:
        return "text"


def strange_names(known: Iterable[str]) -> list[str]:
    """The faults of misspelt names; other unknown names are logged as a warning, once per process."""
    names, settings = set(known), [variable(field) for field in Settings.model_fields]
    for name in set(unheard_of(names, settings)) - _WARNED:
        _WARNED.add(name)
        log.warning("%s: không có biến này nên không có tác dụng; xóa đi, hoặc xem tên trong .env.example", name)
    return [f"{name}: không có biến này; có phải {meant}?" for name, meant in misspelt(names, settings).items()]


_WARNED: set[str] = set()


def preset(field: str) -> Any:
    """The default of a setting."""
    return Settings.model_fields[field].default


def variable(field: str) -> str:
    """The environment variable of a field."""
    return f"HCC_{field.upper()}"


def sentence(where: tuple[int | str, ...], message: str) -> str:
    """A fault of a field in words for operators: the variable, the fault, what the field is about."""
    message = message.removeprefix("Value error, ")
    if not where:
        return message
    field = str(where[0])
    about = Settings.model_fields[field].description
    return f"{variable(field)}: {message} — {about}"


def missing(field: str) -> str:
    """The fault of a required field that is not set."""
    return f"{variable(field)}: chưa đặt — {REQUIRED[field]}"
