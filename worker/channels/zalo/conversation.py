"""Reads from Zalo which messages a person has received: the conversation with the OA, newest first.

Source: Zalo, "Lấy danh sách tin nhắn trong hội thoại" (GET /v2.0/oa/conversation, at most 10 rows per call, parameters
as one JSON query parameter). Rows of the OA are identified by `from_id`: the meaning of `src` is not documented.
Message ids are not compared with those of send replies: in recorded samples they differ between calls.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from domain.settling import ConversationRow
from domain.text import nfc
from worker.channels.zalo.tokens import Access
from worker.wire.envelope import OK, json_object
from worker.wire.protocol import Call, Client, Reply, Result
from worker.wire.whole import date_of

PAGE_ROWS = 10  # Zalo's maximum per call


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of a conversation, newest first, and Zalo's clock (UTC; None if the response has no `Date`)."""

    rows: list[ConversationRow]
    zalo_now: datetime | None


class Conversation:
    """Reads conversations of an OA."""

    def __init__(self, client: Client, openapi_url: str) -> None:
        self._client = client
        self._url = f"{openapi_url}/v2.0/oa/conversation"

    def pages(self, oa: str, access: Access, asks: Iterable[tuple[int, str, int]]) -> Iterator[tuple[int, Page | None]]:
        """Read one page of each requested conversation (the caller's number, user id, offset), concurrently.

        Yields the number with `PAGE_ROWS` rows from the offset on, fewer at the end; None without a usable response.
        """
        calls = (self._call(access, *ask) for ask in asks)
        for call, result in self._client.exchange(calls):
            yield call.tag, _read(oa, result)

    def _call(self, access: Access, number: int, user_id: str, offset: int) -> Call:
        data = json.dumps({"user_id": user_id, "offset": offset, "count": PAGE_ROWS})
        return Call(number, "GET", f"{self._url}?{urlencode({'data': data})}", {"access_token": access.token})


def _read(oa: str, result: Result) -> Page | None:
    if not isinstance(result, Reply) or result.status != OK:
        return None
    try:
        body = json_object(result.body) or {}
        rows = [_row(oa, row) for row in body["data"]] if body["error"] == 0 else None
        return None if rows is None else Page(rows, date_of(result))
    except (ValueError, KeyError, TypeError, OverflowError):
        return None


def _row(oa: str, row: dict[str, Any]) -> ConversationRow:
    text = row.get("message")
    return ConversationRow(
        ours=str(row["from_id"]) == oa,
        at=datetime.fromtimestamp(int(row["time"]) / 1000, UTC),
        text=nfc(text) if isinstance(text, str) else None,
        message_id=str(row["message_id"]),
    )
