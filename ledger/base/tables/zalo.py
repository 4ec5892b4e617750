"""Zalo's events and receipts, and the OA's credentials."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text, UniqueConstraint, text

from ledger.base.tables.columns import id_column, metadata, time_column

zalo_events = Table(  # the inbox: events from Zalo, recorded before Zalo gets its 200, applied afterwards
    "zalo_events",
    metadata,
    id_column(),
    Column("oa", Text, nullable=False),
    Column("key", LargeBinary, nullable=False),  # identifies a repeated event
    Column("name", Text, nullable=False),  # Zalo's event_name
    Column("word", Text, nullable=False),  # our name for it
    time_column("at", nullable=False),
    time_column("received_at", nullable=False),
    Column("sealed", LargeBinary),  # who, which phone, which words; erased once the event is applied
    time_column("applied_at"),
    Column("fault", Text),  # why it could not be applied
    UniqueConstraint("oa", "key", name="zalo_events_oa_key"),
)
Index("zalo_events_unapplied", zalo_events.c.oa, zalo_events.c.id, postgresql_where=text("applied_at IS NULL"))

# Events that could not be read or applied (ledger/zalo/unread.py). The inbox counts them as applied with a fault, so
# that no worker takes them for new, and no worker of the previous version erases them.
unread_events = Table(
    "unread_events",
    metadata,
    Column("event_id", ForeignKey("zalo_events.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("oa", Text, nullable=False),
    time_column("received_at", nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("fault", Text, nullable=False),  # the type of the last fault
    time_column("set_aside_at"),  # since the third fault of one ability
)
Index("unread_events_oa", unread_events.c.oa, unread_events.c.event_id)

unread_tries = Table(
    "unread_tries",
    metadata,
    Column("event_id", ForeignKey("unread_events.event_id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("ability", Text, primary_key=True),  # of the reader: a hash of its code and its keys
    Column("faults", Integer, nullable=False),
    time_column("at", nullable=False),  # of the last fault
)

event_pages = Table(  # how many events are tried at once (ledger/zalo/pages.py)
    "event_pages",
    metadata,
    Column("oa", Text, primary_key=True),
    Column("events", Integer, nullable=False),
)

receipts = Table(  # Zalo's receipts for messages, kept until the notice is there to take them
    "receipts",
    metadata,
    id_column(),
    Column("oa", Text, nullable=False),
    Column("word", Text, nullable=False),  # received | seen | echo
    Column("message_id", Text, nullable=False),
    Column("mark", Text),  # our own tracking id, where Zalo returns it
    Column("user_id", Text),  # only for an echo
    Column("words", LargeBinary),  # SHA-256 of an echo's text: enough to recognise our own text
    time_column("at", nullable=False),
    time_column("received_at", nullable=False),
    time_column("look_at", nullable=False),
    time_column("kept_until", nullable=False),
    UniqueConstraint("oa", "message_id", "word", name="receipts_oa_message_word"),
)
Index("receipts_to_look_at", receipts.c.oa, receipts.c.look_at)
Index("receipts_echoes", receipts.c.oa, receipts.c.user_id, receipts.c.words, postgresql_where=text("word = 'echo'"))

credentials = Table(
    "credentials",
    metadata,
    Column("oa", Text, primary_key=True),
    Column("access_sealed", LargeBinary, nullable=False),
    Column("refresh_sealed", LargeBinary, nullable=False),
    Column("version", BigInteger, nullable=False),
    time_column("issued_at", nullable=False),
    time_column("expires_at", nullable=False),
    time_column("refresh_began_at"),  # committed before the call: a crash in between is seen, not guessed
    Column("dead_because", Text),  # the grant is lost; an operator has to consent again
)
