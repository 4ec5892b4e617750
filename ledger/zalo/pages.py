"""How many Zalo events are tried at once: after a page that failed, the next one has half its size.

The size is stored in the ledger, and lowered to one before a page is tried: if the process dies during its page, the
next process goes event by event. A page that succeeded doubles the size again.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

MOST = 500
"""Events per page, while all goes well."""


def begin(tx: Connection, oa: str) -> int:
    """How many events the next page of this OA may have. Stores 1 until the page ends."""
    query = text("SELECT events FROM event_pages WHERE oa = :oa")
    events = tx.execute(query, {"oa": oa}).scalar_one_or_none()
    keep(tx, oa, 1)
    return MOST if events is None else max(1, min(MOST, int(events)))


def keep(tx: Connection, oa: str, events: int) -> None:
    """Store the size of this OA's next page."""
    query = text("""
        INSERT INTO event_pages AS p (oa, events) VALUES (:oa, :events)
        ON CONFLICT (oa) DO UPDATE SET events = EXCLUDED.events WHERE p.events <> EXCLUDED.events""")
    tx.execute(query, {"oa": oa, "events": max(1, min(MOST, events))})
