"""Phrases for the codes of attempts, for pages that show a code without the reason that is stored with it."""

from __future__ import annotations

from operators.phrasebook.book import Phrase, phrase
from worker.channels import CHANNELS


def phrase_of_code(channel: str, code: int) -> Phrase | None:
    """The phrase for a code that a channel answered; None for success, and for a channel without codes."""
    row = CHANNELS.get(channel)
    return phrase(row.reason_of(code)) if code and row and row.reason_of else None
