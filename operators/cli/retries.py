"""`hcc retries`: what will be tried again, when, why and how often, from Redis alone: the ledger is not asked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import click

from config.settings import load
from operators.cli.bulk import COLUMNS, TABLE_ROWS, limited, tell_rest
from operators.cli.output import as_json, print_json, print_table
from operators.world import world
from worker.domain.lifecycle import State
from worker.queue.connection import open_redis
from worker.queue.schedule import Retry, Schedule

_PAGE = 1000  # entries a round trip


@click.command(short_help="Thông báo sẽ được gửi lại: khi nào, vì sao, lần thứ mấy.")
@limited
@as_json
def retries(limit: int | None, as_json: bool) -> None:
    """Liệt kê thông báo sẽ được gửi lại, sớm nhất trước; đọc từ Redis, không hỏi sổ thông báo."""
    most = limit or (None if as_json else TABLE_ROWS)
    rows, total = _scheduled(most)
    if as_json:
        print_json(rows)
    else:
        print_table(COLUMNS, rows, empty="Không có thông báo nào chờ gửi lại.")
    if most is not None and len(rows) == most:
        tell_rest(most, total)


def _scheduled(most: int | None) -> tuple[list[dict[str, Any]], int]:
    """The first `most` retries (None: all of them) and how many there are."""
    with world():
        settings = load("redis_url", "zalo_oa_id")
        with open_redis(settings.redis_url) as redis:
            schedule, oa = Schedule(redis), settings.zalo_oa_id
            total = schedule.count(oa)
            now = datetime.now(UTC)
            return [_row(retry, now) for retry in _first(schedule, oa, total if most is None else most)], total


def _first(schedule: Schedule, oa: str, most: int) -> Iterator[Retry]:
    """Page by page. One that comes in meanwhile pushes the rest down; no id is given twice all the same."""
    given: set[int] = set()
    for offset in range(0, most, _PAGE):
        page = schedule.page(oa, offset, min(_PAGE, most - offset))
        if not page:
            return
        yield from (retry for retry in page if retry.id not in given)
        given.update(retry.id for retry in page)


def _row(retry: Retry, now: datetime) -> dict[str, Any]:
    """In the shape of every list of notices; its age is counted by this machine's clock."""
    return {
        "id": retry.id,
        "event_key": retry.event_key,
        "kind": retry.kind,
        "state": State.DUE.value,
        "reason": retry.reason,
        "code": retry.code,
        "attempts": retry.attempts,
        "due_at": retry.due_at,
        "age_seconds": (now - retry.fresh_at).total_seconds(),
    }
