"""Asking Zalo what a person has got: the conversation with the OA, newest first.

Source: Zalo, "Lấy danh sách tin nhắn trong hội thoại" (GET /v2.0/oa/conversation, at most 10 rows a call, parameters as
one JSON query parameter). Rows of the OA are told by `from_id`: what `src` says of them is not documented. Message ids
are not compared with those of send replies: recorded samples show them to differ between calls.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from worker.channels.zalo.tokens import Access
from worker.domain.settling import Row
from worker.domain.text import nfc
from worker.wire.protocol import Call, Reply, Result, Wire
from worker.wire.whole import date_of

PAGE_ROWS = 10  # Zalo gives no more a call


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of a conversation, newest first, and what Zalo's clock says (UTC; None where the answer has no `Date`)."""

    rows: list[Row]
    zalo_now: datetime | None


class Conversation:
    """Looks into conversations of an OA."""

    def __init__(self, wire: Wire, openapi_url: str) -> None:
        self._wire = wire
        self._url = f"{openapi_url}/v2.0/oa/conversation"

    def pages(self, oa: str, access: Access, asks: Iterable[tuple[int, str, int]]) -> Iterator[tuple[int, Page | None]]:
        """A page of each conversation that is asked for (a number of the caller's, user id, offset), all at once.

        With the number: `PAGE_ROWS` rows from the offset on, fewer at the end; None where Zalo does not answer well.
        """
        calls = (self._call(access, *ask) for ask in asks)
        for call, result in self._wire.exchange(calls):
            yield call.tag, _read(oa, result)

    def _call(self, access: Access, number: int, user_id: str, offset: int) -> Call:
        data = json.dumps({"user_id": user_id, "offset": offset, "count": PAGE_ROWS})
        return Call(number, "GET", f"{self._url}?{urlencode({'data': data})}", {"access_token": access.token})


def _read(oa: str, result: Result) -> Page | None:
    if not isinstance(result, Reply) or result.status != 200:  # noqa: PLR2004 (HTTP's word for success)
        return None
    try:
        body = json.loads(result.body)
        rows = [_row(oa, row) for row in body["data"]] if body["error"] == 0 else None
        return None if rows is None else Page(rows, date_of(result))
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
