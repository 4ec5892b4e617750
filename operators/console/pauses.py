"""What a switch stops, in the language of a page."""

from __future__ import annotations

from ledger.notices.switches import Switch
from operators.console.words import said, word
from operators.phrasebook import word_of

_TABLES = {"kind": "kinds", "channel": "channels"}


def pause_said(language: str, switch: Switch) -> str:
    """'loại tin đã tiếp nhận', 'đơn vị H27.12', 'tất cả'."""
    table = _TABLES.get(switch.sort)
    name = said(language, word_of(table, switch.name)) if table else switch.name
    return word(language, f"switches.told.{switch.sort}", name=name)
