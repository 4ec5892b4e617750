"""`hcc preview LOẠI`: prints a text as the citizen would read it, with the configured place and payment link."""

from __future__ import annotations

import click

from operators.cli.context import deployment, of_oa, the_one
from operators.cli.exits import Ended, nothing
from operators.cli.kinds import KIND, kind_names
from operators.cli.output import as_json, examples, print_json, say


@click.command(
    short_help="Xem trước nội dung một loại thông báo.",
    epilog=examples(
        "hcc preview accepted",
        "hcc preview fee_requested --json",
        "hcc preview result_ready --by-post",
        "hcc preview --list",
        "hcc preview accepted --version 1",
    ),
)
@click.argument("kind", metavar="LOẠI", type=KIND, required=False)
@click.option("--list", "listed", is_flag=True, help="Liệt kê mọi loại thông báo.")
@click.option("--by-post", is_flag=True, help="Như với hồ sơ nhận kết quả qua bưu điện (HCC_POST_SENTENCE).")
@click.option("--version", metavar="BẢN", type=click.IntRange(min=1), help="Bản này trong sổ, không phải tệp.")
@of_oa
@as_json
def preview(
    kind: str | None, *, listed: bool, by_post: bool, version: int | None, oa: str | None, as_json: bool
) -> None:
    """In nội dung của một loại thông báo với dữ liệu mẫu, địa phương và liên kết thanh toán đã đặt.

    Không có --version: theo tệp trong templates/, không hỏi máy chủ nào.
    """
    if by_post and version is not None:
        raise click.UsageError("--by-post không đi cùng --version.")
    if listed is bool(kind):
        raise click.UsageError("Ghi một loại, hoặc --list.")
    if kind is None:
        names = kind_names()
        if as_json:
            print_json(names)
        else:
            say("\n".join(names), lines=True)
        return
    text = _text(kind, oa, by_post=by_post) if version is None else _text_of_version(kind, version, oa)
    if as_json:
        print_json({"kind": kind, "text": text} | ({} if version is None else {"version": version}))
    else:
        say(text, lines=True)


def _text(kind: str, oa: str | None, *, by_post: bool) -> str:
    from dataclasses import replace

    from config.oas import load_oas
    from worker.services.deployment import Deployment

    made = Deployment(load_oas("place"))  # asks no server
    one = the_one(made, oa)
    sample = replace(one.sample(kind), by_post=by_post and one.settings.post_sentence)
    return one.shared.letters.text(kind, sample)


def _text_of_version(kind: str, version: int, oa: str | None) -> str:
    """The sample by a version that the ledger keeps. Raises `Ended` if there is none, or it cannot be made."""
    from ledger.letters import versions
    from operators.wording.looks import look, source_of

    with deployment() as made:
        one = the_one(made, oa)
        with one.ledger.connect() as connection:
            found = versions.listed(connection, one.oa, kind)
        source = source_of(one, found, kind, version)
        if source is None:
            raise nothing(f"Loại {kind} không có bản {version}.")
        seen = look(one, kind, source)
    if seen.fault:
        raise Ended(seen.fault)
    return seen.text
