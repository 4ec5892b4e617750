"""`hcc doctor`: checks everything that can be wrong, and names the remedy for each fault."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from operators.cli.exits import ExitCode
from operators.cli.output import as_json, examples, print_json, say, tick

if TYPE_CHECKING:
    from operators.checks.examine import CheckResult


@click.command(
    short_help="Kiểm tra cấu hình, kết nối, đồng hồ, token, mẫu tin.",
    epilog=examples("hcc doctor", "hcc doctor --json"),
)
@as_json
def doctor(*, as_json: bool) -> None:
    """Kiểm tra mọi thứ cần có để gửi được thông báo; mỗi lỗi kèm cách sửa. Mã thoát 1 nếu có lỗi."""
    from operators.checks.examine import examine
    from operators.world import world

    with ExitStack() as stack:
        stack.enter_context(world())
        examined = examine(stack)
        checked = list(examined if as_json else _told(examined))
    healthy = all(one.ok for one in checked)
    if as_json:
        print_json({"ok": healthy, "checks": [one.as_json() for one in checked]})
    else:
        say("Mọi thứ sẵn sàng." if healthy else "Sổ tay sự cố: docs/runbooks/README.md.")
    if not healthy:
        sys.exit(ExitCode.FAULT)


def _told(examined: Iterator[CheckResult]) -> Iterator[CheckResult]:
    """Print each result as soon as it is available, under the name of its OA."""
    oa = ""
    for one in examined:
        if one.oa != oa:
            oa = one.oa
            say(oa)
        for passed in one.passed:
            tick(True, f"{one.name}: {passed}")
        if one.fault is not None:
            tick(False, f"{one.name}: {one.fault}")
        yield one
