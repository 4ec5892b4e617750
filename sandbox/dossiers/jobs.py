"""Programs that move many dossiers at once, by their own SQL, and leave fewer traces than a person would.

None of them waits for a row lock of an open transaction: it skips the row, as a job with a lock time-out does.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Engine, text

_FREE = "SELECT ma_ho_so FROM ho_so WHERE {} FOR NO KEY UPDATE SKIP LOCKED"


def close_many(engine: Engine, codes: Sequence[str], at: datetime) -> None:
    """'Kết thúc xử lý nhiều hồ sơ': set status and change time, write no history row."""
    free = _FREE.format("ma_ho_so = ANY(:codes)")
    sql = f"""UPDATE ho_so SET trang_thai = 9, trang_thai_tra_kq = 2, loai_ket_qua = 'Kết quả',
                               ngay_ket_thuc_xu_ly = :at, cap_nhat_luc = :at WHERE ma_ho_so IN ({free})"""  # noqa: S608 (a constant)
    with engine.begin() as tx:
        tx.execute(text(sql), {"codes": list(codes), "at": at})


def touch(engine: Engine, at: datetime, *, rows: int) -> None:
    """A nightly synchronisation: update the change time of the newest rows, and nothing else."""
    free = _FREE.format("ma_ho_so IN (SELECT ma_ho_so FROM ho_so ORDER BY cap_nhat_luc DESC LIMIT :rows)")
    with engine.begin() as tx:
        tx.execute(
            text(f"UPDATE ho_so SET cap_nhat_luc = :at WHERE ma_ho_so IN ({free})"),  # noqa: S608 (a constant)
            {"rows": rows, "at": at},
        )
        tx.execute(
            text("""
                UPDATE yeu_cau_thanh_toan SET cap_nhat_luc = :at WHERE id IN (
                    SELECT id FROM yeu_cau_thanh_toan
                    WHERE id > (SELECT coalesce(max(id), 0) - :rows FROM yeu_cau_thanh_toan)
                    FOR NO KEY UPDATE SKIP LOCKED)"""),
            {"rows": rows // 4, "at": at},
        )


def import_old(engine: Engine, codes: Sequence[str], at: datetime) -> None:
    """Import dossiers of years ago from another system: finished, without history, with the change time of now."""
    with engine.begin() as tx:
        tx.execute(
            text("""
                INSERT INTO ho_so (ma_ho_so, ma_don_vi, so_dien_thoai_nguoi_nop, trang_thai, ngay_nop, ngay_tiep_nhan,
                                   ngay_hen_tra, ngay_ket_thuc_xu_ly, ngay_tra, cap_nhat_luc)
                SELECT code, split_part(code, '-', 1), '0978362918', 10, :then, :then, :then, :then, :then, :at
                FROM unnest(CAST(:codes AS text[])) AS code"""),
            {"codes": list(codes), "then": at - timedelta(days=5 * 365), "at": at},
        )
