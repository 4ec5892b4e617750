"""The checklist of a new install: those of `hcc doctor`'s checks that ask nobody outside."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from operators.checks.fault import CheckFault
from operators.checks.guard import check_identity
from operators.checks.ledger import check_months
from operators.checks.servers import check_redis, check_settings, check_templates
from operators.checks.source import check_feeds
from operators.reasons import sentence_of
from worker.services.bootstrap import Services

_CHECKS: Mapping[str, Callable[[Services], Iterator[str]]] = {
    "cấu hình": check_settings,
    "kho theo tháng": check_months,
    "Redis": check_redis,
    "mẫu tin": check_templates,
    "vẫn CSDL ấy": check_identity,
    "các luồng": check_feeds,
}
"""By the names that `hcc doctor` prints."""


@dataclass(frozen=True, slots=True)
class FirstStep:
    """One line of the checklist, in Vietnamese as `hcc doctor` prints it."""

    name: str
    ok: bool
    says: str


def first_steps(one: Services) -> list[FirstStep]:
    """Run the checks."""
    return [_run(name, check, one) for name, check in _CHECKS.items()]


def _run(name: str, check: Callable[[Services], Iterator[str]], one: Services) -> FirstStep:
    passed: list[str] = []
    try:
        passed.extend(check(one))
    except CheckFault as fault:
        return FirstStep(name, ok=False, says=str(fault))
    except Exception as error:  # noqa: BLE001 (a check that cannot run is a line of the list; its text may be personal)
        return FirstStep(name, ok=False, says=sentence_of(error) or type(error).__name__)
    return FirstStep(name, ok=True, says="; ".join(passed))
