"""Notices with their attempts and history, and what finished long ago."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from ledger.base.tables.columns import id_column, metadata, time_column

notices = Table(
    "notices",
    metadata,
    id_column(),
    Column("oa", Text, nullable=False),
    Column("event_key", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("rank", SmallInteger, nullable=False),
    Column("lane", SmallInteger, nullable=False, server_default="1"),  # which lane goes first: domain.lane
    Column("unit", Text),
    Column("facts", JSONB, nullable=False),
    Column("person_id", ForeignKey("people.id"), nullable=True),
    Column("no_person_because", Text),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    time_column("event_at", nullable=False),  # when it happened: the order within a dossier
    time_column("fresh_at", nullable=False),  # when it could first be seen: its age counts from here
    time_column("recorded_at", nullable=False),
    time_column("due_at", nullable=False),
    Column("lease", Text),
    time_column("lease_until"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("channel", Text),
    Column("code_received", Integer),  # the last code that the channel returned
    Column("message_id", Text),
    Column("text", Text),
    Column("follower_id", ForeignKey("followers.id"), nullable=True),  # for a Zalo user whose phone may be unknown
    Column("said_no", ARRAY(Text), nullable=False, server_default="{}"),  # channels that cannot reach this person
    Column("withdrawn", Text),  # why the event is no longer true: such a notice is not sent any more
    time_column("withdrawn_at"),
    Column("phone_fault", Text),  # what staff should check in the phone field, and that field, masked (R9)
    Column("phone_seen", Text),
    Column("tried_under", Text),  # tags of the last tries (domain.tries); a witness with another tag proves a loss
    time_column("maybe_since"),  # a try that this ledger forgot may have sent it since then: to be asked, not sent
    Column("source_row", BigInteger, nullable=False, server_default="0"),  # row id in the source's table, in its order
    # When it was last compared with the source. `-infinity`: not true in its present form; `infinity`: not about a
    # dossier.
    Column("true_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("source_code", Text),  # the code as the source spells it: the source is queried by it
    Column("no_longer_so", Text),  # why a sent notice is no longer true, for staff
    time_column("happened_at"),  # the event's own time from the source's columns, never a row's change time
    Column("held", JSONB),  # the holds by field of the source (ledger/notices/unknown_words.py)
    Column("template_version", Integer),  # of its kind's template (`letters`), by which `text` was made; outlives it
    UniqueConstraint("oa", "event_key", name="notices_oa_event_key"),
    # A row changes state twice in a normal life; the spare room keeps the new versions on the same page. A move is
    # never HOT, because the indexes of live states depend on the state; updates of other fields (channel, reason,
    # mark) are HOT.
    postgresql_with={
        "fillfactor": "70",
        "autovacuum_vacuum_scale_factor": "0.02",
        "autovacuum_analyze_scale_factor": "0.02",
    },
)
# Live work is found without touching finished rows: the first five indexes below cover live states only.
Index("notices_due_by_lane", notices.c.oa, notices.c.lane, notices.c.due_at, postgresql_where=text("state = 'due'"))
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
# What waits for somebody: lists, counts and causes read this index alone (ledger/notices/lists.py). Without these
# columns a filter that few notices match made the planner read the whole table backwards by its key.
Index(
    "notices_listed",
    notices.c.oa,
    notices.c.state,
    notices.c.id,
    postgresql_include=["kind", "reason", "code_received", "unit", "recorded_at"],
    postgresql_where=text("state IN ('waiting', 'uncertain', 'dead', 'unreachable', 'quarantined', 'expired')"),
)
# The same for a unit, whose notices are few among them; a clerk's pages ask for it all day (ledger/base/units.py). Its
# order is that of "C", which Alembic does not compare.
Index(
    "notices_of_unit",
    notices.c.oa,
    notices.c.state,
    notices.c.unit,
    notices.c.id,
    postgresql_include=["kind", "reason", "code_received", "recorded_at"],
    postgresql_where=text("state IN ('uncertain', 'dead', 'unreachable', 'quarantined', 'expired')"),
)
Index(
    "notices_walk",
    notices.c.oa,
    notices.c.state,
    notices.c.fresh_at,
    notices.c.id,
    postgresql_where=text("state IN ('waiting', 'due', 'unreachable')"),
)
Index("notices_amiss", notices.c.oa, notices.c.id, postgresql_where=text("no_longer_so IS NOT NULL"))
Index("notices_kept_back", notices.c.oa, notices.c.code, postgresql_where=text("held IS NOT NULL"))
Index("notices_person", notices.c.person_id, notices.c.id)
Index("notices_code", notices.c.oa, notices.c.code)
Index("notices_follower", notices.c.follower_id, postgresql_where=text("follower_id IS NOT NULL"))
Index("notices_message", notices.c.oa, notices.c.message_id, postgresql_where=text("message_id IS NOT NULL"))
Index("notices_phone_fault", notices.c.oa, notices.c.id, postgresql_where=text("phone_fault IS NOT NULL"))
Index("notices_supplements", notices.c.oa, notices.c.id, postgresql_where=text("kind = 'supplement_required'"))
# Reports and reminders ask for a few days: rows lie in the order of recording, so a few index pages locate them.
Index("notices_recorded", notices.c.recorded_at, postgresql_using="brin", postgresql_with={"autosummarize": "on"})

# Finished notices of long ago, by month (ledger/archive/archive.py): the same columns, and only the indexes that
# people search by. The view `notices_ever` has both tables.
notices_past = Table(
    "notices_past",
    metadata,
    *(Column(column.name, column.type, nullable=column.nullable) for column in notices.c),
    postgresql_partition_by="RANGE (recorded_at)",
)
Index("notices_past_code", notices_past.c.oa, notices_past.c.code)
Index("notices_past_person", notices_past.c.person_id, postgresql_where=text("person_id IS NOT NULL"))
Index("notices_past_follower", notices_past.c.follower_id, postgresql_where=text("follower_id IS NOT NULL"))
Index("notices_past_recorded", notices_past.c.recorded_at, postgresql_using="brin")


def _number() -> Column[int]:
    """Numbers rows in the order of writing; it has no index, because no query searches by it."""
    return Column("id", BigInteger, Identity(always=True), nullable=False)


# Attempts and history, by month, have no foreign key to their notice: checking it for each row costs a fifth of a
# delivery, and notices of long ago leave their table (docs/decisions/0008).
attempts = Table(
    "attempts",
    metadata,
    _number(),
    Column("notice_id", BigInteger, nullable=False, index=True),
    time_column("at", nullable=False),
    Column("channel", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("code", Integer),
    Column("ms", Integer, nullable=False),  # total
    Column("connect_ms", Integer),  # until the connection was open; None where none was needed or it is not known
    Column("first_byte_ms", Integer),  # until the first byte of the answer
    Column("dong", Integer, nullable=False, server_default="0"),  # its cost by our price list
    postgresql_partition_by="RANGE (at)",
)
Index("attempts_at", attempts.c.at, postgresql_using="brin", postgresql_with={"autosummarize": "on"})

history = Table(
    "history",
    metadata,
    _number(),
    Column("notice_id", BigInteger, nullable=False, index=True),
    time_column("at", nullable=False),
    Column("before", Text),
    Column("after", Text, nullable=False),
    Column("why", Text),
    Column("by", Text, nullable=False),
    postgresql_partition_by="RANGE (at)",
)
Index("history_at", history.c.at, postgresql_using="brin", postgresql_with={"autosummarize": "on"})
