"""What operators and workers do beyond single notices: switches, acts, the audit, alarms, keys, units, spending."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from ledger.base.tables.columns import id_column, metadata, time_column

alarms = Table(  # one row per cause that a person must hear of, with its end (ledger/reports/alarms.py)
    "alarms",
    metadata,
    id_column(),
    Column("oa", Text, nullable=False),  # "": all OAs
    Column("cause", Text, nullable=False),
    Column("says", Text, nullable=False),  # the text for an operator
    time_column("began_at", nullable=False),
    time_column("ended_at"),
    time_column("mailed_at"),
    time_column("end_mailed_at"),
)
Index("alarms_open", alarms.c.oa, alarms.c.cause, unique=True, postgresql_where=text("ended_at IS NULL"))
Index("alarms_to_mail", alarms.c.id, postgresql_where=text("end_mailed_at IS NULL"))

spending = Table(  # the cost of a channel on a day of Vietnam's calendar: reserved before sending, corrected after
    "spending",
    metadata,
    Column("oa", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("day", Date, primary_key=True),
    Column("messages", Integer, nullable=False),
    Column("dong", BigInteger, nullable=False),
)

setbacks = Table(  # when the ledger itself lost commits: noticed by itself, or reported by an operator after a restore
    "setbacks",
    metadata,
    id_column(),
    Column("sort", Text, nullable=False),  # noticed | restored
    time_column("since", nullable=False),  # commits from here on may be lost …
    time_column("until", nullable=False),  # … up to here
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

switches = Table(  # active switches (ledger/notices/switches.py); the audit has the ended ones
    "switches",
    metadata,
    id_column(),
    Column("oa", Text, nullable=False),  # "*": all OAs
    Column("sort", Text, nullable=False),  # kind | channel | unit | oa | all
    Column("name", Text, nullable=False),
    time_column("since", nullable=False),
    time_column("until"),
    Column("by", Text, nullable=False),
    Column("why", Text, nullable=False),
    time_column("ended_at"),  # it stops nothing any more; its notices get their time back
    Column("renewed_to", BigInteger, nullable=False, server_default="0"),  # … up to this id
    Column("units", ARRAY(Text)),  # of the sort `unit`: the codes that it means (ledger/base/units.py)
    Column("held", BigInteger),  # notices that it held back when they were last counted (ledger/notices/held_counts.py)
    time_column("held_at"),
    UniqueConstraint("oa", "sort", "name", name="switches_of"),
)

acts = Table(  # operators' acts on many notices: progress, and who stopped them (ledger/reports/acts.py)
    "acts",
    metadata,
    id_column(),
    Column("oa", Text, nullable=False),
    Column("verb", Text, nullable=False),
    Column("filter", JSONB, nullable=False),
    Column("by", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("done", BigInteger, nullable=False, server_default="0"),
    Column("last_id", BigInteger, nullable=False, server_default="0"),
    time_column("since", nullable=False),
    time_column("touched_at", nullable=False),
    time_column("until"),
    time_column("stopped_at"),
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

audit = Table(  # operators' deeds on anything that is not a notice; moves of notices are in `history`
    "audit",
    metadata,
    id_column(),
    time_column("at", nullable=False),
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
