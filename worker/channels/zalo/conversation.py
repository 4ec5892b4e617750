"""Asking Zalo what a person has got: the conversation with the OA, newest first.

Source: Zalo, "Lấy danh sách tin nhắn trong hội thoại" (GET /v2.0/oa/conversation, at most 10 rows a call, parameters as
one JSON query parameter). Rows of the OA are told by `from_id`: what `src` says of them is not documented. Message ids
are not compared with those of send replies: recorded samples show them to differ between calls.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from worker.channels.zalo.tokens import Access
from worker.domain.settling import Row
from worker.domain.text import nfc
from worker.wire.ask import ask
from worker.wire.protocol import Call, Reply, Wire

PAGE_ROWS = 10  # Zalo gives no more a call


class Conversation:
    """Looks into conversations of an OA."""

    def __init__(self, wire: Wire, openapi_url: str) -> None:
        self._wire = wire
        self._url = f"{openapi_url}/v2.0/oa/conversation"

    def page(self, oa: str, access: Access, user_id: str, offset: int) -> list[Row] | None:
        """`PAGE_ROWS` rows from `offset` on, fewer at the end; None where Zalo does not answer properly."""
        data = json.dumps({"user_id": user_id, "offset": offset, "count": PAGE_ROWS})
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
