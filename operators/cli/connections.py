"""`hcc connections`, and the checks of `hcc doctor` for the broker and the number of connections."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from operators.cli.context import deployment
from operators.cli.exits import ExitCode
from operators.cli.output import as_json, examples, print_json, print_table, say

if TYPE_CHECKING:
    from config.connections import ProcessCounts
    from ledger.base.capacity import Room
    from worker.services.bootstrap import Services

_CORES = os.cpu_count() or 1
_COLUMNS = {"to": "đến", "open": "đang mở", "most": "nhiều nhất", "room": "máy chủ cho phép", "fits": "đủ"}


@click.command(
    short_help="Hệ thống mở nhiều nhất bao nhiêu kết nối, máy chủ có đủ không.",
    epilog=examples("hcc connections", "hcc connections --hosts 4 --children 8 --json"),
)
@click.option(
    "--hosts",
    type=click.IntRange(1),
    metavar="SỐ",
    help="Dự tính cho từng này máy chạy worker, không đếm cái đang chạy.",
)
@click.option(
    "--children",
    type=click.IntRange(1),
    metavar="SỐ",
    help="Dự tính: tiến trình con mỗi worker (-c); mặc định: số lõi.",
)
@as_json
def connections(hosts: int | None, children: int | None, as_json: bool) -> None:
    """Kết nối đang mở và nhiều nhất của các tiến trình đang chạy (hoặc dự tính), so với máy chủ. Mã thoát 1: thiếu."""
    from config.connections import ProcessPlan, planned

    with deployment("database_url", "secret_keys", "zalo_oa_id", "redis_url") as made:
        one = next(iter(made))
        counted = None if hosts or children else running(one)
        run = counted or planned(ProcessPlan(hosts or 1, children or _CORES))
        rows = _rows(one, run)
    if as_json:
        print_json(rows)
    else:
        say(f"{'Đang chạy' if counted else 'Dự tính'}: {_told(run)}.")
        shown = {None: "không rõ", True: "có", False: "KHÔNG"}
        print_table(_COLUMNS, [row | {"fits": shown[row["fits"]]} for row in rows], empty="")
    if any(row["fits"] is False for row in rows):
        raise click.exceptions.Exit(ExitCode.FAULT)


def check_broker(made: Services) -> Iterator[str]:
    """A check of `hcc doctor`: the broker may fail while Redis answers, and the other way round."""
    from coordination.bell import knock

    knock(made.settings)
    scheme = urlsplit(made.settings.broker).scheme
    yield f"kết nối được ({scheme}{'' if made.settings.broker_url else ', cùng Redis'})"


def check_connections(made: Services) -> Iterator[str]:
    """A check of `hcc doctor`: for the running processes, else for one worker with one child per core of this host."""
    from config.connections import ProcessPlan, planned

    counted = running(made)
    rows = _rows(made, counted or planned(ProcessPlan(1, _CORES)))
    told = ", ".join(f"{row['to']} {row['most']}/{row['room'] or '?'}" for row in rows)
    words = f"{_told(counted) if counted else f'1 máy × {_CORES} tiến trình con'} mở nhiều nhất: {told}"
    lacking = [str(row["to"]) for row in rows if row["fits"] is False]
    yield f"{words}; {', '.join(lacking)} có thể không đủ: xem docs/scaling.md (PgBouncer)" if lacking else words


def running(made: Services) -> ProcessCounts | None:
    """The running processes, as they announce themselves; None if no worker runs."""
    from config.connections import ProcessCounts
    from coordination.processes import BEAT, CHILD, CONSOLE, WEB, ProcessBoard

    found = ProcessBoard(made.shared.redis).running()
    children = [process for process in found if process.role == CHILD]
    workers = {(process.host, process.parent) for process in children}
    beside = (sum(process.role == role for process in found) for role in (BEAT, WEB, CONSOLE))
    return ProcessCounts(len(workers), len(children), *beside) if children else None


def _told(run: ProcessCounts) -> str:
    workers = f"{run.workers} worker, {run.children} tiến trình con"
    return f"{workers}, {run.beats} beat, {run.webs} web, {run.consoles} console"


def _rows(made: Services, run: ProcessCounts) -> list[dict[str, Any]]:
    from config.connections import most

    counts = most(run, made.settings.broker)
    ledger, (redis, redis_open) = _ledger(made), _redis_room(made)
    on_redis = counts.redis if made.settings.broker_url else counts.redis + counts.broker
    rows = [
        _row(
            "PostgreSQL (qua bộ gộp)" if ledger.pooled else "PostgreSQL",
            ledger.ours,
            counts.ledger,
            None if ledger.pooled else ledger.most,
            others=ledger.others,
        ),
        _row("Redis", redis_open, on_redis, redis),
    ]
    return [*rows, _row("hàng đợi", None, counts.broker, None)] if made.settings.broker_url else rows


def _row(to: str, now: int | None, number: int, room_there: int | None, others: int = 0) -> dict[str, Any]:
    """`fits` is None if the server's limit is unknown (RabbitMQ, a pool in front).

    `others` are the connections of other programs, which count against the same limit.
    """
    fits = None if room_there is None else number + others <= room_there
    return {"to": to, "open": now, "most": number, "room": room_there, "fits": fits}


def _ledger(made: Services) -> Room:
    from ledger.base.capacity import room

    with made.ledger.connect() as connection:
        return room(connection)


def _redis_room(made: Services) -> tuple[int | None, int]:
    """The limit of clients (in INFO since Redis 7, else None), and the open connections of all programs.

    CONFIG would have the limit, but is often forbidden.
    """
    from coordination.connection import open_redis, redis_errors

    with redis_errors("tell its room"):
        told = open_redis(made.settings.redis_url).info("clients")
    room_there = told.get("maxclients")
    return int(room_there) if room_there else None, int(told["connected_clients"])
