"""The one-stop desks of a busy province: dossiers filed in bulk, then accepted at a pace, each in its own commit.

The sandbox's writer is one hand and makes each step of many statements; here several hands make each in one, so that
500 commits a second cost little beside what is measured. What a step leaves behind is the same.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import psycopg2
from psycopg2.extras import execute_values

_HANDS = 8
_UNIT = "H27.37"

_FILE = """
INSERT INTO ho_so (ma_ho_so, ma_don_vi, ten_tthc, kenh_thuc_hien, nguoi_nop, so_dien_thoai_nguoi_nop, trang_thai,
                   ngay_nop, cap_nhat_luc) VALUES %s"""
_NOTE = "INSERT INTO qua_trinh_xu_ly (ma_ho_so, trang_thai, thoi_gian) VALUES %s"
_ACCEPT = """
WITH accepted AS (
    UPDATE ho_so SET trang_thai = 2, ngay_tiep_nhan = %(at)s, ngay_hen_tra = %(appointment)s, cap_nhat_luc = %(at)s
    WHERE ma_ho_so = %(code)s RETURNING ma_ho_so)
INSERT INTO qua_trinh_xu_ly (ma_ho_so, trang_thai, thoi_gian) SELECT ma_ho_so, 2, %(at)s FROM accepted"""


class Clerks:
    """Hands at a dossier database (a libpq URL), each with a connection of its own."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._here = threading.local()
        self._hands = ThreadPoolExecutor(_HANDS)
        self.committed: dict[str, float] = {}
        """When each acceptance was committed (seconds since 1970), by dossier."""

    def file(self, phones: Mapping[str, str]) -> None:
        """Citizens file dossiers (status 1): the phone of each by its code."""
        at = _now()
        rows = [(code, _UNIT, "Thủ tục mẫu", 2, "Nguyễn Văn Mẫu", phone, 1, at, at) for code, phone in phones.items()]
        with psycopg2.connect(self._url) as connection, connection.cursor() as cursor:
            execute_values(cursor, _FILE, rows)
            execute_values(cursor, _NOTE, [(code, 1, at) for code in phones])
        connection.close()

    def accept(self, codes: Sequence[str], rate: float) -> float:
        """Accept them at so many a second, each at its time or as soon as a hand is free; gives how long it took."""
        began = time.monotonic()
        done = []
        for place, code in enumerate(codes):
            time.sleep(max(0.0, began + place / rate - time.monotonic()))
            done.append(self._hands.submit(self._accept, code))
        for one in done:
            one.result()
        return time.monotonic() - began

    def close(self) -> None:
        self._hands.shutdown()

    def _accept(self, code: str) -> None:
        at = _now()
        with self._connection().cursor() as cursor:
            cursor.execute(_ACCEPT, {"code": code, "at": at, "appointment": at + timedelta(days=7)})
        self.committed[code] = time.time()

    def _connection(self) -> Any:
        if not hasattr(self._here, "connection"):
            self._here.connection = psycopg2.connect(self._url)
            self._here.connection.autocommit = True
        return self._here.connection


def _now() -> datetime:
    """Local and naive, as the dossier database keeps it."""
    return datetime.now()  # noqa: DTZ005 (as the docstring says)
