"""How many of Zalo's events are tried at once: a page that failed is followed by half of it.

It is kept in the ledger, and lowered to one before a page is tried: a process that ends under its page leaves the word
that the next one is to go event by event. A page that went well doubles it again.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

MOST = 500
"""Events a page, while all goes well."""


def begin(tx: Connection, oa: str) -> int:
    """How many events the next page of this OA may hold. One that does not end leaves the word 1."""
    query = text("SELECT events FROM event_pages WHERE oa = :oa")
    events = tx.execute(query, {"oa": oa}).scalar_one_or_none()
    keep(tx, oa, 1)
    return MOST if events is None else max(1, min(MOST, int(events)))


def keep(tx: Connection, oa: str, events: int) -> None:
    """The next page of this OA is to hold so many."""
    query = text("""
        INSERT INTO event_pages AS p (oa, events) VALUES (:oa, :events)
        ON CONFLICT (oa) DO UPDATE SET events = EXCLUDED.events WHERE p.events <> EXCLUDED.events""")
    tx.execute(query, {"oa": oa, "events": max(1, min(MOST, events))})
