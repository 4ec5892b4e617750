"""`hcc doctor`: everything that can be wrong, each with what to do about it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial

import click

from config.faults import in_a_line
from config.oas import load_oas
from config.settings import SettingsError
from operators.checks.fault import Fault
from operators.checks.guard import check_identity, check_quarantine, check_switches
from operators.checks.leaving import check_leaving
from operators.checks.ledger import check_doubts, check_ledger, check_months, check_setbacks
from operators.checks.phones import check_phones
from operators.checks.servers import check_clocks, check_disk, check_redis, check_settings, check_templates
from operators.checks.source import check_apart, check_feeds, check_oddities, check_source, check_told
from operators.checks.zalo import check_channels, check_costs, check_events, check_forms, check_token
from operators.cli.connections import check_broker, check_connections
from operators.cli.output import say, tick
from operators.reasons import sentence_of
from operators.world import world
from worker.bootstrap import Services
from worker.deployment import Deployment


@click.command(short_help="Kiểm tra cấu hình, kết nối, đồng hồ, token, mẫu tin.")
def doctor() -> None:
    """Kiểm tra mọi thứ cần có để gửi được thông báo; mỗi lỗi kèm cách sửa. Mã thoát 1 nếu có lỗi."""
    with ExitStack() as stack:
        stack.enter_context(world())
        try:
            made = Deployment(load_oas())
        except SettingsError as error:
            for fault in error.faults:
                _bad("cấu hình", fault)
            sys.exit(1)
        stack.callback(made.close)
        healthy = list(_examine(made))
    if not all(healthy):
        sys.exit(1)
    say("Mọi thứ sẵn sàng.")


def _examine(made: Deployment) -> Iterator[bool]:
    """Every check; where there are several OAs, what they share first and once, then each OA under its name."""
    if not made.several:
        yield from (_run(name, check, next(iter(made))) for name, check in CHECKS.items())
        return
    yield from (_run(name, CHECKS[name], next(iter(made))) for name in CHECKS if name in SHARED)
    for one in made:
        say(f"{made.names[one.oa]} (OA {one.oa})")
        yield from (_run(name, check, one) for name, check in CHECKS.items() if name not in SHARED)
        yield _run("riêng biệt", partial(check_apart, made), one)


def _run(name: str, check: Callable[[Services], Iterator[str]], made: Services) -> bool:
    try:
        for found in check(made):
            tick(True, f"{name}: {found}")
    except Fault as fault:
        _bad(name, str(fault))
        return False
    except Exception as error:  # noqa: BLE001 (a check that breaks is a finding, and the others still run)
        _bad(name, sentence_of(error) or f"kiểm tra không chạy được ({in_a_line(error)})")
        return False
    return True


def _bad(name: str, what: str) -> None:
    tick(False, f"{name}: {what}")


CHECKS: dict[str, Callable[[Services], Iterator[str]]] = {
    "cấu hình": check_settings,
    "sổ thông báo": check_ledger,
    "sổ lùi lại": check_setbacks,
    "kho theo tháng": check_months,
    "đĩa": check_disk,
    "đồng hồ": check_clocks,
    "Redis": check_redis,
    "hàng đợi": check_broker,
    "kết nối": check_connections,
    "CSDL hồ sơ": check_source,
    "vẫn CSDL ấy": check_identity,
    "các luồng": check_feeds,
    "tạm giữ": check_quarantine,
    "công tắc": check_switches,
    "dữ liệu nguồn": check_oddities,
    "đã báo": check_told,
    "token Zalo": check_token,
    "kênh": check_channels,
    "mẫu Zalo": check_forms,
    "đang gửi": check_leaving,
    "chưa rõ đã đến": check_doubts,
    "chi phí": check_costs,
    "sự kiện Zalo": check_events,
    "số điện thoại": check_phones,
    "mẫu tin": check_templates,
}
SHARED = frozenset({"sổ thông báo", "kho theo tháng", "đĩa", "đồng hồ", "Redis", "hàng đợi", "kết nối", "mẫu tin"})
"""Checks of what all OAs have in common."""
