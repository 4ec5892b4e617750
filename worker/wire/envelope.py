"""What a response is before anybody reads its fields: HTTP's success, and a JSON object."""

from __future__ import annotations

import json
from typing import Any, Final

from pydantic_core import from_json

OK: Final = 200


def json_object(body: bytes) -> dict[str, Any] | None:
    """The JSON object in `body`; None for anything else, whatever the bytes are."""
    try:
        parsed = from_json(body)
    except ValueError:
        parsed = _read_patiently(body)
    return parsed if isinstance(parsed, dict) else None


def _read_patiently(body: bytes) -> object:
    """Parse JSON that the fast parser refuses but a slower one accepts: lone surrogates, another encoding."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):  # not JSON, not text, a number of a million digits; nesting too deep
        return None
