"""What is known of the dossier databases: cursors, last seen states, faults."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Integer, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from ledger.base.tables.columns import metadata, time_column

cursors = Table(
    "cursors",
    metadata,
    Column("oa", Text, primary_key=True),
    Column("feed", Text, primary_key=True),
    Column("position", JSONB, nullable=False),
    Column("version", BigInteger, nullable=False),
    time_column("polled_at", nullable=False),
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

sources = Table(  # which database an OA's cursors belong to, and whether its first start is over
    "sources",
    metadata,
    Column("oa", Text, primary_key=True),
    Column("identity", JSONB),
    time_column("noted_at"),
    Column("strange", JSONB),  # another database that was found there, and is not read
    time_column("strange_at"),
    Column("as_baseline", Boolean, nullable=False, server_default="false"),  # adopted: present events are not told
    time_column("started_at"),  # of a first start; None where the feeds had been read before this column existed
    time_column("settled_at"),  # when every feed had been read to its end once
    Column("read", ARRAY(Text), nullable=False, server_default="{}"),  # the feeds read to their end, until then
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
    time_column("since", nullable=False),
    time_column("last_seen_at", nullable=False),
    Column("times", Integer, nullable=False),
)
