"""`hcc template`: the versions of each kind's words: who proposed, approved or refused which, and going back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from operators.cli.context import deployment, of_oa, the_one
from operators.cli.exits import Ended, ExitCode
from operators.cli.output import accountable, answer, as_json, examples, not_done
from operators.cli.template_looks import KIND_NAMED, STATES, diff, list_templates, show

if TYPE_CHECKING:
    from collections.abc import Callable

    from operators.wording.deeds import TemplateAuthor, TemplateResult
    from worker.services.bootstrap import Services

_VERSION = click.argument("version", metavar="BẢN", type=click.IntRange(min=1))
_FILE = click.Path(dir_okay=False, allow_dash=True)
_DRY = click.option("--dry-run", is_flag=True, is_eager=True, help="Chỉ kiểm tra, không ghi gì; không cần --by, --why.")


@click.group(short_help="Nội dung tin: các bản, đề xuất, duyệt, quay lại.")
def template() -> None:
    """Nội dung (mẫu) của từng loại tin: bản nào đang dùng, ai đề xuất, ai duyệt, quay lại bản trước, về bản gốc."""


@template.command(
    short_help="Đề xuất nội dung mới.",
    epilog=examples("hcc template propose accepted --text moi.txt --by Lan --why 'thêm số tổng đài'"),
)
@KIND_NAMED
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


def _on_version(verb: str, short_help: str, text: str, line: str) -> click.Command:
    """The command of a verb on one version of a kind."""

    def do(kind: str, version: int, *, oa: str | None, by: str, why: str, as_json: bool) -> None:
        from operators.wording import deeds

        deed = {"approve": deeds.approve, "refuse": deeds.refuse, "revert": deeds.go_back}[verb]
        _do(lambda one, author: deed(one, kind, version, author), oa=oa, by=by, why=why, as_json=as_json)

    options = KIND_NAMED(_VERSION(of_oa(accountable(as_json(do)))))
    return click.command(verb, short_help=short_help, help=text, epilog=examples(line))(options)


_ON_VERSIONS = (
    _on_version(
        "approve",
        "Duyệt một bản đề xuất.",
        "Duyệt một bản đề xuất: từ nay tin dùng bản này.",
        "hcc template approve accepted 2 --by Minh --why 'đã đọc lại'",
    ),
    _on_version(
        "refuse",
        "Từ chối một bản đề xuất.",
        "Từ chối một bản đề xuất, không bao giờ dùng nó.",
        "hcc template refuse accepted 2 --by Minh --why 'sai tên cơ quan'",
    ),
    _on_version(
        "revert",
        "Quay lại một bản đã duyệt.",
        "Dùng lại một bản đã duyệt trước đây.",
        "hcc template revert accepted 1 --by Lan --why 'bản 2 viết sai'",
    ),
)


@template.command(
    short_help="Về bản gốc.",
    epilog=examples("hcc template restore accepted --by Lan --why 'dùng lại lời của văn bản gốc'"),
)
@KIND_NAMED
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
@KIND_NAMED
@click.option("--version", metavar="BẢN", type=click.IntRange(min=1), help="Bản này; mặc định: bản đang dùng.")
@of_oa
@accountable
@as_json
def send(kind: str, version: int | None, *, oa: str | None, by: str, why: str, as_json: bool) -> None:
    """Gửi tin mẫu cho một cán bộ: số điện thoại hoặc mã người dùng Zalo ở đầu vào chuẩn, đã có trong `hcc staff`."""
    from coordination.bell import ring
    from ledger.letters import versions
    from operators.cli.input import first_line
    from operators.wording.deeds import TemplateRefusal
    from operators.wording.looks import source_of
    from operators.wording.trial import send_trial

    whom = first_line("Số điện thoại hoặc mã người dùng Zalo của cán bộ:")

    def do(one: Services, author: TemplateAuthor) -> TemplateResult:
        with one.ledger.connect() as connection:
            found = versions.listed(connection, one.oa, kind)
        source = source_of(one, found, kind, version or one.letters.version(kind))
        if source is None:
            raise not_done(f"Loại {kind} không có bản {version}.", as_json=as_json, why=TemplateRefusal.UNKNOWN.value)
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
        code = ExitCode.NOTHING if result is TemplateRefusal.UNKNOWN else ExitCode.FAULT
        raise not_done(refusal_said(result), code, as_json=as_json, why=result.value)
    if isinstance(result, TemplateVersion):
        told = f"{result.kind}: bản {result.version} {STATES[result.state]}."
        answer(told, as_json=as_json, done=1, kind=result.kind, version=result.version, state=result.state)
    elif result:
        faults = [fault_said(fault) for fault in result]
        answer("", as_json=as_json, done=0, refused=[{"why": fault} for fault in faults])
        raise Ended("\n".join(faults))
    else:
        answer(said, as_json=as_json, done=done)


for command in (list_templates, show, diff, *_ON_VERSIONS):
    template.add_command(command)
