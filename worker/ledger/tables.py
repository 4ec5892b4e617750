"""The ledger's tables. Times are `timestamptz` (UTC); ids of Zalo are text; phones are sealed and found by hash.

The migrations create them; this page is what the code reads and what `test_migrations` compares with the result.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
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
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

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
    Column("phone_sealed", LargeBinary, nullable=False),  # empty once the person withdrew
    _time("created_at", nullable=False),
    _time("withdrawn_at"),  # nobody is told anything under this phone until somebody claims it anew
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
    _time("follow_at"),  # of the newest follow or unfollow that Zalo told us; an older one changes nothing
    _time("synced_at"),  # when Zalo was last asked about this user
    Column("notices_off", Boolean, nullable=False, server_default="false"),  # the person said "dừng" in the chat
    _time("switched_at"),  # of the newest "dừng" or "tiếp tục"; an older one changes nothing
    Column("ignored", Integer, nullable=False, server_default="0"),  # questions above the limit, not answered
    Column("follow_event", BigInteger),  # its place in the inbox: of two at one moment the later one counts
    Column("switch_event", BigInteger),  # likewise of `switched_at`
    _time("reached_at"),  # when we last learned that this user can be reached, by the ledger's clock
    UniqueConstraint("oa", "user_id", name="followers_oa_user_id"),
)
Index(
    "followers_person", followers.c.person_id, unique=True, postgresql_where=text("person_id IS NOT NULL")
)  # the newest claim of a phone wins (R29): the older one loses its person_id

staff = Table(  # who gets the numbers of which unit: granted by an operator
    "staff",
    metadata,
    Column("oa", Text, primary_key=True),
    Column("follower_id", ForeignKey("followers.id"), primary_key=True),
    Column("unit", Text, primary_key=True),
    _time("added_at", nullable=False),
)

notices = Table(
    "notices",
    metadata,
    _id(),
    Column("oa", Text, nullable=False),
    Column("event_key", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("rank", SmallInteger, nullable=False),
    Column("lane", SmallInteger, nullable=False, server_default="1"),  # whose turn is first: domain.lane
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
    Column("follower_id", ForeignKey("followers.id"), nullable=True),  # told to a Zalo user whose phone may be unknown
    Column("said_no", ARRAY(Text), nullable=False, server_default="{}"),  # channels that cannot reach this person
    Column("withdrawn", Text),  # why the event is not true any more: what has not left never will
    _time("withdrawn_at"),
    Column("phone_fault", Text),  # what staff should look at in the phone field, and that field, masked (R9)
    Column("phone_seen", Text),
    Column("tried_under", Text),  # tags of the last tries (domain.tries); a witness with another one tells of a loss
    _time("maybe_since"),  # it may have been sent since then by a try that this ledger forgot: to be asked, not sent
    Column("source_row", BigInteger, nullable=False, server_default="0"),  # of the source's table, in its order
    UniqueConstraint("oa", "event_key", name="notices_oa_event_key"),
    # Rows are moved twice in a normal life; the spare room keeps their new versions on their page. A move is never HOT,
    # since the indexes of live states ask for the state; what else is noted on a row (channel, reason, mark) is.
    postgresql_with={
        "fillfactor": "70",
        "autovacuum_vacuum_scale_factor": "0.02",
        "autovacuum_analyze_scale_factor": "0.02",
    },
)
# Live work is found without touching finished rows: of the indexes below the first five cover live states only.
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
Index(
    "notices_held",
    notices.c.oa,
    notices.c.state,
    notices.c.id,
    postgresql_where=text("state IN ('waiting', 'uncertain', 'dead', 'unreachable')"),
)
Index(
    "notices_aging",
    notices.c.oa,
    notices.c.state,
    notices.c.fresh_at,
    postgresql_where=text("state IN ('waiting', 'due', 'unreachable')"),
)
Index("notices_quarantined", notices.c.oa, notices.c.id, postgresql_where=text("state = 'quarantined'"))
Index("notices_person", notices.c.person_id)
Index("notices_code", notices.c.oa, notices.c.code)
Index("notices_follower", notices.c.follower_id, postgresql_where=text("follower_id IS NOT NULL"))
Index("notices_message", notices.c.oa, notices.c.message_id, postgresql_where=text("message_id IS NOT NULL"))
Index("notices_phone_fault", notices.c.oa, notices.c.id, postgresql_where=text("phone_fault IS NOT NULL"))
Index("notices_supplements", notices.c.oa, notices.c.id, postgresql_where=text("kind = 'supplement_required'"))
# Reports and reminders ask for some days: rows lie in the order of their recording, so a few pages say where.
Index("notices_recorded", notices.c.recorded_at, postgresql_using="brin", postgresql_with={"autosummarize": "on"})

# The finished notices of long ago, by month (worker/ledger/past.py): the same columns, and only the indexes that people
# look by. The view `notices_ever` has both.
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
    """In the order of writing; no index of its own, since nothing is looked for by it."""
    return Column("id", BigInteger, Identity(always=True), nullable=False)


# Attempts and history, by month, name their notice without a foreign key: it would be asked for at each row, which is
# a fifth of what a delivery costs, and notices of long ago leave their table (docs/decisions/0008).
attempts = Table(
    "attempts",
    metadata,
    _number(),
    Column("notice_id", BigInteger, nullable=False, index=True),
    _time("at", nullable=False),
    Column("channel", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("code", Integer),
    Column("ms", Integer, nullable=False),  # in all
    Column("connect_ms", Integer),  # until the connection stood; None where none was needed or it is not known
    Column("first_byte_ms", Integer),  # until the first byte of the answer
    Column("dong", Integer, nullable=False, server_default="0"),  # what it cost, by our price list
    postgresql_partition_by="RANGE (at)",
)

history = Table(
    "history",
    metadata,
    _number(),
    Column("notice_id", BigInteger, nullable=False, index=True),
    _time("at", nullable=False),
    Column("before", Text),
    Column("after", Text, nullable=False),
    Column("why", Text),
    Column("by", Text, nullable=False),
    postgresql_partition_by="RANGE (at)",
)

zalo_events = Table(  # the inbox: what Zalo told us, recorded before it hears 200, applied afterwards
    "zalo_events",
    metadata,
    _id(),
    Column("oa", Text, nullable=False),
    Column("key", LargeBinary, nullable=False),  # what makes a repeated event the same event
    Column("name", Text, nullable=False),  # Zalo's event_name
    Column("word", Text, nullable=False),  # ours
    _time("at", nullable=False),
    _time("received_at", nullable=False),
    Column("sealed", LargeBinary),  # who, which phone, which words; gone once the event is applied
    _time("applied_at"),
    Column("fault", Text),  # why it could not be applied
    UniqueConstraint("oa", "key", name="zalo_events_oa_key"),
)
Index("zalo_events_unapplied", zalo_events.c.oa, zalo_events.c.id, postgresql_where=text("applied_at IS NULL"))

# What could not be read or applied (worker/ledger/unread.py). In the inbox it counts as applied with a fault, so that
# no worker takes it for new, and none of the version before erases it.
unread_events = Table(
    "unread_events",
    metadata,
    Column("event_id", ForeignKey("zalo_events.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("oa", Text, nullable=False),
    _time("received_at", nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("fault", Text, nullable=False),  # the last one's type
    _time("set_aside_at"),  # since the third fault of one ability
)
Index("unread_events_oa", unread_events.c.oa, unread_events.c.event_id)

unread_tries = Table(
    "unread_tries",
    metadata,
    Column("event_id", ForeignKey("unread_events.event_id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("ability", Text, primary_key=True),  # of who tried: a hash of their code and their keys
    Column("faults", Integer, nullable=False),
    _time("at", nullable=False),  # of the last one
)

event_pages = Table(  # how many events are tried at once (worker/ledger/pages.py)
    "event_pages",
    metadata,
    Column("oa", Text, primary_key=True),
    Column("events", Integer, nullable=False),
)

receipts = Table(  # what Zalo says became of messages, kept until the notice is there to bear it
    "receipts",
    metadata,
    _id(),
    Column("oa", Text, nullable=False),
    Column("word", Text, nullable=False),  # received | seen | echo
    Column("message_id", Text, nullable=False),
    Column("mark", Text),  # our own tracking id, where Zalo brings it back
    Column("user_id", Text),  # of an echo
    Column("words", LargeBinary),  # SHA-256 of an echo's text: enough to recognise our own words by
    _time("at", nullable=False),
    _time("received_at", nullable=False),
    _time("look_at", nullable=False),
    _time("kept_until", nullable=False),
    UniqueConstraint("oa", "message_id", "word", name="receipts_oa_message_word"),
)
Index("receipts_to_look_at", receipts.c.oa, receipts.c.look_at)
Index("receipts_echoes", receipts.c.oa, receipts.c.user_id, receipts.c.words, postgresql_where=text("word = 'echo'"))

consents = Table(  # proof of who agreed and who withdrew, under a keyed hash: it outlives the erasure of the person
    "consents",
    metadata,
    _id(),
    Column("oa", Text, nullable=False),
    Column("user_hash", LargeBinary, nullable=False),
    _time("at", nullable=False),
    Column("word", Text, nullable=False),  # followed | unfollowed | submitted | withdrew | stopped | resumed
    _time("recorded_at", nullable=False),
)
Index("consents_of_user", consents.c.oa, consents.c.user_hash)

spending = Table(  # what a channel has cost on a day of Vietnam's calendar: reserved before sending, corrected after
    "spending",
    metadata,
    Column("oa", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("messages", Integer, nullable=False),
    Column("dong", BigInteger, nullable=False),
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

setbacks = Table(  # when the ledger itself lost commits: noticed by itself, or told by an operator after a restore
    "setbacks",
    metadata,
    _id(),
    Column("sort", Text, nullable=False),  # noticed | restored
    _time("since", nullable=False),  # what was committed from here on may be gone …
    _time("until", nullable=False),  # … up to here
    Column("by", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("synced", ARRAY(Text), nullable=False, server_default="{}"),  # the OAs whose followers were asked since
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
