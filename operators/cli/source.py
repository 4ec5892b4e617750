"""`hcc source check`: does a mapping fit its dossier database?"""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Any

import click

from config.oas import load_oas
from operators.cli.context import of_oa, the_one
from operators.cli.output import as_json, print_json, say, tick
from producers.dossiers.check import Finding, examine
from producers.dossiers.mapping import MappingError, load_mapping
from producers.dossiers.source import Source, SourceError
from worker.deployment import Deployment


@click.group(short_help="Bản đồ CSDL hồ sơ.")
def source() -> None:
    """Bản đồ CSDL hồ sơ của tỉnh."""


@source.command(short_help="Thử một bản đồ trên CSDL hồ sơ, chỉ đọc.")
@click.argument("mapping", metavar="[BẢN_ĐỒ]", required=False)
@of_oa
@as_json
def check(mapping: str | None, oa: str | None, as_json: bool) -> None:
    """Chạy thử mọi câu SQL của một bản đồ (tên hoặc tệp .toml; bỏ trống: HCC_SOURCE), không in dữ liệu cá nhân.

    Mã thoát 1 nếu có điều phải sửa.
    """
    settings = the_one(Deployment(load_oas("dossier_url")), oa).settings
    named = mapping or settings.source
    faults, findings, dialect = list[str](), list[Finding](), None
    try:
        opened = Source(settings.dossier_url, load_mapping(named))
        dialect = opened.dialect
        try:
            findings = examine(opened)
        finally:
            opened.close()
    except MappingError as error:
        faults = error.faults
    except SourceError as error:
        faults = str(error).splitlines()
    faults += [f"{found.where}: {fault}" for found in findings for fault in found.faults]
    if as_json:
        queries = [_plain(found) for found in findings]
        print_json({"source": named, "dialect": dialect, "ok": not faults, "faults": faults, "queries": queries})
    else:
        _tell(named, findings, faults)
    sys.exit(1 if faults else 0)


def _plain(found: Finding) -> dict[str, Any]:
    plan = found.plan
    return {
        **{key: value for key, value in asdict(found).items() if key != "plan"},
        "cost": plan.cost if plan else None,
        "missing_index": list(plan.whole) if plan else [],
    }


def _tell(named: str, findings: list[Finding], faults: list[str]) -> None:
    for found in findings:
        cost = f", chi phí ước tính {found.plan.cost:.0f}" if found.plan and found.plan.cost is not None else ""
        tick(not found.faults, f"{found.where}: {found.rows} dòng, {found.ms:.0f} ms{cost}", indent="")
        if found.sample:
            kinds = ", ".join(f"{column}: {kind}" for column, kind in found.kinds.items())
            say(f"    cột: {kinds}")
            say(f"    ví dụ: {', '.join(f'{column}={value}' for column, value in found.sample[0].items())}")
        for note in found.notes:
            say(f"    • {note}")
    for fault in faults:
        tick(False, fault)
    say(f"Bản đồ {named}: {f'{len(faults)} điều phải sửa.' if faults else 'dùng được.'}")
