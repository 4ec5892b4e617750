"""A ledger as a clerk and an operator meet it: dossiers in different situations, people, and what was done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, text

from ledger.base.audit import audit
from ledger.notices import notices
from ledger.notices.notices import NewNotice
from ledger.people.people import Link
from worker.services.deployment import Deployment

OA = "4024926008133882615"
PHONE = "+84978362918"
SEEN, FOLLOWS_NOT, DOUBT, DEAD = (f"H27.37-240219-100{number}" for number in range(1, 5))
TEXT = "Hồ sơ H27.37-240219-1001 đã được tiếp nhận.\nHẹn trả kết quả: sau 9 giờ 9 phút, ngày 26/02/2024."

_SILENT = ("sending", "delivered", "seen")


class Stage:
    """Writes into the ledger of a console as workers do."""

    def __init__(self, owner: Engine, desk: Deployment) -> None:
        self._owner = owner
        self._people = desk.shared.people
        self.at = datetime.now(UTC) - timedelta(hours=2)

    def person(self, phone: str = PHONE) -> int:
        """A person who follows the OA."""
        with self._owner.begin() as tx:
            self._people.link(tx, OA, [Link("6142494823000000001", phone)], source="demo")
            return self._people.ids(tx, OA, [phone])[phone]

    def notice(self, code: str, kind: str = "accepted", *steps: str, phone: str | None = PHONE, **columns: Any) -> int:
        """A notice that went through these states, a minute each."""
        with self._owner.begin() as tx:
            person = self._people.ids(tx, OA, [phone])[phone] if phone else None
            key = f"{code}/{kind}/1"
            notices.record(tx, OA, [NewNotice(key, code, kind, "H27.37", {}, person, None, self.at, self.at)])
            number: int = tx.execute(text("SELECT id FROM notices WHERE event_key = :key"), {"key": key}).scalar_one()
            before = "due"
            for minute, state in enumerate(steps, 1):
                told = columns.get("reason") if state not in _SILENT else None
                self._step(tx, (number, self.at + timedelta(minutes=minute), before, state, told))
                before = state
            for column, value in {"state": before, **columns}.items():
                tx.execute(text(f"UPDATE notices SET {column} = :v WHERE id = :id"), {"v": value, "id": number})
            at = {"at": self.at, "id": number}
            tx.execute(text("UPDATE notices SET recorded_at = :at WHERE id = :id"), at)
            tx.execute(text("UPDATE history SET at = :at WHERE notice_id = :id AND before IS NULL"), at)
        return number

    def _step(self, tx: Connection, row: tuple[Any, ...]) -> None:
        query = text("""
            INSERT INTO history (notice_id, at, before, after, why, by)
            VALUES (:id, :at, :before, :after, :why, 'worker test')""")
        tx.execute(query, dict(zip(("id", "at", "before", "after", "why"), row, strict=True)))

    def attempt(self, number: int, outcome: str = "sent", code: int | None = 0) -> None:
        """A try of a notice."""
        query = text("""
            INSERT INTO attempts (notice_id, at, channel, outcome, code, ms)
            VALUES (:id, :at, 'zalo_cs', :outcome, :code, 87)""")
        with self._owner.begin() as tx:
            values = {"id": number, "at": self.at + timedelta(minutes=2), "outcome": outcome, "code": code}
            tx.execute(query, values)

    def deed(self, verb: str = "switch off", subject: str = "kind apology", by: str = "lan") -> None:
        """A row of the audit."""
        with self._owner.begin() as tx:
            audit(tx, OA, verb, subject, by=by, why="thử")

    def furnish(self) -> int:
        """Dossiers in four situations; returns the person."""
        person = self.person()
        accepted = self.notice(SEEN, "accepted", "sending", "sent", "delivered", "seen", text=TEXT)
        self.attempt(accepted)
        self.notice(SEEN, "fee_requested", "suppressed", reason="fee paid")
        self.notice(
            FOLLOWS_NOT, "accepted", "sending", "unreachable", phone="+84912345618",
            reason="no Zalo user of this OA is linked to the phone",
        )  # fmt: skip
        doubt = self.notice(DOUBT, "result_ready", "sending", "uncertain", text=TEXT, reason="no whole answer in time")
        self.attempt(doubt, "uncertain", None)
        self.notice(DEAD, "result_ready", "sending", "dead", text=TEXT, reason="not a valid request")
        self.deed()
        return person
