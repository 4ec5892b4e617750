"""The ledger's tables. Times are `timestamptz` (UTC); Zalo ids are text; phones are sealed and found by hash.

The migrations create the tables; the code reads this package, and `test_migrations` compares the two.
"""

from ledger.base.tables import letters, notices, operations, people, reports, source, zalo
from ledger.base.tables.columns import metadata

__all__ = ["letters", "metadata", "notices", "operations", "people", "reports", "source", "zalo"]
