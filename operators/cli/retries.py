"""`hcc retries`: lists the scheduled notices with due time, reason and attempts, from Redis alone (not the ledger)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from domain.lifecycle import State
from operators.cli.bulk import COLUMNS, TABLE_ROWS, in_words, limited, tell_rest
from operators.cli.context import every, named_columns, of_oa, told_of
from operators.cli.output import as_json, examples, print_json, print_table

if TYPE_CHECKING:
    from coordination.schedule import Retry, Schedule
    from worker.services.deployment import Deployment

_PAGE = 1000  # entries per round trip


@click.command(
    short_help="Thông báo đang hẹn giờ: khi nào gửi, vì sao, đã thử mấy lần.",
    epilog=examples("hcc retries", "hcc retries --limit 20 --json"),
)
@limited
@of_oa
@as_json
def retries(limit: int | None, oa: str | None, as_json: bool) -> None:
    """Liệt kê thông báo hẹn giờ (gửi lại, ban đêm, hạn mức, tạm giữ), sớm nhất trước; đọc từ Redis, không hỏi sổ."""
    from config.oas import load_oas
    from operators.world import world
    from worker.services.deployment import Deployment

    most = limit or (None if as_json else TABLE_ROWS)
    with world():
        made = Deployment(load_oas("redis_url", "zalo_oa_id"))
        rows, total = _scheduled(made, oa, most)
        columns = named_columns(made, COLUMNS)
        made.close()
    if as_json:
        print_json(rows)
    else:
        print_table(columns, rows, empty="Không có thông báo nào chờ gửi lại.")
    if most is not None and len(rows) == most:
        tell_rest(most, total)


def _scheduled(made: Deployment, oa: str | None, most: int | None) -> tuple[list[dict[str, Any]], int]:
    """The first `most` scheduled notices (None: all) of one OA or of all, soonest first, and the total number."""
    schedule, now = made.shared.schedule, datetime.now(UTC)
    rows: list[dict[str, Any]] = []
    total = 0
    for one in every(made, oa):
        number = schedule.count_ahead(one.oa)
        total += number
        found = _first(schedule, one.oa, number if most is None else most)
        rows += told_of(made, one, in_words(_row(retry, now) for retry in found))
    return sorted(rows, key=lambda row: row["due_at"])[:most], total


def _first(schedule: Schedule, oa: str, most: int) -> Iterator[Retry]:
    """Read page by page. A new entry may shift the pages meanwhile; no id is yielded twice all the same."""
    given: set[int] = set()
    for offset in range(0, most, _PAGE):
        page = schedule.page(oa, offset, min(_PAGE, most - offset))
        if not page:
            return
        yield from (retry for retry in page if retry.id not in given)
        given.update(retry.id for retry in page)


def _row(retry: Retry, now: datetime) -> dict[str, Any]:
    """A row of the same shape as in every list of notices; its age is by this machine's clock."""
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
