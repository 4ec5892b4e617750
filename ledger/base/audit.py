"""Records operators' deeds and the fate of phone claims, each with a name and a reason (R38).

Moves of notices are in their history.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

from ledger.base.arrays import column


def audit(tx: Connection, oa: str, verb: str, subject: str, *, by: str, why: str) -> None:
    """Record one deed; `subject` never holds personal data."""
    audit_all(tx, oa, [(verb, subject, why)], by=by)


def audit_all(tx: Connection, oa: str, deeds: Sequence[tuple[str, str, str]], *, by: str) -> None:
    """Record deeds in their order: (verb, subject, why). A subject never holds personal data."""
    if not deeds:
        return
    verbs, subjects, whys = (column(values) for values in zip(*deeds, strict=True))
    tx.execute(
        text("""
            INSERT INTO audit (at, oa, verb, subject, by, why)
            SELECT clock_timestamp(), :oa, verb, subject, :by, why FROM unnest(
                CAST(:verbs AS text[]), CAST(:subjects AS text[]), CAST(:whys AS text[])) AS w (verb, subject, why)"""),
        {"oa": oa, "by": by, "verbs": verbs, "subjects": subjects, "whys": whys},
    )
