"""Which page of docs/runbooks says what to do about an alarm."""

from __future__ import annotations

from collections.abc import Mapping

from domain.alarm import AlarmCause

RUNBOOKS: Mapping[AlarmCause, str] = {
    AlarmCause.DUE: "stopped",
    AlarmCause.SOURCE: "stopped",
    AlarmCause.EVENTS: "processes",
    AlarmCause.FEED: "source",
    AlarmCause.DOUBTS: "stopped",
    AlarmCause.LEDGER: "ledger",
    AlarmCause.REDIS: "redis",
    AlarmCause.BROKER: "redis",
    AlarmCause.TOKEN: "grant",
    AlarmCause.GUARD: "flood",
    AlarmCause.IDENTITY: "source",
    AlarmCause.TEMPLATE: "template",
}
"""Every cause but that of a test alarm."""


def runbook(cause: str) -> str | None:
    """The page for the cause of a stored alarm ("feed:history"); None for a test."""
    word = cause.partition(":")[0]
    name = next((page for known, page in RUNBOOKS.items() if known == word), None)
    return f"docs/runbooks/{name}.md" if name else None
