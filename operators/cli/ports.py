"""Looks at a port before anything is started on it."""

from __future__ import annotations

import socket

from operators.cli.exits import Ended


def look_at(port: int, how: str) -> None:
    """Raises `Ended` if the port is taken or not permitted; `how` says how to choose another one."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except PermissionError:
        raise Ended(
            f"Không được phép dùng cổng {port} (dưới 1024 cần quyền root): chọn cổng khác bằng {how}."
        ) from None
    except OSError:
        raise Ended(
            f"Cổng {port} đang có chương trình khác dùng: dừng chương trình ấy, hoặc chọn cổng khác bằng {how}."
        ) from None
