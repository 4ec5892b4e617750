"""Dossiers in the reference schema, moved as the provincial system moves them: state, history row, change time."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine, create_engine, inspect, text

_SCHEMA = Path(__file__).with_name("schema.sql")


def create_schema(url: str) -> None:
    """Create the tables in an empty database; a database that has them is left as it is."""
    engine = create_engine(url)
    with engine.begin() as tx:
        if not inspect(tx).has_table("ho_so"):
            tx.exec_driver_sql(_SCHEMA.read_text(encoding="utf-8"))
    engine.dispose()


class LivingDossiers:
    """Writes to the dossier database as its own software would. Times are local and naive, as there."""

    def __init__(self, url: str) -> None:
        create_schema(url)
        self.engine: Engine = create_engine(url)

    def file(self, code: str, *, phone: str | None, at: datetime, channel: int = 2, sms: bool = False) -> None:
        """A citizen files a dossier (status 1)."""
        self._run(
            """INSERT INTO ho_so (ma_ho_so, ma_don_vi, ten_tthc, kenh_thuc_hien, nguoi_nop, so_dien_thoai_nguoi_nop,
                                  trang_thai, ngay_nop, cap_nhat_luc, thong_bao_sms)
               VALUES (:code, :unit, 'Thủ tục mẫu', :channel, 'Nguyễn Văn Mẫu', :phone, 1, :at, :at, :sms)""",
            code=code, unit=code.split("-", 1)[0], channel=channel, phone=phone, at=at, sms=sms,
        )  # fmt: skip
        self._note(code, 1, at)

    def accept(self, code: str, *, at: datetime, appointment: datetime | None) -> None:
        """The one-stop desk accepts it (status 2)."""
        self._run("UPDATE ho_so SET ngay_tiep_nhan = :at, ngay_hen_tra = :due WHERE ma_ho_so = :code",
                  code=code, at=at, due=appointment)  # fmt: skip
        self.move(code, 2, at=at)

    def request_fee(self, code: str, amount: int | None, *, at: datetime, state: str = "Chờ thanh toán") -> int:
        """A payment is requested; returns the request's id."""
        with self.engine.begin() as tx:
            row = tx.execute(
                text("""
                    INSERT INTO yeu_cau_thanh_toan
                        (ma_ho_so, so_tien, trang_thai, hinh_thuc_thu, ngay_yeu_cau, cap_nhat_luc)
                    VALUES (:code, :amount, :state, 'Thu trước', :at, :at) RETURNING id"""),
                {"code": code, "amount": amount, "state": state, "at": at},
            )
            return int(row.scalar_one())

    def change_fee(self, request: int, state: str, *, at: datetime) -> None:
        """A payment request changes: due, paid, cancelled."""
        self._run("UPDATE yeu_cau_thanh_toan SET trang_thai = :state, cap_nhat_luc = :at WHERE id = :id",
                  state=state, at=at, id=request)  # fmt: skip

    def finish(self, code: str, *, at: datetime, kind: str = "Kết quả") -> None:
        """The specialist finishes it (status 9), with a result or with something else."""
        self._run(
            """UPDATE ho_so SET trang_thai_tra_kq = 2, loai_ket_qua = :kind, ngay_ket_thuc_xu_ly = :at
               WHERE ma_ho_so = :code""",
            code=code, kind=kind, at=at,
        )  # fmt: skip
        self.move(code, 9, at=at)

    def hand_over(self, code: str, at: datetime) -> None:
        """The citizen collects the result (status 10)."""
        self._run("UPDATE ho_so SET ngay_tra = :at WHERE ma_ho_so = :code", code=code, at=at)
        self.move(code, 10, at=at)

    def move(self, code: str, status: int, *, at: datetime) -> None:
        """Any other step: state, change time, history row."""
        self._run("UPDATE ho_so SET trang_thai = :status, cap_nhat_luc = :at WHERE ma_ho_so = :code",
                  code=code, status=status, at=at)  # fmt: skip
        self._note(code, status, at)

    def close(self) -> None:
        self.engine.dispose()

    def _note(self, code: str, status: int, at: datetime) -> None:
        self._run("INSERT INTO qua_trinh_xu_ly (ma_ho_so, trang_thai, thoi_gian) VALUES (:code, :status, :at)",
                  code=code, status=status, at=at)  # fmt: skip

    def _run(self, sql: str, **values: object) -> None:
        with self.engine.begin() as tx:
            tx.execute(text(sql), values)
