"""An independent definition of the events that must be told: rules R1, R4, R12, R19, R39 and R40 as one query.

The product finds events in changes; the truth derives them from the state. An event of a dossier *holds* while the
committed rows show it. Then, whatever the writers did and the pollers missed:

- `must`: events that hold now and did not hold when the truth began (R14). They have to be told, or the person waits
  in vain.
- `may`: events that held at some time. No other event may ever be told, and none twice. An event that no longer holds
  was told if a poll saw it in time, and not otherwise: both are correct.

The keys are the product's contract: `{code}/{kind}/{occurrence}`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import Engine, text

HOLDS_IN_ALL = """
SELECT ma_ho_so AS code, 'accepted' AS kind, '1' AS occurrence FROM ho_so
WHERE kenh_thuc_hien = 2 AND NOT da_xoa  -- online, and nobody deleted it (R4)
  AND trang_thai IN (2, 4, 5, 6, 8, 9, 10) AND ngay_tiep_nhan IS NOT NULL  -- 2 may have been skipped
UNION ALL
SELECT ma_ho_so, 'fee_requested', p.id::text FROM ho_so JOIN yeu_cau_thanh_toan p USING (ma_ho_so)
WHERE kenh_thuc_hien = 2 AND NOT da_xoa
  AND p.trang_thai = 'Chờ thanh toán' AND p.so_tien > 0 AND p.hinh_thuc_thu IS DISTINCT FROM 'Đối tượng miễn phí'
UNION ALL
SELECT ma_ho_so, 'result_ready', '1' FROM ho_so  -- a result, not any end (R39), and once in a life (R40)
WHERE kenh_thuc_hien = 2 AND NOT da_xoa
  AND trang_thai IN (9, 10) AND coalesce(trang_thai_tra_kq, 2) >= 2 AND coalesce(loai_ket_qua, 'Kết quả') = 'Kết quả'
"""
"""Code, kind and occurrence of every event that holds."""

_HOLDS = text(f"SELECT * FROM ({HOLDS_IN_ALL}) AS events WHERE code = ANY(:codes)")  # noqa: S608 (a constant)


@dataclass
class Truth:
    """The events of the observed dossiers; call `look` for a dossier after each commit that concerns it."""

    engine: Engine
    past: set[str] = field(default_factory=set)
    ever: set[str] = field(default_factory=set)
    now: dict[str, frozenset[str]] = field(default_factory=dict)

    @property
    def must(self) -> set[str]:
        """The keys of the events that have to be told."""
        return {key for keys in self.now.values() for key in keys} - self.past

    @property
    def may(self) -> set[str]:
        """The keys of the events that may have been told; any other is an error."""
        return self.ever - self.past

    def adopt(self, codes: Iterable[str]) -> None:
        """Take over old or imported dossiers: the events that hold now are not to be told."""
        for keys in self._holding(list(codes)).values():
            self.past |= keys

    def look(self, codes: Iterable[str]) -> set[str]:
        """Record the events that hold now; returns the keys that did not hold at the last look."""
        found = self._holding(list(codes))
        new = {key for code, keys in found.items() for key in keys - self.now.get(code, frozenset())}
        self.now |= found
        self.ever |= new
        return new

    def _holding(self, codes: list[str]) -> dict[str, frozenset[str]]:
        with self.engine.connect() as connection:
            rows = connection.execute(_HOLDS, {"codes": codes}).all()
        holding: dict[str, set[str]] = {code: set() for code in codes}
        for row in rows:
            holding[row.code].add(f"{row.code}/{row.kind}/{row.occurrence}")
        return {code: frozenset(keys) for code, keys in holding.items()}
