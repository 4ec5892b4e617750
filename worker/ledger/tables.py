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
    _time("told_from"),  # the phone is not proven: only what was recorded since then is told; None where all is
    _time("unknown_at"),  # Zalo says that it does not know this user: it was linked by a wrong id
    UniqueConstraint("oa", "user_id", name="followers_oa_user_id"),
)
Index(
    "followers_person", followers.c.person_id, unique=True, postgresql_where=text("person_id IS NOT NULL")
)  # the newest claim of a phone wins (R29): the older one loses its person_id

phone_claims = Table(  # users who say that a phone is theirs, and how they have shown it
    "phone_claims",
    metadata,
    _id(),
    Column("oa", Text, nullable=False),
    Column("person_id", ForeignKey("people.id"), nullable=False),
    Column("follower_id", ForeignKey("followers.id"), nullable=False),
    _time("at", nullable=False),  # when it was made first
    Column("state", Text, nullable=False),  # open | granted | refused | closed | withdrawn
    Column("why", Text, nullable=False),
    _time("decided_at", nullable=False),
    Column("proof", Text, nullable=False),  # domain.claims.Proof
    _time("proved_at"),
    _time("denied_at"),  # another holder said no: a clerk decides
    _time("told_since"),  # when the user first had the phone: the codes of dossiers told since then prove nothing
    Column("phone_sealed", LargeBinary),  # only while the person's own is erased
    Column("code_hash", LargeBinary),  # keyed, of the one-time code that was sent to the phone
    _time("code_until"),
    Column("code_tries", Integer, nullable=False, server_default="0"),
    Column("codes_sent", Integer, nullable=False, server_default="0"),  # on that day of Vietnam's calendar
    Column("codes_on", Date),
    Column("tries", Integer, nullable=False, server_default="0"),  # with codes of dossiers, on that day
    Column("tries_on", Date),
    UniqueConstraint("follower_id", "person_id", name="phone_claims_follower_person"),
)
Index("phone_claims_person", phone_claims.c.person_id)
Index("phone_claims_denied", phone_claims.c.oa, postgresql_where=text("denied_at IS NOT NULL"))

staff = Table(  # who gets the numbers of which unit: granted by an operator
    "staff",
    metadata,
    Column("oa", Text, primary_key=True),
    Column("follower_id", ForeignKey("followers.id"), primary_key=True),
    Column("unit", Text, primary_key=True),
    _time("added_at", nullable=False),
)

alarm_staff = Table(  # who hears in the chat what is wrong with the system
    "alarm_staff",
    metadata,
    Column("oa", Text, primary_key=True),
    Column("follower_id", ForeignKey("followers.id"), primary_key=True),
    _time("added_at", nullable=False),
)

alarms = Table(  # what a person was to hear of, once a cause, with its end (worker/ledger/alarms.py)
    "alarms",
    metadata,
    _id(),
    Column("oa", Text, nullable=False),  # "" of all OAs
    Column("cause", Text, nullable=False),
    Column("says", Text, nullable=False),  # as an operator reads it
    _time("began_at", nullable=False),
    _time("ended_at"),
    _time("mailed_at"),
    _time("end_mailed_at"),
)
Index("alarms_open", alarms.c.oa, alarms.c.cause, unique=True, postgresql_where=text("ended_at IS NULL"))
Index("alarms_to_mail", alarms.c.id, postgresql_where=text("end_mailed_at IS NULL"))

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
    # When the source was asked the last time whether it is so; `-infinity`: it is not, as it stands here; `infinity`:
    # it tells of no dossier.
    Column("true_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("source_code", Text),  # the code as the source spells it, since the source is asked by it
    Column("no_longer_so", Text),  # of what was told: why it is not so any more, for staff
    _time("happened_at"),  # the event's own time as the source's columns say, never a row's change time
    Column("held", JSONB),  # by field of the source what keeps it back (worker/ledger/holds.py)
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
    "notices_walk",
    notices.c.oa,
    notices.c.state,
    notices.c.fresh_at,
    notices.c.id,
    postgresql_where=text("state IN ('waiting', 'due', 'unreachable')"),
)
Index("notices_quarantined", notices.c.oa, notices.c.id, postgresql_where=text("state = 'quarantined'"))
Index("notices_amiss", notices.c.oa, notices.c.id, postgresql_where=text("no_longer_so IS NOT NULL"))
Index("notices_kept_back", notices.c.oa, notices.c.code, postgresql_where=text("held IS NOT NULL"))
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

dossier_keys = Table(  # the code under which a dossier was seen the last time, by what stays when its code changes
    "dossier_keys",
    metadata,
    Column("oa", Text, primary_key=True),
    Column("key_hash", BigInteger, primary_key=True, autoincrement=False),
    Column("code", Text, nullable=False),
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

guard_counts = Table(  # how many notices were new in each minute, and how many were kept back (worker/ledger/guard.py)
    "guard_counts",
    metadata,
    Column("oa", Text, primary_key=True),
    Column("minute", DateTime(timezone=True), primary_key=True),
    Column("cause", Text, primary_key=True),  # new | old | many
    Column("number", BigInteger, nullable=False),
)

sources = Table(  # which database an OA's cursors belong to, and whether its first start is over
    "sources",
    metadata,
    Column("oa", Text, primary_key=True),
    Column("identity", JSONB),
    _time("noted_at"),
    Column("strange", JSONB),  # another database that was met there, and is not read
    _time("strange_at"),
    Column("as_baseline", Boolean, nullable=False, server_default="false"),  # adopted: what is there is told to nobody
    _time("started_at"),  # of a first start; None where the feeds had been read before this was noted
    _time("settled_at"),  # since when each feed was read to its end once
    Column("read", ARRAY(Text), nullable=False, server_default="{}"),  # the feeds that were, until then
)

switches = Table(  # what is switched off right now (worker/ledger/switches.py); what ended stands in the audit
    "switches",
    metadata,
    _id(),
    Column("oa", Text, nullable=False),  # "*": of all OAs
    Column("sort", Text, nullable=False),  # kind | channel | unit | oa | all
    Column("name", Text, nullable=False),
    _time("since", nullable=False),
    _time("until"),
    Column("by", Text, nullable=False),
    Column("why", Text, nullable=False),
    _time("ended_at"),  # it holds nothing any more; what it held is given its time back
    Column("renewed_to", BigInteger, nullable=False, server_default="0"),  # … up to this id
    UniqueConstraint("oa", "sort", "name", name="switches_of"),
)

acts = Table(  # what operators did to many notices: how far it is, who stopped it (worker/ledger/acts.py)
    "acts",
    metadata,
    _id(),
    Column("oa", Text, nullable=False),
    Column("verb", Text, nullable=False),
    Column("filter", JSONB, nullable=False),
    Column("by", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("done", BigInteger, nullable=False, server_default="0"),
    Column("last_id", BigInteger, nullable=False, server_default="0"),
    _time("since", nullable=False),
    _time("touched_at", nullable=False),
    _time("until"),
    _time("stopped_at"),
    Column("stopped_by", Text),
)

act_notices = Table(  # the notices that were counted, until the act is over
    "act_notices",
    metadata,
    Column("act_id", ForeignKey("acts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("notice_id", BigInteger, primary_key=True, autoincrement=False),
)

keyring = Table(  # keys that must outlive a change of HCC_SECRET_KEYS, themselves sealed with those
    "keyring",
    metadata,
    Column("purpose", Text, primary_key=True),
    Column("key_sealed", LargeBinary, nullable=False),
)

oddities = Table(  # what cannot be read in the dossier database, until it is read well again
    "oddities",
    metadata,
    Column("oa", Text, primary_key=True),
    Column("code", Text, primary_key=True),  # of the dossier, as the ledger spells it
    Column("source_row", Text, primary_key=True),  # '' the dossier itself, or a row of its own: 'payments/7'
    Column("field", Text, primary_key=True),  # the column, as the mapping names it
    Column("why", Text, nullable=False),
    Column("mark", Text),  # of a word that the mapping does not know
    _time("since", nullable=False),
    _time("last_seen_at", nullable=False),
    Column("times", Integer, nullable=False),
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
Index("audit_recent", audit.c.oa, audit.c.verb, audit.c.at)
