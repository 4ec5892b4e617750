"""Parse and check the values of settings. A fault is a ValueError in the operator's language, without values."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time
from importlib.util import find_spec
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from config.channels import CHANNEL_FACTS
from config.urls import check_url
from domain.kinds import KINDS

_KEY_LENGTH = 16  # characters; the actual keys are derived from these
_VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
_WORKING_HOURS = range(8, 17)
_NO_QUIET = "00:00-00:00"
_DSN = re.compile(r"(https://\w+@[\w.-]+|http://\w+@(localhost|127\.0\.0\.1))(:\d+)?(/[\w-]+)*/\d+", re.ASCII)


def read_list(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def read_pairs(value: object) -> object:
    if not isinstance(value, str):
        return value
    parts = [part.strip() for part in value.split(",") if part.strip()]
    if any("=" not in part for part in parts):
        raise ValueError("cần dạng loại=mã mẫu, ví dụ accepted=331,fee_requested=332")
    return {kind.strip(): template.strip() for kind, template in (part.split("=", 1) for part in parts)}


def read_amounts(value: object) -> object:
    """`zns=200,sms=350`: a whole number for each channel."""
    if not isinstance(value, str):
        return value
    pairs = dict(part.partition("=")[::2] for part in read_list(value))  # type: ignore[attr-defined]  # words: `value` is one
    amounts = {name.strip(): number.strip() for name, number in pairs.items()}
    if any(name not in CHANNEL_FACTS or not number.isdecimal() for name, number in amounts.items()):
        raise ValueError(f"cần dạng kênh=số nguyên, ví dụ zns=200,sms=350; kênh: {', '.join(CHANNEL_FACTS)}")
    return {name: int(number) for name, number in amounts.items()}


def read_orders(value: object) -> object:
    """`fee_requested=zns+sms,accepted=zalo_cs`: a list of channels for some kinds."""
    if not isinstance(value, str):
        return value
    pairs = dict(part.partition("=")[::2] for part in read_list(value))  # type: ignore[attr-defined]  # as above
    orders = {kind.strip(): [name.strip() for name in names.split("+")] for kind, names in pairs.items()}
    if any(name not in CHANNEL_FACTS for names in orders.values() for name in names):
        raise ValueError(f"cần dạng loại=kênh+kênh, ví dụ fee_requested=zns+sms; kênh: {', '.join(CHANNEL_FACTS)}")
    return orders


def check_kinds(by_kind: dict[str, Any]) -> dict[str, Any]:
    """Reject unknown kinds: the setting would have no effect, and the intended kind would go another way."""
    names = [kind.name for kind in KINDS]
    if strange := sorted(by_kind.keys() - set(names)):
        raise ValueError(f"không có loại thông báo {', '.join(strange)}; có: {', '.join(names)}")
    return by_kind


def check_database(url: str) -> str:
    """SQLAlchemy 2.1 uses psycopg 3 for plain `postgresql://`; we use psycopg2."""
    check_url(url)
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ValueError("không phải URL cơ sở dữ liệu, ví dụ postgresql://user:mật_khẩu@máy:5432/tên") from None
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg2")
    return parsed.render_as_string(hide_password=False)


def check_http(url: str) -> str:
    check_url(url)
    if not re.match(r"https?://[^/]+", url):
        raise ValueError("cần bắt đầu bằng https:// (hoặc http:// khi thử)")
    return url.rstrip("/")


def check_console(url: str) -> str:
    """Passwords and sessions travel to this address, so it is encrypted unless it never leaves this machine."""
    if url and not re.match(r"https://|http://(localhost|127\.0\.0\.1|\[::1\])(:|/|$)", url):
        raise ValueError("cần https:// (http:// chỉ cho 127.0.0.1 và localhost)")
    return url


def check_proxy(url: str) -> str:
    check_url(url)
    if url and not re.match(r"https?://[^/]+$", url.rstrip("/")):
        raise ValueError("cần dạng http://máy:cổng (có thể có tài_khoản:mật_khẩu@ đứng trước tên máy)")
    return url.rstrip("/")


def check_dsn(dsn: str) -> str:
    if dsn and not _DSN.fullmatch(dsn):
        raise ValueError("cần dạng https://khóa@máy/số (http:// chỉ cho 127.0.0.1 và localhost)")
    return dsn


def check_sentry(dsn: str, allowed: list[str]) -> None:
    """Reports of faults go to a host that somebody named twice, and only where the optional package is installed."""
    if urlsplit(dsn).hostname not in {host.lower() for host in allowed}:
        raise ValueError("HCC_SENTRY_DSN: thêm máy chủ của DSN vào HCC_ALLOW_HOSTS để cho phép gọi tới")
    if find_spec("sentry_sdk") is None:
        raise ValueError("HCC_SENTRY_DSN cần gói sentry-sdk: pip install 'hcc-notify[sentry]'")


def check_mail(addresses: list[str]) -> list[str]:
    if wrong := [one for one in addresses if not re.fullmatch(r"[^@\s<>,]+@[^@\s<>,]+", one)]:
        raise ValueError(f"{len(wrong)} địa chỉ không phải hộp thư, ví dụ truc@hatinh.gov.vn")
    return addresses


def check_mail_server(url: str) -> str:
    check_url(url)
    if not re.fullmatch(r"(smtp|smtp\+tls|smtps)://[^/]+", url.rstrip("/")):
        raise ValueError("cần dạng smtp://máy:25, smtp+tls://máy:587 hoặc smtps://máy:465")
    return url.rstrip("/")


def check_keys(keys: list[str]) -> list[str]:
    if not keys or any(len(key) < _KEY_LENGTH for key in keys):
        raise ValueError(
            f"cần ít nhất một khóa, mỗi khóa từ {_KEY_LENGTH} ký tự; "
            'tạo khóa: python3 -c "import secrets; print(secrets.token_urlsafe(32))"'
        )
    return keys


def check_channels(names: list[str]) -> list[str]:
    unknown = [name for name in names if name not in CHANNEL_FACTS]
    if unknown or not names:
        raise ValueError(f"kênh lạ: {', '.join(unknown) or '(trống)'}; có: {', '.join(CHANNEL_FACTS)}")
    return names


def check_start(value: str) -> str:
    if value not in ("now", "beginning"):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("cần now, beginning hoặc thời điểm ISO như 2026-01-31T08:00:00+07:00") from None
        if (moment if moment.tzinfo else moment.replace(tzinfo=_VIETNAM)) > datetime.now(UTC):
            raise ValueError("ở tương lai, nên đến lúc đó không báo gì; đặt thời điểm đã qua, hoặc now") from None
    return value


def check_hours(value: str) -> str:
    """Reject equal hours, which may mean all day or none, and hours that cover the working day, probably reversed."""
    begins, ends = clock_times(value)
    if begins == ends and value != _NO_QUIET:
        raise ValueError(f"giờ đầu và giờ cuối giống nhau; không có giờ nghỉ thì ghi {_NO_QUIET}")
    working = [time(hour, minute) for hour in _WORKING_HOURS for minute in (0, 30)]
    quiet = [begins <= at < ends if begins <= ends else at >= begins or at < ends for at in working]
    if sum(quiet) > len(working) / 2:
        raise ValueError("nghỉ gần hết giờ làm việc ban ngày, chắc bị đảo; ghi giờ tối trước, ví dụ 22:00-06:00")
    return value


def clock_times(value: str) -> tuple[time, time]:
    match = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)", value, re.ASCII)
    if not match:
        raise ValueError(f"cần dạng 22:00-06:00 ({_NO_QUIET}: không có giờ nghỉ)")
    return time(int(match[1]), int(match[2])), time(int(match[3]), int(match[4]))


Names = Annotated[list[str], NoDecode, BeforeValidator(read_list)]
Amounts = Annotated[dict[str, int], NoDecode, BeforeValidator(read_amounts)]
DatabaseUrl = Annotated[str, AfterValidator(check_database)]
HttpUrl = Annotated[str, AfterValidator(check_http)]
