"""People, followers, their consent, and the staff among them."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from ledger.base.tables.columns import id_column, metadata, time_column

people = Table(
    "people",
    metadata,
    id_column(),
    Column("oa", Text, nullable=False),
    Column("phone_hash", LargeBinary, nullable=False),  # keyed, so that the table alone does not reveal numbers
    Column("phone_sealed", LargeBinary, nullable=False),  # empty once the person withdrew
    time_column("created_at", nullable=False),
    time_column("withdrawn_at"),  # no notices to this phone until somebody claims it anew
    UniqueConstraint("oa", "phone_hash", name="people_oa_phone_hash"),
)

followers = Table(
    "followers",
    metadata,
    id_column(),
    Column("oa", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("person_id", ForeignKey("people.id"), nullable=True),  # the person with this user's phone, as far as we know
    Column("follows", Boolean, nullable=False),
    Column("link_source", Text),
    time_column("linked_at"),
    time_column("last_interaction_at"),
    time_column("follow_at"),  # of the newest follow or unfollow that Zalo reported; an older one changes nothing
    time_column("synced_at"),  # when Zalo was last asked about this user
    Column("notices_off", Boolean, nullable=False, server_default="false"),  # the person said "dừng" in the chat
    time_column("switched_at"),  # of the newest "dừng" or "tiếp tục"; an older one changes nothing
    Column("ignored", Integer, nullable=False, server_default="0"),  # questions above the limit, not answered
    Column("follow_event", BigInteger),  # its place in the inbox: of two with the same time, the later place counts
    Column("switch_event", BigInteger),  # likewise for `switched_at`
    time_column("reached_at"),  # when we last learned that this user can be reached, by the ledger's clock
    time_column("told_from"),  # the phone is not proven: only notices recorded since then are told; None: all are
    time_column("unknown_at"),  # Zalo says that it does not know this user: the link had a wrong id
    UniqueConstraint("oa", "user_id", name="followers_oa_user_id"),
)
Index(
    "followers_person", followers.c.person_id, unique=True, postgresql_where=text("person_id IS NOT NULL")
)  # the newest claim of a phone wins (R29): the older one loses its person_id

phone_claims = Table(  # users who claim a phone, and how they have proved it
    "phone_claims",
    metadata,
    id_column(),
    Column("oa", Text, nullable=False),
    Column("person_id", ForeignKey("people.id"), nullable=False),
    Column("follower_id", ForeignKey("followers.id"), nullable=False),
    time_column("at", nullable=False),  # when it was first made
    Column("state", Text, nullable=False),  # open | granted | refused | closed | withdrawn
    Column("why", Text, nullable=False),
    time_column("decided_at", nullable=False),
    Column("proof", Text, nullable=False),  # domain.phone_claims.Proof
    time_column("proved_at"),
    time_column("denied_at"),  # another holder denied it: a clerk decides
    time_column("told_since"),  # when the user first had the phone: codes of dossiers told since then prove nothing
    Column("phone_sealed", LargeBinary),  # only while the person's own phone is erased
    Column("code_hash", LargeBinary),  # keyed hash of the one-time code that was sent to the phone
    time_column("code_until"),
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
    time_column("added_at", nullable=False),
    Column("news", Text),  # how often they hear of it by themselves (domain.news.Rhythm); NULL: when an operator posts
)

probe_staff = Table(  # which follower gets the probe of an OA
    "probe_staff",
    metadata,
    Column("oa", Text, primary_key=True),
    Column("follower_id", ForeignKey("followers.id"), nullable=False),
    time_column("added_at", nullable=False),
)

alarm_staff = Table(  # which followers get alarms in the chat
    "alarm_staff",
    metadata,
    Column("oa", Text, primary_key=True),
    Column("follower_id", ForeignKey("followers.id"), primary_key=True),
    time_column("added_at", nullable=False),
)

consents = Table(  # proof of who agreed and who withdrew, under a keyed hash: it outlives the erasure of the person
    "consents",
    metadata,
    id_column(),
    Column("oa", Text, nullable=False),
    Column("user_hash", LargeBinary, nullable=False),
    time_column("at", nullable=False),
    Column("word", Text, nullable=False),  # followed | unfollowed | submitted | withdrew | stopped | resumed
    time_column("recorded_at", nullable=False),
)
Index("consents_of_user", consents.c.oa, consents.c.user_hash)
