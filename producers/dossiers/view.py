"""What the source says at one moment of dossiers and payments: gathered from rows, asked by notices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from worker.domain.dossier import Change
from worker.domain.truth import GONE, IGNORED, NO_PAYMENT, Recorded, Said, says


@dataclass(slots=True)
class View:
    """`asked_at` is the ledger's time before the source was asked, `now` this moment; codes are spelt as in the ledger.

    `dossiers` has None for one that is there and that nobody is told about. What was asked for and is not there stands
    in `gone` and `no_payments`; what is in none of these was not asked for, or cannot be read.
    """

    asked_at: datetime
    now: datetime
    dossiers: dict[str, Change | None] = field(default_factory=dict)
    payments: dict[str, Change] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    no_payments: set[str] = field(default_factory=set)

    def see(self, changes: Iterable[Change | None], ignored: Iterable[str]) -> None:
        """Take in what was read of some rows, of the newest last."""
        self.dossiers.update(dict.fromkeys(ignored))
        for change in changes:
            if change is None:
                continue
            self.dossiers[change.dossier.code] = change
            if change.payment is not None:
                self.payments[change.payment.id] = change

    def of(self, notice: Recorded) -> Said | str | None:
        """What it says of a notice; why that is not so any more; None where nothing of it is in view."""
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
