"""`hcc template`: the versions of each kind's words: who proposed, approved or refused which, and going back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from operators.cli.context import deployment, of_oa, the_one
from operators.cli.exits import Ended, nothing
from operators.cli.kinds import KIND
from operators.cli.output import accountable, answer, as_json, examples, print_json, print_table, say

if TYPE_CHECKING:
    from collections.abc import Callable

    from domain.template_source import TemplateSource
    from ledger.letters.versions import TemplateVersion
    from operators.wording.deeds import TemplateAuthor, TemplateResult
    from worker.services.bootstrap import Services

_KIND = click.argument("kind", metavar="LOẠI", type=KIND)
_VERSION = click.argument("version", metavar="BẢN", type=click.IntRange(min=1))
_FILE = click.Path(dir_okay=False, allow_dash=True)
_DRY = click.option("--dry-run", is_flag=True, is_eager=True, help="Chỉ kiểm tra, không ghi gì; không cần --by, --why.")

_COLUMNS = {"kind": "Loại", "version": "Bản đang dùng", "since": "Từ", "by": "Ai", "open": "Chờ duyệt", "file": "Tệp"}
_VERSIONS = {"version": "Bản", "state": "Trạng thái", "at": "Lúc", "by": "Ai", "why": "Vì sao", "approved_by": "Duyệt"}
STATES = {"proposed": "chờ duyệt", "in_use": "đang dùng", "approved": "đã duyệt", "refused": "đã từ chối"}


@click.group(short_help="Nội dung tin: các bản, đề xuất, duyệt, quay lại.")
def template() -> None:
    """Nội dung (mẫu) của từng loại tin: bản nào đang dùng, ai đề xuất, ai duyệt, quay lại bản trước, về bản gốc."""


@template.command(
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


@template.command(
    short_help="Các bản của một loại, hoặc nội dung một bản.",
    epilog=examples("hcc template show accepted", "hcc template show accepted --version 1"),
)
@_KIND
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


@template.command(
    short_help="Tệp khác bản đang dùng thế nào.",
    epilog=examples("hcc template diff accepted", "hcc template diff accepted --version 1"),
)
@_KIND
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


@template.command(
    short_help="Đề xuất nội dung mới.",
    epilog=examples("hcc template propose accepted --text moi.txt --by Lan --why 'thêm số tổng đài'"),
)
@_KIND
@click.option("--text", type=_FILE, required=True, metavar="TỆP", help="Nội dung tin; - là đầu vào chuẩn.")
@click.option("--form", type=_FILE, metavar="TỆP", help="Tham số của mẫu đã duyệt (zns.toml); mặc định: như đang dùng.")
@_DRY
@of_oa
@accountable
@as_json
def propose(
    kind: str,
    text: str,
    form: str | None,
    *,
    dry_run: bool,
    oa: str | None,
    by: str,
    why: str,
    as_json: bool,
) -> None:
    """Đề xuất một bản mới. Bản sai bị từ chối, với câu nói rõ dòng nào.

    Với HCC_TEMPLATE_APPROVAL=one bản mới được dùng ngay; với two thì khi một người khác đã duyệt.
    """
    from operators.wording import deeds
    from worker.services.proofs import faults_of

    words, params = _read(text), _read(form) if form else None

    def do(one: Services, author: TemplateAuthor) -> TemplateResult:
        source = deeds.tidied(one, kind, words, params)
        if not dry_run:
            return deeds.propose(one, kind, source, author)
        return faults_of(one, kind, source)

    _do(do, oa=oa, by=by, why=why, as_json=as_json)


@template.command(
    short_help="Duyệt một bản đề xuất.",
    epilog=examples("hcc template approve accepted 2 --by Minh --why 'đã đọc lại'"),
)
@_KIND
@_VERSION
@of_oa
@accountable
@as_json
def approve(kind: str, version: int, *, oa: str | None, by: str, why: str, as_json: bool) -> None:
    """Duyệt một bản đề xuất: từ nay tin dùng bản này."""
    from operators.wording import deeds

    _do(lambda one, author: deeds.approve(one, kind, version, author), oa=oa, by=by, why=why, as_json=as_json)


@template.command(
    short_help="Từ chối một bản đề xuất.",
    epilog=examples("hcc template refuse accepted 2 --by Minh --why 'sai tên cơ quan'"),
)
@_KIND
@_VERSION
@of_oa
@accountable
@as_json
def refuse(kind: str, version: int, *, oa: str | None, by: str, why: str, as_json: bool) -> None:
    """Từ chối một bản đề xuất, không bao giờ dùng nó."""
    from operators.wording import deeds

    _do(lambda one, author: deeds.refuse(one, kind, version, author), oa=oa, by=by, why=why, as_json=as_json)


@template.command(
    short_help="Quay lại một bản đã duyệt.",
    epilog=examples("hcc template revert accepted 1 --by Lan --why 'bản 2 viết sai'"),
)
@_KIND
@_VERSION
@of_oa
@accountable
@as_json
def revert(kind: str, version: int, *, oa: str | None, by: str, why: str, as_json: bool) -> None:
    """Dùng lại một bản đã duyệt trước đây."""
    from operators.wording import deeds

    _do(lambda one, author: deeds.go_back(one, kind, version, author), oa=oa, by=by, why=why, as_json=as_json)


@template.command(
    short_help="Về bản gốc.",
    epilog=examples("hcc template restore accepted --by Lan --why 'dùng lại lời của văn bản gốc'"),
)
@_KIND
@of_oa
@accountable
@as_json
def restore(kind: str, *, oa: str | None, by: str, why: str, as_json: bool) -> None:
    """Dùng lại bản 1: đúng từng chữ như khi giao phần mềm."""
    from operators.wording import deeds

    _do(lambda one, author: deeds.restore(one, kind, author), oa=oa, by=by, why=why, as_json=as_json)


@template.command(
    short_help="Gửi thử cho một cán bộ.",
    epilog=examples("hcc template send accepted --version 2 --by Lan --why 'xem thử trên máy' < so-cua-toi.txt"),
)
@_KIND
@click.option("--version", metavar="BẢN", type=click.IntRange(min=1), help="Bản này; mặc định: bản đang dùng.")
@of_oa
@accountable
@as_json
def send(kind: str, version: int | None, *, oa: str | None, by: str, why: str, as_json: bool) -> None:
    """Gửi tin mẫu cho một cán bộ: số điện thoại hoặc mã người dùng Zalo ở đầu vào chuẩn, đã có trong `hcc staff`."""
    from coordination.bell import ring
    from ledger.letters import versions
    from operators.cli.input import typed_lines
    from operators.wording.looks import source_of
    from operators.wording.trial import send_trial

    whom = next(iter(typed_lines()), "")

    def do(one: Services, author: TemplateAuthor) -> TemplateResult:
        with one.ledger.connect() as connection:
            found = versions.listed(connection, one.oa, kind)
        source = source_of(one, found, kind, version or one.letters.version(kind))
        if source is None:
            raise nothing(f"Loại {kind} không có bản {version}.")
        result = send_trial(one, kind, source, whom, author)
        if not result:
            ring(one.oa)
        return result

    _do(do, oa=oa, by=by, why=why, as_json=as_json, said="Tin mẫu sẽ đến trong vài giây.", done=1)


def _read(file: str) -> str:
    """The content of a file, or of standard input for `-`. Raises `Ended` if it cannot be read."""
    try:
        with click.open_file(file, encoding="utf-8-sig") as opened:
            return str(opened.read())
    except UnicodeDecodeError:
        raise Ended(f"{file}: không phải UTF-8.") from None
    except OSError as fault:
        raise Ended(f"{file}: không đọc được ({fault.strerror}).") from None


def _do(
    deed: Callable[[Services, TemplateAuthor], TemplateResult],
    *,
    oa: str | None,
    by: str,
    why: str,
    as_json: bool,
    said: str = "Nội dung này dùng được; chưa ghi gì.",
    done: int = 0,
) -> None:
    """Do a deed and print its result; `said` and `done` are for one that makes no version.

    Raises `Ended` with the sentences of what is wrong.
    """
    from ledger.letters.versions import TemplateVersion
    from operators.wording.deeds import TemplateAuthor, TemplateRefusal
    from operators.wording.sentences import fault_said, refusal_said

    with deployment() as made:
        one = the_one(made, oa)
        with one.ledger.connect() as connection:
            one.letters.refresh(connection, now=True)
        result = deed(one, TemplateAuthor(by, why))
    if isinstance(result, TemplateRefusal):
        unknown = result is TemplateRefusal.UNKNOWN
        raise nothing(refusal_said(result)) if unknown else Ended(refusal_said(result))
    if isinstance(result, TemplateVersion):
        told = f"{result.kind}: bản {result.version} {STATES[result.state]}."
        answer(told, as_json=as_json, done=1, kind=result.kind, version=result.version, state=result.state)
    elif result:
        raise Ended("\n".join(map(fault_said, result)))
    else:
        answer(said, as_json=as_json, done=done)


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
        return
    say(f"{kind}, bản {version}", bold=True)
    say(source.message.rstrip("\n"), lines=True)
    if seen.fault:
        raise Ended(seen.fault)
    say(f"Zalo ({seen.characters} ký tự):", bold=True)
    say(seen.text, lines=True)
    say(f"SMS ({seen.sms_segments} đoạn):", bold=True)
    say(seen.sms, lines=True)
    for name, value in seen.params:
        say(f"{name} = {value}")
