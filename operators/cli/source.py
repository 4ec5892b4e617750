"""`hcc source`: checks a mapping against its dossier database, lists unreadable values, adopts another database."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from operators.cli.bulk import TABLE_ROWS, VERB_NEEDS, limited
from operators.cli.context import deployment, every, of_oa, services, the_one, told_of
from operators.cli.exits import ExitCode
from operators.cli.oddities import tell_oddities
from operators.cli.output import accountable, answer, as_json, examples, print_json, say, tick

if TYPE_CHECKING:
    from producers.dossiers.check import Checked, QueryReport
    from producers.dossiers.trial import Trial


@click.group(short_help="Bản đồ CSDL hồ sơ.")
def source() -> None:
    """Bản đồ CSDL hồ sơ của tỉnh."""


@source.command(
    short_help="Thử một bản đồ trên CSDL hồ sơ, chỉ đọc.",
    epilog=examples("hcc source check", "hcc source check reference --json", "hcc source check ban-do/tinh.toml"),
)
@click.argument("mapping", metavar="[BẢN_ĐỒ]", required=False)
@of_oa
@as_json
def check(mapping: str | None, oa: str | None, as_json: bool) -> None:
    """Chạy thử mọi câu SQL của một bản đồ (tên hoặc tệp .toml; bỏ trống: HCC_SOURCE), và cho biết những dòng mới nhất
    sẽ được báo thế nào; không gửi, không ghi, không in dữ liệu cá nhân.

    Mã thoát 1 nếu có điều phải sửa.
    """
    from config.oas import load_oas
    from producers.dossiers.check import Checked, examine
    from producers.dossiers.mapping import MappingError, load_mapping
    from producers.dossiers.source import Source, SourceError, SourceUnreachableError
    from worker.services.deployment import Deployment

    settings = the_one(Deployment(load_oas("dossier_url")), oa).settings
    named = mapping or settings.source
    faults, checked, dialect, away = list[str](), Checked(), None, False
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
        faults, away = str(error).splitlines(), isinstance(error, SourceUnreachableError)
    faults += [f"{found.where}: {fault}" for found in checked.findings for fault in found.faults] + checked.faults
    if as_json:
        said = {"source": named, "dialect": dialect, "ok": not faults, "faults": faults}
        queries = [_plain(found) for found in checked.findings]
        print_json({**said, "queries": queries, "would_tell": _would_tell(checked.trials)})
    else:
        _tell(named, checked, faults)
    if faults:
        sys.exit(ExitCode.AWAY if away else ExitCode.FAULT)


@source.command(
    short_help="Nhận CSDL hồ sơ là CSDL khác hôm qua.",
    epilog=examples("hcc source adopt --as same --by Lan --why 'chuyển sang máy mới'"),
)
@click.option(
    "--as",
    "how",
    type=click.Choice(["baseline", "same"]),
    required=True,
    help="baseline: CSDL mới, ghi nhớ những gì đang có và không báo ai; same: vẫn dữ liệu ấy, đọc tiếp.",
)
@of_oa
@accountable
@as_json
def adopt(how: str, oa: str | None, by: str, why: str, as_json: bool) -> None:
    """CSDL hồ sơ không phải CSDL hôm qua thì không được đọc tiếp; lệnh này nói nó là gì."""
    from ledger.base.audit import audit
    from producers.dossiers import identity
    from producers.dossiers.identity import identify
    from producers.dossiers.mapping import load_mapping
    from producers.dossiers.source import Source

    with services(*VERB_NEEDS, "dossier_url", oa=oa) as one:
        opened = Source(one.settings.dossier_url, load_mapping(one.settings.source))
        try:
            found = identify(opened)
        finally:
            opened.close()
        identity.adopt(one.ledger, one.oa, found, as_baseline=how == "baseline")
        with one.ledger.begin() as tx:
            audit(tx, one.oa, "source adopt", f"as {how}: {found['system'] or found['address']}", by=by, why=why)
    answer(_ADOPTED[how], as_json=as_json, done=1, adopted=how)


_ADOPTED = {
    "baseline": "Đã nhận CSDL mới: lượt hỏi tới ghi nhớ những gì đang có, không báo ai; từ đó việc mới được báo.",
    "same": "Đã nhận: đọc tiếp từ chỗ cũ.",
}


@source.command(
    short_help="Những gì trong CSDL hồ sơ không đọc được.",
    epilog=examples("hcc source oddities", "hcc source oddities --limit 50 --json"),
)
@limited
@of_oa
@as_json
def oddities(limit: int | None, oa: str | None, as_json: bool) -> None:
    """Liệt kê những cột không đọc được, của hồ sơ nào, từ khi nào, vì sao; không in dữ liệu cá nhân.

    Mục nào được sửa trong CSDL hồ sơ (hoặc trong bản đồ) thì tự hết khi dòng đó được đọc lại.
    """
    from ledger.source import oddities as oddities_in_ledger

    most = limit or (None if as_json else TABLE_ROWS)
    with deployment() as made, made.shared.ledger.connect() as connection:
        rows = [
            row
            for one in every(made, oa)
            for row in told_of(made, one, oddities_in_ledger.listed(connection, one.oa, limit=most))
        ]
    if as_json:
        print_json(rows[:most])
        return
    for row in rows[:most]:
        say(row["code"] + (f"  (OA {row['oa']})" if "oa" in row else ""), bold=True)
        tell_oddities([row])
    if not rows:
        say("Mọi dòng đã đọc đều hiểu được.")


def _plain(found: QueryReport) -> dict[str, Any]:
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
        cost = f", chi phí ước tính {found.plan.cost:.0f}" if found.plan and found.plan.cost is not None else ""
        tick(not found.faults, f"{found.where}: {found.rows} dòng, {found.ms:.0f} ms{cost}", indent="")
        if found.sample:
            kinds = ", ".join(f"{column}: {kind}" for column, kind in found.kinds.items())
            say(f"    cột: {kinds}")
            say(f"    ví dụ: {', '.join(f'{column}={value}' for column, value in found.sample[0].items())}")
        for note in found.notes:
            say(f"    • {note}")
    for trial in checked.trials:
        kinds = ", ".join(f"{kind} {number}" for kind, number in trial.kinds.most_common())
        say(f"→ {trial.name}: {trial.told}/{trial.rows} dòng mới nhất sẽ được báo{f' ({kinds})' if kinds else ''}")
        for why, number in trial.silent.most_common():
            say(f"    • {number} dòng không báo: {why}")
    for fault in faults:
        tick(False, fault)
    say(f"Bản đồ {named}: {f'{len(faults)} điều phải sửa.' if faults else 'dùng được.'}")
