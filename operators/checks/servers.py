"""Checks of what the program stands on: settings, clocks, Redis, templates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from config.arrival import unheard_of
from config.causes import because
from config.settings import Settings, environment, variable
from operators.checks.fault import Fault
from operators.clocks import FAR, clocks_ahead, zalo_ahead
from worker.bootstrap import Services
from worker.clocks import TOLERANCE
from worker.domain.letters import Letters
from worker.queue.connection import door, open_redis
from worker.shared import TEMPLATES

_CLOCKS = {"host": "máy này", "redis": "Redis"}
_KEEPS_ALL = "noeviction"


def check_settings(made: Services) -> Iterator[str]:
    """Settings are read by the time we come here; what is odd but allowed is said."""
    yield f"{len(Settings.model_fields)} mục, nguồn {made.settings.source}, kênh {', '.join(made.settings.channels)}"
    strange = unheard_of(environment(), map(variable, Settings.model_fields))
    if strange:
        yield f"không có biến {', '.join(strange)}, nên không có tác dụng; xóa đi, hoặc xem tên trong .env.example"
    if "zns" in made.settings.all_channels and not made.settings.zalo_templates:
        yield "kênh zns cần mẫu đã duyệt: đặt HCC_ZALO_TEMPLATES, rồi chạy `hcc templates check`"
    if made.settings.proxy:
        yield "đi qua proxy: tin không rõ đã đến chưa không bao giờ tự kết luận là chưa đến (`hcc uncertain settle`)"


def check_clocks(made: Services) -> Iterator[str]:
    """Every clock against the ledger's, by which all goes; what differs most says whose clock is to be set."""
    ahead = {_CLOCKS.get(name, name): off for name, off in clocks_ahead(made).items()}
    zalo = zalo_ahead(made, ahead[_CLOCKS["host"]])
    ahead |= {} if isinstance(zalo, str) else {"Zalo": zalo}
    if far := {name: off for name, off in ahead.items() if abs(off) > FAR}:
        held = max(abs(off) for off in far.values()) > TOLERANCE
        raise Fault(
            f"lệch đồng hồ sổ thông báo: {_told(far)}; bật đồng bộ giờ (NTP) trên các máy đó, "
            "nếu mọi đồng hồ lệch như nhau thì trên máy chủ PostgreSQL"
            + ("; chưa khớp thì chưa thông báo nào hết hạn, chưa tháng nào bị xóa" if held else "")
        )
    yield f"so với sổ thông báo: {_told(ahead)}"
    if isinstance(zalo, str):
        yield f"không hỏi được giờ của Zalo: {because(zalo)}"


def _told(ahead: Mapping[str, timedelta]) -> str:
    seconds = {name: off.total_seconds() for name, off in ahead.items()}
    return ", ".join(f"{name} {'nhanh' if off > 0 else 'chậm'} {abs(off):.1f} giây" for name, off in seconds.items())


def check_redis(made: Services) -> Iterator[str]:
    """It answers, and never throws away by itself what is in use."""
    redis = open_redis(made.settings.redis_url)
    with door("trả lời"):
        redis.ping()
        policy = redis.info("memory").get("maxmemory_policy", _KEEPS_ALL)
    if policy != _KEEPS_ALL:
        raise Fault(
            f"maxmemory-policy là {policy}: khi hết bộ nhớ, Redis tự xóa giới hạn gửi và dấu thư đang đi; "
            f"đặt maxmemory-policy {_KEEPS_ALL} trong cấu hình Redis"
        )
    yield f"kết nối được, {_KEEPS_ALL}"


def check_templates(_: Services) -> Iterator[str]:
    faults = Letters(TEMPLATES).check()
    if faults:
        raise Fault("; ".join(faults))
    yield "mọi loại thông báo có mẫu và dữ liệu mẫu"
