"""Simulates the one-stop desks of a busy province: files dossiers in bulk, then accepts them at a fixed rate.

Each acceptance is a separate commit. The sandbox's writer uses one connection and many statements per step. Here
several connections use one statement per step, so that 500 commits per second cost little compared with the measured
work. The resulting rows are the same.
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
    """Threads that write to a dossier database (a libpq URL), each over its own connection."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._here = threading.local()
        self._hands = ThreadPoolExecutor(_HANDS)
        self.committed: dict[str, float] = {}
        """The commit time of each acceptance (seconds since 1970), by dossier."""

    def file(self, phones: Mapping[str, str]) -> None:
        """File dossiers (status 1); `phones` maps each dossier's code to the citizen's phone."""
        at = _now()
        rows = [(code, _UNIT, "Thủ tục mẫu", 2, "Nguyễn Văn Mẫu", phone, 1, at, at) for code, phone in phones.items()]
        with psycopg2.connect(self._url) as connection, connection.cursor() as cursor:
            execute_values(cursor, _FILE, rows)
            execute_values(cursor, _NOTE, [(code, 1, at) for code in phones])
        connection.close()

    def accept(self, codes: Sequence[str], rate: float) -> float:
        """Accept dossiers at `rate` per second, each at its time or as soon as a thread is free.

        Returns the duration in seconds.
        """
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
    """The current time, local and naive, as the dossier database stores it."""
    return datetime.now()  # noqa: DTZ005 (as the docstring says)
