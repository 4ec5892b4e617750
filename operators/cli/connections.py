"""`hcc connections`, and what `hcc doctor` says of the broker and of the number of connections."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import click

from config.connections import Deployment, ProcessCounts, most, planned
from operators.cli.context import deployment
from operators.cli.output import as_json, print_json, print_table, say
from worker.bootstrap import Services
from worker.ledger.room import Room, room
from worker.queue.bell import knock
from worker.queue.connection import door, open_redis
from worker.queue.processes import BEAT, CHILD, WEB, ProcessBoard

_CORES = os.cpu_count() or 1
_COLUMNS = {"to": "đến", "open": "đang mở", "most": "nhiều nhất", "room": "máy chủ cho phép", "fits": "đủ"}


@click.command(short_help="Hệ thống mở nhiều nhất bao nhiêu kết nối, máy chủ có đủ không.")
@click.option("--hosts", type=click.IntRange(1), help="Dự tính cho từng này máy chạy worker, không đếm cái đang chạy.")
@click.option("--children", type=click.IntRange(1), help="Dự tính: tiến trình con mỗi worker (-c); mặc định: số lõi.")
@as_json
def connections(hosts: int | None, children: int | None, as_json: bool) -> None:
    """Kết nối đang mở và nhiều nhất của các tiến trình đang chạy (hoặc dự tính), so với máy chủ. Mã thoát 1: thiếu."""
    with deployment("database_url", "secret_keys", "zalo_oa_id", "redis_url") as made:
        one = next(iter(made))
        counted = None if hosts or children else running(one)
        run = counted or planned(Deployment(hosts or 1, children or _CORES))
        rows = _rows(one, run)
    if as_json:
        print_json(rows)
    else:
        say(f"{'Đang chạy' if counted else 'Dự tính'}: {_told(run)}.")
        shown = {None: "không rõ", True: "có", False: "KHÔNG"}
        print_table(_COLUMNS, [row | {"fits": shown[row["fits"]]} for row in rows], empty="")
    if any(row["fits"] is False for row in rows):
        raise click.exceptions.Exit(1)


def check_broker(made: Services) -> Iterator[str]:
    """A check of `hcc doctor`: Redis may answer while the broker does not, and the other way round."""
    knock(made.settings)
    scheme = urlsplit(made.settings.broker).scheme
    yield f"kết nối được ({scheme}{'' if made.settings.broker_url else ', cùng Redis'})"


def check_connections(made: Services) -> Iterator[str]:
    """A check of `hcc doctor`: for what runs; where nothing does, for one worker with a child a core of this host."""
    counted = running(made)
    rows = _rows(made, counted or planned(Deployment(1, _CORES)))
    told = ", ".join(f"{row['to']} {row['most']}/{row['room'] or '?'}" for row in rows)
    words = f"{_told(counted) if counted else f'1 máy × {_CORES} tiến trình con'} mở nhiều nhất: {told}"
    lacking = [str(row["to"]) for row in rows if row["fits"] is False]
    yield f"{words}; {', '.join(lacking)} có thể không đủ: xem docs/scaling.md (PgBouncer)" if lacking else words


def running(made: Services) -> ProcessCounts | None:
    """What runs, as the processes say themselves; None where no worker does."""
    found = ProcessBoard(made.shared.redis).running()
    children = [process for process in found if process.role == CHILD]
    workers = {(process.host, process.parent) for process in children}
    beats, webs = (sum(process.role == role for process in found) for role in (BEAT, WEB))
    return ProcessCounts(len(workers), len(children), beats, webs) if children else None


def _told(run: ProcessCounts) -> str:
    return f"{run.workers} worker, {run.children} tiến trình con, {run.beats} beat, {run.webs} web"


def _rows(made: Services, run: ProcessCounts) -> list[dict[str, Any]]:
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
    """`fits` is None where the server does not tell (RabbitMQ, a pool in front); `others` have some open, too."""
    fits = None if room_there is None else number + others <= room_there
    return {"to": to, "open": now, "most": number, "room": room_there, "fits": fits}


def _ledger(made: Services) -> Room:
    with made.ledger.connect() as connection:
        return room(connection)


def _redis_room(made: Services) -> tuple[int | None, int]:
    """What INFO tells (since Redis 7), and the connections that are open, whoever's; CONFIG is often forbidden."""
    with door("tell its room"):
        told = open_redis(made.settings.redis_url).info("clients")
    room_there = told.get("maxclients")
    return int(room_there) if room_there else None, int(told["connected_clients"])
