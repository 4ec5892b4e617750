"""What operators do is written down with a name and a why (R38); moves of notices stand in their history."""

from __future__ import annotations

from sqlalchemy import Connection, text


def audit(tx: Connection, oa: str, verb: str, subject: str, *, by: str, why: str) -> None:
    """Record one deed; `subject` never holds personal data."""
    tx.execute(
        text("""
            INSERT INTO audit (at, oa, verb, subject, by, why)
            VALUES (clock_timestamp(), :oa, :verb, :subject, :by, :why)"""),
        {"oa": oa, "verb": verb, "subject": subject, "by": by, "why": why},
    )
