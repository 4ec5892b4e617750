"""Reads the keys of a row: the id and the time by which feeds advance, and the key that becomes part of event keys."""

from __future__ import annotations

import re
from collections.abc import Mapping as Table
from datetime import datetime
from hashlib import sha256
from typing import Any

from domain.cells import as_text, whole
from domain.kinds.fees import BY_STATUS
from domain.moments import read_local
from domain.text import nfc
from producers.dossiers.faults import RowError

_LONGEST_KEY = 64  # characters; a longer key of a row is hashed before it becomes part of an event key
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def row_id(row: Table[str, Any]) -> int:
    """The id by which a feed advances. Raises `RowError` if it is not a whole number: then the mapping is wrong."""
    try:
        return whole(row["id"])
    except ValueError as error:
        raise RowError("id", str(error)) from None


def row_key(row: Table[str, Any]) -> str:
    """The key of a row, of any type, in the form used in event keys: '7', a GUID in lower case, a short text.

    A key that would be ambiguous there (a long text, '*', '/', the prefix of a fee by status) is hashed.
    """
    value = row["id"]
    text = (as_text(value) or "").strip()
    try:
        return str(whole(value))
    except ValueError:
        pass
    if _is_guid(text):
        return text.strip("{}").lower()
    if 0 < len(text) <= _LONGEST_KEY and text.isprintable() and not set("*/") & set(text) and text[:2] != BY_STATUS:
        return nfc(text)
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def source_time(row: Table[str, Any]) -> datetime | None:
    """When the row was changed, in the source's own clock, because it is passed back to it; None if unreadable."""
    try:
        return read_local(row["changed_at"])
    except (ValueError, OverflowError):
        return None


def _is_guid(text: str) -> bool:
    return _GUID.fullmatch(text.strip("{}")) is not None
