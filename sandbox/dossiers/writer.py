"""Writes the steps of a dossier, each in one transaction: state, change time, history row.

Not every program of a province writes all three. A writer's `Leaves` says which traces its steps leave, and
`writer.leaving(history=False)` is the same writer with fewer traces.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeAlias

from sqlalchemy import Connection, text

_KEYS = {"ho_so": "ma_ho_so", "yeu_cau_thanh_toan": "id"}

Transaction: TypeAlias = Callable[[], AbstractContextManager[Connection]]


@dataclass(frozen=True, slots=True)
class Leaves:
    """The traces of a step in addition to the new state: a history row, and the change time (`cap_nhat_luc`)."""

    history: bool = True
    change_time: bool = True


class Writer:
    """Writes to the dossier database as its own software would. Times are local and naive, as in that database."""

    def __init__(self, transaction: Transaction, leaves: Leaves | None = None) -> None:
        self._transaction = transaction
        self._leaves = leaves or Leaves()

    def leaving(self, *, history: bool = True, change_time: bool = True) -> Writer:
        """The same writer, leaving only these traces."""
        return Writer(self._transaction, replace(self._leaves, history=history, change_time=change_time))

    def file(self, code: str, *, phone: str | None, at: datetime, channel: int = 2, sms: bool = False) -> None:
        """A citizen files a dossier (status 1)."""
        with self._transaction() as tx:
            tx.execute(
                text("""
                    INSERT INTO ho_so (ma_ho_so, ma_don_vi, ten_tthc, kenh_thuc_hien, nguoi_nop,
                                       so_dien_thoai_nguoi_nop, trang_thai, ngay_nop, cap_nhat_luc, thong_bao_sms)
                    VALUES (:code, :unit, 'Thủ tục mẫu', :channel, 'Nguyễn Văn Mẫu', :phone, 1, :at, :at, :sms)"""),
                {"code": code, "unit": code.split("-", 1)[0], "channel": channel, "phone": phone, "at": at, "sms": sms},
            )
            self._note(tx, code, 1, at)

    def accept(self, code: str, *, at: datetime, appointment: datetime | None, status: int = 2) -> None:
        """The one-stop desk accepts it (status 2, or directly 4 if the software skips 2)."""
        self._step(code, status, at, ngay_tiep_nhan=at, ngay_hen_tra=appointment)

    def request_fee(
        self,
        code: str,
        amount: int | None,
        *,
        at: datetime,
        state: str = "Chờ thanh toán",
        way: str = "Thu trước",
    ) -> int:
        """Request a payment; returns the request's id."""
        with self._transaction() as tx:
            row = tx.execute(
                text("""
                    INSERT INTO yeu_cau_thanh_toan
                        (ma_ho_so, so_tien, trang_thai, hinh_thuc_thu, ngay_yeu_cau, cap_nhat_luc)
                    VALUES (:code, :amount, :state, :way, :at, :at) RETURNING id"""),
                {"code": code, "amount": amount, "state": state, "way": way, "at": at},
            )
            return int(row.scalar_one())

    def change_fee(self, request: int, state: str, *, at: datetime) -> None:
        """Change the state of a payment request: due, paid, cancelled."""
        with self._transaction() as tx:
            self._set(tx, "yeu_cau_thanh_toan", request, at, {"trang_thai": state})

    def finish(self, code: str, *, at: datetime, kind: str = "Kết quả", result_state: int = 2) -> None:
        """The specialist finishes it (status 9), with a result or with something else; 1 awaits confirmation."""
        self._step(code, 9, at, trang_thai_tra_kq=result_state, loai_ket_qua=kind, ngay_ket_thuc_xu_ly=at)

    def confirm(self, code: str, *, at: datetime, result_state: int = 2) -> None:
        """The result is confirmed (2), or the confirmation is revoked (1); the status stays 9."""
        self._step(code, 9, at, trang_thai_tra_kq=result_state)

    def hand_over(self, code: str, at: datetime) -> None:
        """The citizen collects the result (status 10)."""
        self._step(code, 10, at, ngay_tra=at)

    def move(self, code: str, status: int, *, at: datetime) -> None:
        """Any other step."""
        self._step(code, status, at)

    def delete(self, code: str, *, at: datetime, deleted: bool = True) -> None:
        """Soft-delete the dossier, or undo that; no program writes a history row for either."""
        with self._transaction() as tx:
            self._set(tx, "ho_so", code, at, {"da_xoa": deleted})

    def _step(self, code: str, status: int, at: datetime, **columns: object) -> None:
        with self._transaction() as tx:
            self._set(tx, "ho_so", code, at, {"trang_thai": status, **columns})
            self._note(tx, code, status, at)

    def _set(self, tx: Connection, table: str, row: object, at: datetime, columns: dict[str, Any]) -> None:
        values = columns | ({"cap_nhat_luc": at} if self._leaves.change_time else {})
        changes = ", ".join(f"{column} = :{column}" for column in values)
        sql = f"UPDATE {table} SET {changes} WHERE {_KEYS[table]} = :row"  # noqa: S608 (names from this page only)
        tx.execute(text(sql), {"row": row, **values})

    def _note(self, tx: Connection, code: str, status: int, at: datetime) -> None:
        if self._leaves.history:
            tx.execute(
                text("INSERT INTO qua_trinh_xu_ly (ma_ho_so, trang_thai, thoi_gian) VALUES (:code, :status, :at)"),
                {"code": code, "status": status, "at": at},
            )
