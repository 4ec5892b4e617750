"""Asking Zalo what a person has got: the conversation with the OA, newest first.

Source: Zalo, "Lấy danh sách tin nhắn trong hội thoại" (GET /v2.0/oa/conversation, at most 10 rows a call, parameters as
one JSON query parameter). Rows of the OA are told by `from_id`: what `src` says of them is not documented. Message ids
are not compared with those of send replies: recorded samples show them to differ between calls.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from worker.channels.zalo.tokens import Access
from worker.domain.settling import Row
from worker.domain.text import nfc
from worker.wire.ask import ask
from worker.wire.protocol import Call, Reply, Wire

_COUNT = 10
_PAGES = 5


@dataclass(frozen=True, slots=True)
class Shown:
    """The rows since a moment; `complete` when they reach back to it."""

    rows: list[Row]
    complete: bool


class Conversation:
    """Looks into conversations of an OA."""

    def __init__(self, wire: Wire, openapi_url: str) -> None:
        self._wire = wire
        self._url = f"{openapi_url}/v2.0/oa/conversation"

    def since(self, oa: str, access: Access, user_id: str, moment: datetime) -> Shown | None:
        """What Zalo shows since `moment`; None where it does not answer properly."""
        rows: list[Row] = []
        for page in range(_PAGES):
            found = self._page(oa, access, user_id, page * _COUNT)
            if found is None:
                return None
            rows += found
            if len(found) < _COUNT or found[-1].at < moment:
                return Shown(rows, complete=True)
        return Shown(rows, complete=False)

    def _page(self, oa: str, access: Access, user_id: str, offset: int) -> list[Row] | None:
        data = json.dumps({"user_id": user_id, "offset": offset, "count": _COUNT})
        call = Call(0, "GET", f"{self._url}?{urlencode({'data': data})}", {"access_token": access.token})
        result = ask(self._wire, call)
        if not isinstance(result, Reply) or result.status != 200:  # noqa: PLR2004 (HTTP's word for success)
            return None
        try:
            body = json.loads(result.body)
            return [_row(oa, row) for row in body["data"]] if body["error"] == 0 else None
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            return None


def _row(oa: str, row: dict[str, Any]) -> Row:
    text = row.get("message")
    return Row(
        ours=str(row["from_id"]) == oa,
        at=datetime.fromtimestamp(int(row["time"]) / 1000, UTC),
        text=nfc(text) if isinstance(text, str) else None,
        message_id=str(row["message_id"]),
    )
