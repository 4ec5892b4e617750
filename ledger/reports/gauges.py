"""Numbers of this moment for Prometheus: bounded counts by index, and the last minutes of the roll-ups."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from domain.delays import added
from domain.settling import GIVE_UP
from domain.tally_causes import CAUSES, OTHER, tally_cause
from ledger.notices.sweep_queries import DOUBTED_AT
from ledger.notices.uncertain import LEFT
from ledger.reports.reports import LIVE_STATES

MOST = 100_000
"""Counts by state stop at one more than this."""

MOST_DEAD = 10_000

_OF_STATE = f"SELECT FROM notices WHERE oa = :oa AND state = '{{state}}' LIMIT {MOST + 1}"
_COUNTS = ", ".join(
    f"(SELECT count(*) FROM ({_OF_STATE.format(state=state)}) AS n) AS {state}" for state in LIVE_STATES
)


def counts(tx: Connection, oa: str) -> Mapping[str, int]:
    """How many notices are in each live state, up to `MOST` + 1, each by its index."""
    return dict(tx.execute(text(f"SELECT {_COUNTS}"), {"oa": oa}).mappings().one())


_UNCERTAIN_LEFT = f"""
SELECT count(*) FROM (
    SELECT FROM notices n WHERE n.oa = :oa AND n.state = 'uncertain'
      AND (n.reason = :left OR {DOUBTED_AT} < clock_timestamp() - make_interval(secs => {GIVE_UP}))
    LIMIT {MOST_DEAD + 1}) AS n
"""


def uncertain_left(tx: Connection, oa: str) -> int:
    """How many notices in doubt only an operator can end: left to one, or in doubt for more than an hour."""
    return int(tx.execute(text(_UNCERTAIN_LEFT), {"oa": oa, "left": LEFT}).scalar_one())


_DEAD = f"""
SELECT reason, count(*) AS number FROM (
    SELECT reason FROM notices WHERE oa = :oa AND state = 'dead' ORDER BY id DESC LIMIT {MOST_DEAD + 1}) AS n
GROUP BY reason
"""


def dead_causes(tx: Connection, oa: str) -> Counter[str]:
    """Dead notices by tally cause, every cause included: a series that begins at 0 shows its first rise."""
    counted = Counter(dict.fromkeys(CAUSES, 0))
    for row in tx.execute(text(_DEAD), {"oa": oa}):
        counted[tally_cause("dead", row.reason, nobody=False) or OTHER] += int(row.number)
    return counted


@dataclass(frozen=True, slots=True)
class Lately:
    """Attempts of five minutes: numbers by (channel, outcome, code), and the delays of the sent (`domain.delays`)."""

    outcomes: Mapping[tuple[str, str, int | None], int]
    delays: Sequence[int]


# The minute before this one may not be counted wholly yet: a recount is due every minute. No index serves a comparison
# with clock_timestamp(), which moves within a statement.
_LATELY = """
SELECT channel, outcome, code, number, delays FROM tally_minute
WHERE oa = :oa AND at >= date_trunc('minute', statement_timestamp()) - interval '6 minutes'
  AND at < date_trunc('minute', statement_timestamp()) - interval '1 minute'
"""


def lately(tx: Connection, oa: str) -> Lately:
    """The last five minutes of attempts that are wholly counted."""
    outcomes: Counter[tuple[str, str, int | None]] = Counter()
    delays = []
    for row in tx.execute(text(_LATELY), {"oa": oa}):
        outcomes[row.channel, row.outcome, row.code] += int(row.number)
        delays.append([int(number) for number in row.delays])
    return Lately(outcomes, added(delays))
