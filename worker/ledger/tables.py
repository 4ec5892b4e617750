"""The ledger's tables. Times are `timestamptz` (UTC); ids of Zalo are text; phones are sealed and found by hash.

The migrations create them; this page is what the code reads and what `test_migrations` compares with the result.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData()


def _id() -> Column[int]:
    return Column("id", BigInteger, Identity(always=True), primary_key=True)


def _time(name: str, *, nullable: bool = True) -> Column[datetime]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


people = Table(
    "people",
    metadata,
    _id(),
    Column("oa", Text, nullable=False),
    Column("phone_hash", LargeBinary, nullable=False),  # keyed, so that the table alone does not give numbers away
    Column("phone_sealed", LargeBinary, nullable=False),
    _time("created_at", nullable=False),
    UniqueConstraint("oa", "phone_hash", name="people_oa_phone_hash"),
)

followers = Table(
    "followers",
    metadata,
    _id(),
    Column("oa", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("person_id", ForeignKey("people.id"), nullable=True),  # whose phone this user has, as far as we know
    Column("follows", Boolean, nullable=False),
    Column("link_source", Text),
    _time("linked_at"),
    _time("last_interaction_at"),
    UniqueConstraint("oa", "user_id", name="followers_oa_user_id"),
)
Index(
    "followers_person", followers.c.person_id, unique=True, postgresql_where=text("person_id IS NOT NULL")
)  # the newest claim of a phone wins (R29): the older one loses its person_id

notices = Table(
    "notices",
    metadata,
    _id(),
    Column("oa", Text, nullable=False),
    Column("event_key", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("rank", SmallInteger, nullable=False),
    Column("unit", Text),
    Column("facts", JSONB, nullable=False),
    Column("person_id", ForeignKey("people.id"), nullable=True),
    Column("no_person_because", Text),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    _time("event_at", nullable=False),  # when it happened: the order within a dossier
    _time("fresh_at", nullable=False),  # when it can first have been seen: its age counts from here
    _time("recorded_at", nullable=False),
    _time("due_at", nullable=False),
    Column("lease", Text),
    _time("lease_until"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("channel", Text),
    Column("code_received", Integer),  # the last code that the channel answered
    Column("message_id", Text),
    Column("text", Text),
    UniqueConstraint("oa", "event_key", name="notices_oa_event_key"),
    # Rows are updated twice in a normal life; the spare room keeps those updates on their page (HOT).
    postgresql_with={"fillfactor": "70", "autovacuum_vacuum_scale_factor": "0.02"},
)
# Live work is found without touching finished rows: every index below but the last covers live states only.
Index("notices_due", notices.c.oa, notices.c.due_at, postgresql_where=text("state = 'due'"))
Index(
    "notices_blocking",
    notices.c.oa,
    notices.c.code,
    notices.c.event_at,
    notices.c.rank,
    notices.c.id,
    postgresql_where=text("state IN ('waiting', 'due', 'sending', 'uncertain')"),
)
Index("notices_leased", notices.c.lease_until, postgresql_where=text("state = 'sending'"))
Index(
    "notices_held",
    notices.c.oa,
    notices.c.state,
    notices.c.id,
    postgresql_where=text("state IN ('waiting', 'uncertain', 'dead', 'unreachable')"),
)
Index("notices_unreachable", notices.c.person_id, postgresql_where=text("state = 'unreachable'"))
Index("notices_code", notices.c.oa, notices.c.code)

attempts = Table(
    "attempts",
    metadata,
    _id(),
    Column("notice_id", ForeignKey("notices.id"), nullable=False, index=True),
    _time("at", nullable=False),
    Column("channel", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("code", Integer),
    Column("ms", Integer, nullable=False),
)

history = Table(
    "history",
    metadata,
    _id(),
    Column("notice_id", ForeignKey("notices.id"), nullable=False, index=True),
    _time("at", nullable=False),
    Column("before", Text),
    Column("after", Text, nullable=False),
    Column("why", Text),
    Column("by", Text, nullable=False),
)

cursors = Table(
    "cursors",
    metadata,
    Column("oa", Text, primary_key=True),
    Column("feed", Text, primary_key=True),
    Column("position", JSONB, nullable=False),
    Column("version", BigInteger, nullable=False),
    _time("polled_at", nullable=False),
)

baseline = Table(  # what was there before the first poll: remembered, so that nobody is told (R14)
    "baseline",
    metadata,
    Column("oa", Text, primary_key=True),
    Column("key_hash", BigInteger, primary_key=True),
)

sightings = Table(  # in which state each dossier was last seen that may still tell something
    "sightings",
    metadata,
    Column("oa", Text, primary_key=True),
    Column("code", Text, primary_key=True),  # as the source spells it, since the source is asked by it
    Column("digest", BigInteger, nullable=False),
    postgresql_with={"fillfactor": "80", "autovacuum_vacuum_scale_factor": "0.02"},
)

credentials = Table(
    "credentials",
    metadata,
    Column("oa", Text, primary_key=True),
    Column("access_sealed", LargeBinary, nullable=False),
    Column("refresh_sealed", LargeBinary, nullable=False),
    Column("version", BigInteger, nullable=False),
    _time("issued_at", nullable=False),
    _time("expires_at", nullable=False),
    _time("refresh_began_at"),  # committed before the call: a crash in between is seen, not guessed
    Column("dead_because", Text),  # the grant is lost; an operator has to consent again
)

keyring = Table(  # keys that must outlive a change of HCC_SECRET_KEYS, themselves sealed with those
    "keyring",
    metadata,
    Column("purpose", Text, primary_key=True),
    Column("key_sealed", LargeBinary, nullable=False),
)

audit = Table(  # what operators did to anything that is not a notice; moves of notices are in `history`
    "audit",
    metadata,
    _id(),
    _time("at", nullable=False),
    Column("oa", Text, nullable=False),
    Column("verb", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("why", Text, nullable=False),
)
