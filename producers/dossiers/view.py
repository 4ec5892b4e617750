"""A view of the source's dossiers and payments at one moment: filled from rows, looked up by notice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from domain.dossier import Change
from domain.truth import GONE, IGNORED, NO_PAYMENT, Recorded, Said, says


@dataclass(slots=True)
class View:
    """`asked_at` is the ledger's time before the query, `now` the current time; codes are in the ledger's spelling.

    `dossiers` has None for a dossier that exists and that nobody is told about. `gone` and `no_payments` hold what was
    queried and does not exist. What is in none of these was not queried, or cannot be read.
    """

    asked_at: datetime
    now: datetime
    dossiers: dict[str, Change | None] = field(default_factory=dict)
    payments: dict[str, Change] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    no_payments: set[str] = field(default_factory=set)

    def see(self, changes: Iterable[Change | None], ignored: Iterable[str]) -> None:
        """Add the changes read from some rows; the newest must be added last."""
        self.dossiers.update(dict.fromkeys(ignored))
        for change in changes:
            if change is None:
                continue
            self.dossiers[change.dossier.code] = change
            if change.payment is not None:
                self.payments[change.payment.id] = change

    def of(self, notice: Recorded) -> Said | str | None:
        """The source's facts for a notice, or why it is no longer true; None if the view does not cover it."""
        if notice.code in self.gone:
            return GONE
        if notice.payment in self.no_payments:
            return NO_PAYMENT
        if notice.code not in self.dossiers:
            return None
        standing = self.dossiers[notice.code]
        if standing is None:
            return IGNORED
        payment = self.payments.get(notice.payment) if notice.payment else None
        if payment is not None and payment.dossier.code != notice.code:
            return NO_PAYMENT
        return says(notice, payment or standing, self.now)
