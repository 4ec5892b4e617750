"""`hcc connections`, and what `hcc doctor` says of the broker and of the number of connections."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import click

from config.connections import Deployment, most
from operators.cli.context import deployment
from operators.cli.output import as_json, print_json, print_table
from worker.bootstrap import Services
from worker.ledger.room import Room, room
from worker.queue.bell import knock
from worker.queue.connection import door, open_redis

_CORES = os.cpu_count() or 1
_COLUMNS = {"to": "đến", "most": "nhiều nhất", "room": "máy chủ cho phép", "fits": "đủ"}


@click.command(short_help="Hệ thống mở nhiều nhất bao nhiêu kết nối, máy chủ có đủ không.")
@click.option("--hosts", type=click.IntRange(1), default=1, show_default=True, help="Số máy chạy worker.")
@click.option(
    "--children", type=click.IntRange(1), default=_CORES, show_default="số lõi", help="Tiến trình con mỗi worker (-c)."
)
@as_json
def connections(hosts: int, children: int, as_json: bool) -> None:
    """Tính số kết nối nhiều nhất đến PostgreSQL, Redis và hàng đợi, so với máy chủ. Mã thoát 1 nếu không đủ."""
    with deployment("database_url", "secret_keys", "zalo_oa_id", "redis_url") as made:
        rows = _rows(next(iter(made)), Deployment(hosts, children))
    if as_json:
        print_json(rows)
    else:
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
    """A check of `hcc doctor`: for the hosts whose workers are seen, with as many children as this one has cores."""
    hosts = max(1, _ledger(made).hosts)
    rows = _rows(made, Deployment(hosts, _CORES))
    told = ", ".join(f"{row['to']} {row['most']}/{row['room'] or '?'}" for row in rows)
    words = f"{hosts} máy × {_CORES} tiến trình con mở nhiều nhất: {told}"
    lacking = [str(row["to"]) for row in rows if row["fits"] is False]
    yield f"{words}; {', '.join(lacking)} có thể không đủ: xem docs/scaling.md (PgBouncer)" if lacking else words


def _rows(made: Services, deployment: Deployment) -> list[dict[str, Any]]:
    counts = most(deployment, made.settings.broker)
    ledger, redis = _ledger(made), _redis_room(made)
    on_redis = counts.redis if made.settings.broker_url else counts.redis + counts.broker
    rows = [
        _row(
            "PostgreSQL (qua bộ gộp)" if ledger.pooled else "PostgreSQL",
            counts.ledger,
            None if ledger.pooled else ledger.most,
        ),
        _row("Redis", on_redis, redis),
    ]
    return [*rows, _row("hàng đợi", counts.broker, None)] if made.settings.broker_url else rows


def _row(to: str, number: int, most_there: int | None) -> dict[str, Any]:
    """`fits` is None where the server does not tell: RabbitMQ, a pool in front."""
    return {"to": to, "most": number, "room": most_there, "fits": None if most_there is None else number <= most_there}


def _ledger(made: Services) -> Room:
    with made.ledger.connect() as connection:
        return room(connection)


def _redis_room(made: Services) -> int | None:
    """What INFO tells since Redis 7; CONFIG is often forbidden."""
    with door("tell its room"):
        told = open_redis(made.settings.redis_url).info("clients").get("maxclients")
    return int(told) if told else None
