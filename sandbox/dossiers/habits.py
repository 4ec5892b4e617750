"""The behaviour of a province: when people file, how many dossiers, and how often a dossier takes an unusual path.

The figures are informed guesses (no province publishes them); they only have to exercise every path.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

HOURS: dict[int, int] = {
    6: 1, 7: 6, 8: 15, 9: 14, 10: 8, 11: 5, 12: 3, 13: 6, 14: 14, 15: 12, 16: 6, 17: 3,
    18: 1, 19: 2, 20: 2, 21: 1, 22: 1,
}  # fmt: skip
"""Shares of a day's filings, in hundredths: 8–10 and 14–16 o'clock hold more than half."""

WEEKDAYS = (1.4, 1.0, 1.0, 1.0, 1.0, 0.3, 0.2)
"""Relative numbers of filings, Monday first: Monday also gets the filings postponed over the weekend."""


@dataclass(frozen=True, slots=True)
class Habits:
    """Probabilities of the turns in a dossier's life (0–1), rates, and `haste`, the divisor of waiting times."""

    per_day: float = 3_000
    haste: float = 1.0

    online: float = 0.6
    typing_error: float = 0.03  # in a phone field
    certified: float = 0.3  # chứng thực: 2 → 9 → 10 within minutes
    fee_first: float = 0.05  # thu trước, before acceptance
    fee: float = 0.3
    refused: float = 0.03
    deleted: float = 0.01
    skips_2: float = 0.1
    supplement: float = 0.08
    obligation: float = 0.04
    stopped: float = 0.02
    withdrawn: float = 0.02
    unconfirmed: float = 0.05  # status 9, waiting for confirmation
    given_back: float = 0.03
    reversed: float = 0.03
    bulk_closed: float = 0.2

    without_history: float = 0.04  # share of a writer's steps
    without_any_trace: float = 0.04
    late: float = 0.04  # a step whose transaction stays open for a while

    night_touches: int = 50_000  # rows whose change time the nightly job updates
    imported: int = 50  # old dossiers from another system, once a week

    def filings(self, hour: datetime) -> float:
        """The average number of dossiers filed in the hour that begins at `hour`."""
        share = HOURS.get(hour.hour, 0) / sum(HOURS.values())
        return self.per_day * share * WEEKDAYS[hour.weekday()]
