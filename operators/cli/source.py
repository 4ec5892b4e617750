"""`hcc source check`: does a mapping fit its dossier database?"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click

from config.oas import load_oas
from operators.cli.context import of_oa, the_one
from operators.cli.output import as_json, print_json
from producers.dossiers.check import Checked, Finding, examine
from producers.dossiers.mapping import MappingError, load_mapping
from producers.dossiers.source import Source, SourceError
from producers.dossiers.trial import Trial
from worker.deployment import Deployment


@click.group(short_help="Bản đồ CSDL hồ sơ.")
def source() -> None:
    """Bản đồ CSDL hồ sơ của tỉnh."""


@source.command(short_help="Thử một bản đồ trên CSDL hồ sơ, chỉ đọc.")
@click.argument("mapping", metavar="[BẢN_ĐỒ]", required=False)
@of_oa
@as_json
def check(mapping: str | None, oa: str | None, as_json: bool) -> None:
    """Chạy thử mọi câu SQL của một bản đồ (tên hoặc tệp .toml; bỏ trống: HCC_SOURCE), và cho biết những dòng mới nhất
    sẽ được báo thế nào; không gửi, không ghi, không in dữ liệu cá nhân.

    Mã thoát 1 nếu có điều phải sửa.
    """
    settings = the_one(Deployment(load_oas("dossier_url")), oa).settings
    named = mapping or settings.source
    faults, checked, dialect = list[str](), Checked(), None
    try:
        opened = Source(settings.dossier_url, load_mapping(named))
        dialect = opened.dialect
        try:
            checked = examine(opened)
        finally:
            opened.close()
    except MappingError as error:
        faults = error.faults
    except SourceError as error:
        faults = str(error).splitlines()
    faults += [f"{found.where}: {fault}" for found in checked.findings for fault in found.faults] + checked.faults
    if as_json:
        said = {"source": named, "dialect": dialect, "ok": not faults, "faults": faults}
        queries = [_plain(found) for found in checked.findings]
        print_json({**said, "queries": queries, "would_tell": _would_tell(checked.trials)})
    else:
        _tell(named, checked, faults)
    sys.exit(1 if faults else 0)


def _plain(found: Finding) -> dict[str, Any]:
    plan = found.plan
    return {
        **{key: value for key, value in asdict(found).items() if key != "plan"},
        "cost": plan.cost if plan else None,
        "missing_index": list(plan.whole) if plan else [],
    }


def _would_tell(trials: Sequence[Trial]) -> dict[str, Any]:
    return {
        "rows": sum(one.rows for one in trials),
        "told": sum(one.told for one in trials),
        "kinds": dict(sum((one.kinds for one in trials), Counter[str]())),
        "feeds": [one.shown() for one in trials],
    }


def _tell(named: str, checked: Checked, faults: list[str]) -> None:
    for found in checked.findings:
        mark = click.style("✗", fg="red") if found.faults else click.style("✓", fg="green")
        cost = f", chi phí ước tính {found.plan.cost:.0f}" if found.plan and found.plan.cost is not None else ""
        click.echo(f"{mark} {found.where}: {found.rows} dòng, {found.ms:.0f} ms{cost}")
        if found.sample:
            kinds = ", ".join(f"{column}: {kind}" for column, kind in found.kinds.items())
            click.echo(f"    cột: {kinds}")
            click.echo(f"    ví dụ: {', '.join(f'{column}={value}' for column, value in found.sample[0].items())}")
        for note in found.notes:
            click.echo(f"    • {note}")
    for trial in checked.trials:
        kinds = ", ".join(f"{kind} {number}" for kind, number in trial.kinds.most_common())
        click.echo(
            f"→ {trial.name}: {trial.told}/{trial.rows} dòng mới nhất sẽ được báo{f' ({kinds})' if kinds else ''}"
        )
        for why, number in trial.silent.most_common():
            click.echo(f"    • {number} dòng không báo: {why}")
    for fault in faults:
        click.echo(f"  {click.style('✗', fg='red')} {fault}")
    click.echo(f"Bản đồ {named}: {f'{len(faults)} điều phải sửa.' if faults else 'dùng được.'}")
