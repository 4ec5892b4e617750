"""Runs every check, in the order of one table, and keeps what each found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from sqlalchemy.exc import SQLAlchemyError

from config.faults import chain, in_a_line
from config.oas import load_oas
from config.settings import SettingsError
from operators.checks.fault import CheckFault
from operators.checks.guard import check_identity, check_quarantine, check_switches
from operators.checks.leaving import check_leaving
from operators.checks.ledger import check_doubts, check_ledger, check_months, check_setbacks
from operators.checks.phones import check_phones
from operators.checks.servers import check_clocks, check_disk, check_redis, check_settings, check_templates
from operators.checks.source import check_apart, check_feeds, check_oddities, check_source, check_told
from operators.checks.zalo import check_channels, check_costs, check_events, check_forms, check_token
from operators.cli.connections import check_broker, check_connections
from operators.reasons import sentence_of
from worker.services.bootstrap import Services
from worker.services.deployment import Deployment

Check = Callable[[Services], Iterator[str]]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check: what is in order, and the fault that ended it. `oa` is empty for shared checks.

    The sentence of a fault reads "what is wrong; what to do". `of_ledger`: the ledger itself failed in this check.
    """

    name: str
    passed: Sequence[str]
    fault: str | None = None
    oa: str = ""
    of_ledger: bool = False

    @property
    def ok(self) -> bool:
        return self.fault is None

    def as_json(self) -> dict[str, object]:
        says, _, cure = (self.fault or "").partition("; ")
        shown = {"name": self.name, "ok": self.ok, "says": says or "; ".join(self.passed), "cure": cure}
        return shown | ({"oa": self.oa} if self.oa else {})


def examine(stack: ExitStack) -> Iterator[CheckResult]:
    """Run every check. With several OAs: first the shared checks, once, then the others for each OA under its name.

    Once the check of the ledger has found a fault, other checks that meet it are left out: it is one fault.
    """
    broken = False
    for one in _examine_all(stack):
        if not (broken and one.of_ledger):
            yield one
        broken = broken or (one.name == LEDGER and not one.ok)


def _examine_all(stack: ExitStack) -> Iterator[CheckResult]:
    try:
        made = Deployment(load_oas())
    except SettingsError as error:
        yield from (CheckResult("cấu hình", [], fault) for fault in error.faults)
        return
    stack.callback(made.close)
    if not made.several:
        yield from (_run(name, check, next(iter(made))) for name, check in CHECKS.items())
        return
    yield from (_run(name, CHECKS[name], next(iter(made))) for name in CHECKS if name in SHARED)
    for one in made:
        oa = f"{made.names[one.oa]} (OA {one.oa})"
        yield from (_run(name, check, one, oa) for name, check in CHECKS.items() if name not in SHARED)
        yield _run("riêng biệt", partial(check_apart, made), one, oa)


def _run(name: str, check: Check, made: Services, oa: str = "") -> CheckResult:
    passed: list[str] = []
    try:
        passed.extend(check(made))  # keeps the lines yielded before a fault
    except CheckFault as fault:
        return CheckResult(name, passed, str(fault), oa)
    except Exception as error:  # noqa: BLE001 (a check that fails to run is a finding; the others still run)
        of_ledger = any(isinstance(one, SQLAlchemyError) for one in chain(error))
        told = sentence_of(error) or f"kiểm tra không chạy được ({in_a_line(error)})"
        return CheckResult(name, passed, told, oa, of_ledger=of_ledger)
    return CheckResult(name, passed, oa=oa)


LEDGER = "sổ thông báo"
CHECKS: dict[str, Check] = {
    "cấu hình": check_settings,
    LEDGER: check_ledger,
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
SHARED = frozenset({LEDGER, "kho theo tháng", "đĩa", "đồng hồ", "Redis", "hàng đợi", "kết nối", "mẫu tin"})
"""Checks of parts that all OAs share."""
