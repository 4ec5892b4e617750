"""The ledger's tables. Times are `timestamptz` (UTC); Zalo ids are text; phones are sealed and found by hash.

The migrations create the tables; the code reads this module, and `test_migrations` compares the two.
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
    Column("phone_hash", LargeBinary, nullable=False),  # keyed, so that the table alone does not reveal numbers
    Column("phone_sealed", LargeBinary, nullable=False),  # empty once the person withdrew
    _time("created_at", nullable=False),
    _time("withdrawn_at"),  # no notices to this phone until somebody claims it anew
    UniqueConstraint("oa", "phone_hash", name="people_oa_phone_hash"),
)

followers = Table(
    "followers",
    metadata,
    _id(),
    Column("oa", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("person_id", ForeignKey("people.id"), nullable=True),  # the person with this user's phone, as far as we know
    Column("follows", Boolean, nullable=False),
    Column("link_source", Text),
    _time("linked_at"),
    _time("last_interaction_at"),
    _time("follow_at"),  # of the newest follow or unfollow that Zalo reported; an older one changes nothing
    _time("synced_at"),  # when Zalo was last asked about this user
    Column("notices_off", Boolean, nullable=False, server_default="false"),  # the person said "dừng" in the chat
    _time("switched_at"),  # of the newest "dừng" or "tiếp tục"; an older one changes nothing
    Column("ignored", Integer, nullable=False, server_default="0"),  # questions above the limit, not answered
    Column("follow_event", BigInteger),  # its place in the inbox: of two with the same time, the later place counts
    Column("switch_event", BigInteger),  # likewise for `switched_at`
    _time("reached_at"),  # when we last learned that this user can be reached, by the ledger's clock
    _time("told_from"),  # the phone is not proven: only notices recorded since then are told; None: all are
    _time("unknown_at"),  # Zalo says that it does not know this user: the link had a wrong id
    UniqueConstraint("oa", "user_id", name="followers_oa_user_id"),
)
Index(
    "followers_person", followers.c.person_id, unique=True, postgresql_where=text("person_id IS NOT NULL")
)  # the newest claim of a phone wins (R29): the older one loses its person_id

phone_claims = Table(  # users who claim a phone, and how they have proved it
    "phone_claims",
    metadata,
    _id(),
    Column("oa", Text, nullable=False),
    Column("person_id", ForeignKey("people.id"), nullable=False),
    Column("follower_id", ForeignKey("followers.id"), nullable=False),
    _time("at", nullable=False),  # when it was first made
    Column("state", Text, nullable=False),  # open | granted | refused | closed | withdrawn
    Column("why", Text, nullable=False),
    _time("decided_at", nullable=False),
    Column("proof", Text, nullable=False),  # domain.phone_claims.Proof
    _time("proved_at"),
    _time("denied_at"),  # another holder denied it: a clerk decides
    _time("told_since"),  # when the user first had the phone: codes of dossiers told since then prove nothing
    Column("phone_sealed", LargeBinary),  # only while the person's own phone is erased
    Column("code_hash", LargeBinary),  # keyed hash of the one-time code that was sent to the phone
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

staff = Table(  # which followers get the numbers of which unit: granted by an operator
    "staff",
    metadata,
    Column("oa", Text, primary_key=True),
    Column("follower_id", ForeignKey("followers.id"), primary_key=True),
    Column("unit", Text, primary_key=True),
    _time("added_at", nullable=False),
    Column("news", Text),  # how often they hear of it by themselves (domain.news.Rhythm); NULL: when an operator posts
)

probe_staff = Table(  # which follower gets the probe of an OA
    "probe_staff",
    metadata,
    Column("oa", Text, primary_key=True),
    Column("follower_id", ForeignKey("followers.id"), nullable=False),
    _time("added_at", nullable=False),
)

alarm_staff = Table(  # which followers get alarms in the chat
    "alarm_staff",
    metadata,
    Column("oa", Text, primary_key=True),
    Column("follower_id", ForeignKey("followers.id"), primary_key=True),
    _time("added_at", nullable=False),
)

alarms = Table(  # one row per cause that a person must hear of, with its end (ledger/reports/alarms.py)
    "alarms",
    metadata,
    _id(),
    Column("oa", Text, nullable=False),  # "": all OAs
    Column("cause", Text, nullable=False),
    Column("says", Text, nullable=False),  # the text for an operator
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
    Column("lane", SmallInteger, nullable=False, server_default="1"),  # which lane goes first: domain.lane
    Column("unit", Text),
    Column("facts", JSONB, nullable=False),
    Column("person_id", ForeignKey("people.id"), nullable=True),
    Column("no_person_because", Text),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    _time("event_at", nullable=False),  # when it happened: the order within a dossier
    _time("fresh_at", nullable=False),  # when it could first be seen: its age counts from here
    _time("recorded_at", nullable=False),
    _time("due_at", nullable=False),
    Column("lease", Text),
    _time("lease_until"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("channel", Text),
    Column("code_received", Integer),  # the last code that the channel returned
    Column("message_id", Text),
    Column("text", Text),
    Column("follower_id", ForeignKey("followers.id"), nullable=True),  # for a Zalo user whose phone may be unknown
    Column("said_no", ARRAY(Text), nullable=False, server_default="{}"),  # channels that cannot reach this person
    Column("withdrawn", Text),  # why the event is no longer true: such a notice is not sent any more
    _time("withdrawn_at"),
    Column("phone_fault", Text),  # what staff should check in the phone field, and that field, masked (R9)
    Column("phone_seen", Text),
    Column("tried_under", Text),  # tags of the last tries (domain.tries); a witness with another tag proves a loss
    _time("maybe_since"),  # since then a try that this ledger forgot may have sent it: to be asked about, not sent
    Column("source_row", BigInteger, nullable=False, server_default="0"),  # row id in the source's table, in its order
    # When it was last compared with the source. `-infinity`: not true in its present form; `infinity`: not about a
    # dossier.
    Column("true_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("source_code", Text),  # the code as the source spells it: the source is queried by it
    Column("no_longer_so", Text),  # why a sent notice is no longer true, for staff
    _time("happened_at"),  # the event's own time from the source's columns, never a row's change time
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
    _time("at", nullable=False),
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
    _time("at", nullable=False),
    Column("before", Text),
    Column("after", Text, nullable=False),
    Column("why", Text),
    Column("by", Text, nullable=False),
    postgresql_partition_by="RANGE (at)",
)
Index("history_at", history.c.at, postgresql_using="brin", postgresql_with={"autosummarize": "on"})

zalo_events = Table(  # the inbox: events from Zalo, recorded before Zalo gets its 200, applied afterwards
    "zalo_events",
    metadata,
    _id(),
    Column("oa", Text, nullable=False),
    Column("key", LargeBinary, nullable=False),  # identifies a repeated event
    Column("name", Text, nullable=False),  # Zalo's event_name
    Column("word", Text, nullable=False),  # our name for it
    _time("at", nullable=False),
    _time("received_at", nullable=False),
    Column("sealed", LargeBinary),  # who, which phone, which words; erased once the event is applied
    _time("applied_at"),
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
    _time("received_at", nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("fault", Text, nullable=False),  # the type of the last fault
    _time("set_aside_at"),  # since the third fault of one ability
)
Index("unread_events_oa", unread_events.c.oa, unread_events.c.event_id)

unread_tries = Table(
    "unread_tries",
    metadata,
    Column("event_id", ForeignKey("unread_events.event_id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("ability", Text, primary_key=True),  # of the reader: a hash of its code and its keys
    Column("faults", Integer, nullable=False),
    _time("at", nullable=False),  # of the last fault
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
    _id(),
    Column("oa", Text, nullable=False),
    Column("word", Text, nullable=False),  # received | seen | echo
    Column("message_id", Text, nullable=False),
    Column("mark", Text),  # our own tracking id, where Zalo returns it
    Column("user_id", Text),  # only for an echo
    Column("words", LargeBinary),  # SHA-256 of an echo's text: enough to recognise our own text
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

spending = Table(  # the cost of a channel on a day of Vietnam's calendar: reserved before sending, corrected after
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

baseline = Table(  # events from before the first poll: remembered, so that nobody is told of them (R14)
    "baseline",
    metadata,
    Column("oa", Text, primary_key=True),
    Column("key_hash", BigInteger, primary_key=True),
)

sightings = Table(  # the last seen state of each dossier that may still have events
    "sightings",
    metadata,
    Column("oa", Text, primary_key=True),
    Column("code", Text, primary_key=True),  # as the source spells it: the source is queried by it
    Column("digest", BigInteger, nullable=False),
    postgresql_with={"fillfactor": "80", "autovacuum_vacuum_scale_factor": "0.02"},
)

dossier_keys = Table(  # the code under which a dossier was last seen, by a key that stays when its code changes
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

setbacks = Table(  # when the ledger itself lost commits: noticed by itself, or reported by an operator after a restore
    "setbacks",
    metadata,
    _id(),
    Column("sort", Text, nullable=False),  # noticed | restored
    _time("since", nullable=False),  # commits from here on may be lost …
    _time("until", nullable=False),  # … up to here
    Column("by", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("synced", ARRAY(Text), nullable=False, server_default="{}"),  # the OAs whose followers were synced since
)

guard_counts = Table(  # new notices and kept back notices by minute (ledger/notices/guard_counts.py)
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
    Column("strange", JSONB),  # another database that was found there, and is not read
    _time("strange_at"),
    Column("as_baseline", Boolean, nullable=False, server_default="false"),  # adopted: present events are not told
    _time("started_at"),  # of a first start; None where the feeds had been read before this column existed
    _time("settled_at"),  # when every feed had been read to its end once
    Column("read", ARRAY(Text), nullable=False, server_default="{}"),  # the feeds read to their end, until then
)

switches = Table(  # active switches (ledger/notices/switches.py); the audit has the ended ones
    "switches",
    metadata,
    _id(),
    Column("oa", Text, nullable=False),  # "*": all OAs
    Column("sort", Text, nullable=False),  # kind | channel | unit | oa | all
    Column("name", Text, nullable=False),
    _time("since", nullable=False),
    _time("until"),
    Column("by", Text, nullable=False),
    Column("why", Text, nullable=False),
    _time("ended_at"),  # it stops nothing any more; its notices get their time back
    Column("renewed_to", BigInteger, nullable=False, server_default="0"),  # … up to this id
    Column("units", ARRAY(Text)),  # of the sort `unit`: the codes that it means (ledger/base/units.py)
    Column("held", BigInteger),  # notices that it held back when they were last counted (ledger/notices/held_counts.py)
    _time("held_at"),
    UniqueConstraint("oa", "sort", "name", name="switches_of"),
)

acts = Table(  # operators' acts on many notices: progress, and who stopped them (ledger/reports/acts.py)
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
    Column("in_background", Boolean, nullable=False, server_default="false"),  # the sweep carries it on, page by page
)
Index("acts_open", acts.c.id, postgresql_where=text("until IS NULL AND stopped_at IS NULL"))

act_notices = Table(  # the notices counted for an act, until the act is over
    "act_notices",
    metadata,
    Column("act_id", ForeignKey("acts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("notice_id", BigInteger, primary_key=True, autoincrement=False),
)

keyring = Table(  # keys that must outlive a change of HCC_SECRET_KEYS, sealed with those keys
    "keyring",
    metadata,
    Column("purpose", Text, primary_key=True),
    Column("key_sealed", LargeBinary, nullable=False),
)

units = Table(  # the province's list of units (domain/units.py)
    "units",
    metadata,
    Column("oa", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("parent", Text),
    Column("valid_from", Date),
    Column("valid_until", Date),  # its last day
    Column("successor", Text),
)

# Roll-ups (ledger/reports/tallies.py): recomputed from notices and attempts, never counted by the hot path.
tally_minute = Table(  # attempts by minute, for plots of a day; kept for 8 days
    "tally_minute",
    metadata,
    Column("oa", Text, nullable=False),
    _time("at", nullable=False),  # the beginning of the minute
    Column("channel", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("code", Integer),
    Column("number", BigInteger, nullable=False),
    Column("dong", BigInteger, nullable=False),
    Column("delays", ARRAY(BigInteger), nullable=False),  # domain.delays: how many within each bound
)
Index("tally_minute_at", tally_minute.c.at)

tally_day = Table(  # notices by the day on which they were recorded (Vietnam's calendar); kept for good
    "tally_day",
    metadata,
    Column("oa", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("unit", Text),  # as the notice has it: readers fold it into its successor
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("cause", Text),  # domain.tally_causes: a group of reasons
    Column("channel", Text),
    Column("number", BigInteger, nullable=False),
    Column("dong", BigInteger, nullable=False),
)
Index("tally_day_day", tally_day.c.day, tally_day.c.oa)

tally_tries = Table(  # attempts by the day on which they were made; kept for good
    "tally_tries",
    metadata,
    Column("oa", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("unit", Text),
    Column("kind", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("dong", BigInteger, nullable=False),
    Column("delays", ARRAY(BigInteger), nullable=False),
)
Index("tally_tries_day", tally_tries.c.day, tally_tries.c.oa)

tally_dossiers = Table(  # dossiers with a notice recorded on a day, by what became of the best one; kept for good
    "tally_dossiers",
    metadata,
    Column("oa", Text, nullable=False),
    Column("day", Date, nullable=False),
    Column("unit", Text),
    Column("state", Text, nullable=False),
    Column("cause", Text),
    Column("channel", Text),
    Column("number", BigInteger, nullable=False),
)
Index("tally_dossiers_day", tally_dossiers.c.day, tally_dossiers.c.oa)

tally_rounds = Table(  # when each round of recounting last began
    "tally_rounds",
    metadata,
    Column("name", Text, primary_key=True),
    _time("began_at", nullable=False),
)

tally_stale = Table(  # the days that are to be recounted
    "tally_stale",
    metadata,
    Column("day", Date, primary_key=True),
)

scans = Table(  # how often the short link of a unit's poster was opened, by Vietnam's calendar; kept for good
    "scans",
    metadata,
    Column("oa", Text, primary_key=True),
    Column("unit", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("number", BigInteger, nullable=False),
)

letters = Table(  # the versions of each kind's template, of which one is in use (ledger/letters/versions.py)
    "letters",
    metadata,
    Column("oa", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),  # 1: as it was shipped
    Column("source", Text, nullable=False),
    Column("form", Text),  # the parameters of the approved template (TOML)
    Column("digest", Text, nullable=False),  # domain.template_source
    Column("origin", Text, nullable=False),  # shipped | file | console | command
    Column("by", Text, nullable=False),
    Column("why", Text, nullable=False),
    _time("at", nullable=False),
    Column("approved_by", Text),
    _time("approved_at"),
    Column("refused_by", Text),
    _time("refused_at"),
    Column("refused_why", Text),
    _time("used_since"),  # only of the version in use
)
Index(
    "letters_in_use",
    letters.c.oa,
    letters.c.kind,
    unique=True,
    postgresql_include=["version"],
    postgresql_where=text("used_since IS NOT NULL"),
)  # read by every worker every few seconds: from the index alone

exports = Table(  # reports as files that a child process makes; the row and the file go after 72 hours
    "exports",
    metadata,
    _id(),
    Column("oa", Text, nullable=False),
    Column("report", Text, nullable=False),
    Column("form", Text, nullable=False),
    Column("first", Date, nullable=False),  # the period's first and last day
    Column("last", Date, nullable=False),
    Column("unit", Text),
    Column("folded", Boolean, nullable=False),
    Column("by", Text, nullable=False),
    _time("asked_at", nullable=False),
    _time("seen_at", nullable=False),  # when its process last noted its progress
    Column("rows", BigInteger, nullable=False, server_default=text("0")),  # written so far
    Column("bytes", BigInteger),
    _time("done_at"),
    Column("fault", Text),  # why there is no file
)

report_schedules = Table(  # who gets which report by mail, how often
    "report_schedules",
    metadata,
    _id(),
    Column("oa", Text, nullable=False),
    Column("report", Text, nullable=False),
    Column("pace", Text, nullable=False),  # 'daily', 'weekly' or 'monthly'
    Column("form", Text, nullable=False),
    Column("unit", Text),
    Column("receivers", ARRAY(Text), nullable=False),
    _time("added_at", nullable=False),
)

report_mails = Table(  # one row for each schedule and period, so that each is mailed once
    "report_mails",
    metadata,
    Column("schedule_id", ForeignKey("report_schedules.id", ondelete="CASCADE"), primary_key=True),
    Column("last", Date, primary_key=True),  # the period's last day
    Column("tries", Integer, nullable=False, server_default=text("0")),
    _time("next_at", nullable=False),  # when the next try is due
    _time("mailed_at"),
)

oddities = Table(  # faults in the dossier database, until the field is read well again
    "oddities",
    metadata,
    Column("oa", Text, primary_key=True),
    Column("code", Text, primary_key=True),  # of the dossier, as the ledger spells it
    Column("source_row", Text, primary_key=True),  # '': the dossier itself; or a row of its own: 'payments/7'
    Column("field", Text, primary_key=True),  # the column, as the mapping names it
    Column("why", Text, nullable=False),
    Column("mark", Text),  # of a word that the mapping does not know
    _time("since", nullable=False),
    _time("last_seen_at", nullable=False),
    Column("times", Integer, nullable=False),
)

audit = Table(  # operators' deeds on anything that is not a notice; moves of notices are in `history`
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
Index("audit_by", audit.c.by, audit.c.id)

audit_seals = Table(  # the chain that shows whether a row of the audit was changed or removed (ledger/reports/seals.py)
    "audit_seals",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),  # its place in the chain, from 1 on
    Column("audit_id", BigInteger, nullable=False),
    Column("seal", LargeBinary, nullable=False),
    UniqueConstraint("audit_id", name="audit_seals_audit_id"),
)
