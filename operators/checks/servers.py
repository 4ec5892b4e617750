"""Checks of the program's foundations: settings, clocks, Redis, disk, templates."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from datetime import timedelta

from config.arrival import unheard_of
from config.causes import because
from config.settings import VAR, Settings, environment, preset, variable
from coordination.connection import PREFIX, QueueDown, open_redis, redis_errors
from operators.checks.fault import CheckFault
from operators.clocks import FAR, clocks_ahead, zalo_ahead
from operators.template_files import bad_templates
from worker.channels import CHANNELS
from worker.channels.conditions import has_template
from worker.services.bootstrap import Services
from worker.services.clocks import TOLERANCE

_CLOCKS = {"host": "máy này", "redis": "Redis"}
_KEEPS_ALL = "noeviction"


def check_settings(made: Services) -> Iterator[str]:
    """The settings have been validated before this check; it reports those that are odd but allowed."""
    yield f"{len(Settings.model_fields)} mục, nguồn {made.settings.source}, kênh {', '.join(made.settings.channels)}"
    strange = unheard_of(environment(), map(variable, Settings.model_fields))
    if strange:
        yield f"không có biến {', '.join(strange)}, nên không có tác dụng; xóa đi, hoặc xem tên trong .env.example"
    needing = [name for name in made.settings.all_channels if has_template in CHANNELS[name].conditions]
    chosen = [name for name in needing if name not in preset("channels")]
    if chosen and not made.settings.zalo_templates:
        yield f"kênh {', '.join(chosen)} cần mẫu đã duyệt: đặt HCC_ZALO_TEMPLATES, rồi chạy `hcc templates check`"
    if made.settings.proxy:
        yield "đi qua proxy: tin không rõ đã đến chưa không bao giờ tự kết luận là chưa đến (`hcc uncertain settle`)"


def check_clocks(made: Services) -> Iterator[str]:
    """Compare every clock with the ledger's, which is the reference; the differences show which clock to set."""
    ahead = {_CLOCKS.get(name, name): off for name, off in clocks_ahead(made).items()}
    zalo = zalo_ahead(made, ahead[_CLOCKS["host"]])
    ahead |= {} if isinstance(zalo, str) else {"Zalo": zalo}
    if far := {name: off for name, off in ahead.items() if abs(off) > FAR}:
        held = max(abs(off) for off in far.values()) > TOLERANCE
        raise CheckFault(
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


_REFUSALS = {
    "MISCONF": "không ghi được xuống đĩa; xem chỗ trống trên đĩa và nhật ký Redis",
    "READONLY": "là máy dự phòng, chỉ cho đọc; trỏ HCC_REDIS_URL (hoặc sentinel) về máy chính",
    "MASTERDOWN": "là máy dự phòng đã mất máy chính; kiểm tra máy chính",
    "OutOfMemoryError": "hết bộ nhớ; tăng maxmemory",
    "BusyLoadingError": "đang nạp dữ liệu vào bộ nhớ; chờ nạp xong",
    "BUSY": "đang bận một đoạn lệnh không dừng; chạy SCRIPT KILL",
    "AuthenticationError": "đòi mật khẩu khác; sửa HCC_REDIS_URL",
    "NOREPLICAS": "thiếu máy dự phòng đồng bộ nên không nhận ghi; kiểm tra máy dự phòng",
    "CLUSTERDOWN": "thuộc một cụm đang ngừng; HCC_REDIS_URL cần một máy Redis thường",
    "max number of clients": "hết lượt kết nối; tăng maxclients, xem `hcc connections`",
}
"""Words in the error of a server that answers and refuses → the fault and its remedy."""


def check_redis(made: Services) -> Iterator[str]:
    """Redis must accept a write, not only answer, and must never evict keys (`noeviction`)."""
    redis = open_redis(made.settings.redis_url)
    try:
        with redis_errors("nhận ghi"):
            redis.set(f"{PREFIX}checked", 1, px=1000)
            policy = redis.info("memory").get("maxmemory_policy", _KEEPS_ALL)
    except QueueDown as down:
        said = str(down)
        refused = next((what for words, what in _REFUSALS.items() if words in said), None)
        if refused is None:
            raise
        raise CheckFault(f"{refused}; tự làm tiếp khi nhận ghi lại") from down
    if policy != _KEEPS_ALL:
        raise CheckFault(
            f"maxmemory-policy là {policy}: khi hết bộ nhớ, Redis tự xóa giới hạn gửi và dấu thư đang đi; "
            f"đặt maxmemory-policy {_KEEPS_ALL} trong cấu hình Redis"
        )
    yield f"kết nối được, ghi được, {_KEEPS_ALL}"


_ROOM = 64 * 1024 * 1024  # bytes; with less, the disk is full before somebody comes


def check_disk(_: Services) -> Iterator[str]:
    """`var/` (keys, embedded servers, paper) must accept a file, and there must be some free space."""
    try:
        VAR.mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=VAR) as probe:
            probe.write(bytes(4096))
            probe.flush()
        free = shutil.disk_usage(VAR).free
    except OSError as fault:
        raise CheckFault(f"không ghi được vào {VAR}: {fault.strerror}; dọn đĩa hoặc cấp quyền ghi") from fault
    if free < _ROOM:
        raise CheckFault(f"{VAR} chỉ còn {free // 1024**2} MB trống; dọn hoặc thêm đĩa")
    yield f"{VAR.name}/ ghi được, còn {free // 1024**2} MB"


def check_templates(one: Services) -> Iterator[str]:
    """The files in templates/. Bad ones stop nothing: the versions in the ledger are used."""
    faults = bad_templates(one)
    if faults:
        raise CheckFault(
            f"{' '.join(faults.values())} Tin vẫn gửi bằng bản trong sổ (`hcc template list`); sửa tệp trong templates/"
        )
    yield "mọi loại thông báo có mẫu và dữ liệu mẫu"
