"""Roll-ups, scans, exports and reports by mail."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Date, ForeignKey, Index, Integer, Table, Text, text
from sqlalchemy.dialects.postgresql import ARRAY

from ledger.base.tables.columns import id_column, metadata, time_column

# Roll-ups (ledger/reports/tallies.py): recomputed from notices and attempts, never counted by the hot path.
tally_minute = Table(  # attempts by minute, for plots of a day; kept for 8 days
    "tally_minute",
    metadata,
    Column("oa", Text, nullable=False),
    time_column("at", nullable=False),  # the beginning of the minute
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
    time_column("began_at", nullable=False),
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

exports = Table(  # reports as files that a child process makes; the row and the file go after 72 hours
    "exports",
    metadata,
    id_column(),
    Column("oa", Text, nullable=False),
    Column("report", Text, nullable=False),
    Column("form", Text, nullable=False),
    Column("first", Date, nullable=False),  # the period's first and last day
    Column("last", Date, nullable=False),
    Column("unit", Text),
    Column("folded", Boolean, nullable=False),
    Column("by", Text, nullable=False),
    time_column("asked_at", nullable=False),
    time_column("seen_at", nullable=False),  # when its process last noted its progress
    Column("rows", BigInteger, nullable=False, server_default=text("0")),  # written so far
    Column("bytes", BigInteger),
    time_column("done_at"),
    Column("fault", Text),  # why there is no file
)

report_schedules = Table(  # who gets which report by mail, how often
    "report_schedules",
    metadata,
    id_column(),
    Column("oa", Text, nullable=False),
    Column("report", Text, nullable=False),
    Column("pace", Text, nullable=False),  # 'daily', 'weekly' or 'monthly'
    Column("form", Text, nullable=False),
    Column("unit", Text),
    Column("receivers", ARRAY(Text), nullable=False),
    time_column("added_at", nullable=False),
)

report_mails = Table(  # one row for each schedule and period, so that each is mailed once
    "report_mails",
    metadata,
    Column("schedule_id", ForeignKey("report_schedules.id", ondelete="CASCADE"), primary_key=True),
    Column("last", Date, primary_key=True),  # the period's last day
    Column("tries", Integer, nullable=False, server_default=text("0")),
    time_column("next_at", nullable=False),  # when the next try is due
    time_column("mailed_at"),
)
