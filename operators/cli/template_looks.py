"""`hcc template list`, `show` and `diff`: which versions there are, what they say, and what differs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from operators.cli.context import deployment, of_oa, the_one
from operators.cli.exits import Ended, nothing
from operators.cli.kinds import KIND
from operators.cli.output import as_json, examples, print_json, print_table, say

if TYPE_CHECKING:
    from domain.template_source import TemplateSource
    from ledger.letters.versions import TemplateVersion
    from worker.services.bootstrap import Services

KIND_NAMED = click.argument("kind", metavar="LOẠI", type=KIND)

STATES = {"proposed": "chờ duyệt", "in_use": "đang dùng", "approved": "đã duyệt", "refused": "đã từ chối"}
"""The state of a version, as it is stored → in Vietnamese."""

_COLUMNS = {"kind": "Loại", "version": "Bản đang dùng", "since": "Từ", "by": "Ai", "open": "Chờ duyệt", "file": "Tệp"}
_VERSIONS = {"version": "Bản", "state": "Trạng thái", "at": "Lúc", "by": "Ai", "why": "Vì sao", "approved_by": "Duyệt"}


@click.command(
    "list", short_help="Bản đang dùng của từng loại.", epilog=examples("hcc template list", "hcc template list --json")
)
@of_oa
@as_json
def list_templates(oa: str | None, as_json: bool) -> None:
    """Liệt kê từng loại: bản đang dùng, từ khi nào, bản nào chờ duyệt, tệp trong templates/ có lỗi không."""
    from ledger.letters import versions
    from operators.wording.looks import kind_rows

    with deployment() as made:
        one = the_one(made, oa)
        with one.ledger.connect() as connection:
            found = versions.listed(connection, one.oa)
        rows: list[dict[str, Any]] = [
            {
                "kind": row.kind,
                "version": row.version,
                "since": row.since,
                "by": row.by,
                "proposals": [proposal.version for proposal in row.proposals],
                "file_is_bad": row.file_is_bad,
            }
            for row in kind_rows(one, found)
        ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        row["open"] = ", ".join(map(str, row["proposals"])) or "–"
        row["file"] = "LỖI" if row["file_is_bad"] else "tốt"
    print_table(_COLUMNS, rows, empty="")


@click.command(
    short_help="Các bản của một loại, hoặc nội dung một bản.",
    epilog=examples("hcc template show accepted", "hcc template show accepted --version 1"),
)
@KIND_NAMED
@click.option("--version", metavar="BẢN", type=click.IntRange(min=1), help="In nội dung bản này và tin dựng từ nó.")
@of_oa
@as_json
def show(kind: str, version: int | None, oa: str | None, as_json: bool) -> None:
    """Liệt kê các bản của một loại; với --version: nguồn của bản ấy, tin như Zalo hiện, và SMS với số đoạn."""
    from ledger.letters import versions
    from operators.wording.looks import source_of

    with deployment() as made:
        one = the_one(made, oa)
        with one.ledger.connect() as connection:
            found = versions.listed(connection, one.oa, kind)
        if version is None:
            _show_versions([_row(each) for each in found], as_json=as_json)
            return
        source = source_of(one, found, kind, version)
        if source is None:
            raise nothing(f"Loại {kind} không có bản {version}.")
        _show_source(one, kind, version, source, as_json=as_json)


@click.command(
    short_help="Tệp khác bản đang dùng thế nào.",
    epilog=examples("hcc template diff accepted", "hcc template diff accepted --version 1"),
)
@KIND_NAMED
@click.option(
    "--version", metavar="BẢN", type=click.IntRange(min=1), help="So bản này (mặc định: tệp) với bản đang dùng."
)
@of_oa
@as_json
def diff(kind: str, version: int | None, oa: str | None, as_json: bool) -> None:
    """In những dòng khác giữa bản đang dùng và tệp trong templates/, hoặc một bản khác."""
    from domain.template_source import source_of_files
    from ledger.letters import versions
    from operators.wording.looks import changes, source_of
    from worker.services.shared import TEMPLATES

    with deployment() as made:
        one = the_one(made, oa)
        with one.ledger.connect() as connection:
            one.letters.refresh(connection, now=True)
            found = versions.listed(connection, one.oa, kind)
        other = source_of_files(TEMPLATES, kind) if version is None else source_of(one, found, kind, version)
        if other is None:
            raise nothing(f"Loại {kind} không có bản {version}.")
        used = one.letters.version(kind)
        names = (f"{kind} bản {used}", f"templates/{kind}" if version is None else f"{kind} bản {version}")
        lines = changes(one.letters.source(kind), other, names)
    if as_json:
        print_json({"kind": kind, "in_use": used, "diff": lines})
    else:
        say(lines or "Không khác gì.", lines=True)


def _row(one: TemplateVersion) -> dict[str, Any]:
    return {
        "version": one.version,
        "state": one.state,
        "origin": one.origin,
        "at": one.at,
        "by": one.by,
        "why": one.why,
        "approved_by": one.approved_by,
        "approved_at": one.approved_at,
        "refused_by": one.refused_by,
        "refused_why": one.refused_why,
        "used_since": one.used_since,
    }


def _show_versions(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json(rows)
        return
    said = [{**row, "state": STATES[row["state"]]} for row in rows]
    print_table(_VERSIONS, said, empty="Chưa ai đổi nội dung loại này: đang dùng bản gốc (bản 1).")


def _show_source(one: Services, kind: str, version: int, source: TemplateSource, *, as_json: bool) -> None:
    from operators.wording.looks import look

    seen = look(one, kind, source)
    if as_json:
        print_json(
            {
                "kind": kind,
                "version": version,
                "source": source.message,
                "form": source.form,
                "text": seen.text,
                "sms": seen.sms,
                "sms_segments": seen.sms_segments,
                "params": dict(seen.params),
                "fault": seen.fault,
            }
        )
    else:
        say(f"{kind}, bản {version}", bold=True)
        say(source.message.rstrip("\n"), lines=True)
    if seen.fault:
        raise Ended(seen.fault)
    if as_json:
        return
    say(f"Zalo ({seen.characters} ký tự):", bold=True)
    say(seen.text, lines=True)
    say(f"SMS ({seen.sms_segments} đoạn):", bold=True)
    say(seen.sms, lines=True)
    for name, value in seen.params:
        say(f"{name} = {value}")
