"""`hcc templates`: checks that the templates approved by Zalo fit the data that we send."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from operators.cli.context import deployment, every, of_oa, told_of
from operators.cli.exits import Ended, ExitCode
from operators.cli.output import as_json, examples, print_json, say, tick
from operators.phrasebook import phrase

if TYPE_CHECKING:
    from worker.channels.zalo.tokens import Access
    from worker.services.bootstrap import Services

NEEDS = ("database_url", "secret_keys", "zalo_oa_id", "zalo_app_id", "zalo_app_secret")


@click.group(short_help="Mẫu tin đã duyệt của Zalo.")
def templates() -> None:
    """Mẫu tin đã duyệt (ZBS/ZNS) của Zalo."""


@templates.command(
    short_help="So mẫu đã duyệt trên Zalo với những gì chương trình gửi.",
    epilog=examples("hcc templates check", "hcc templates check --json"),
)
@of_oa
@as_json
def check(oa: str | None, as_json: bool) -> None:
    """Hỏi Zalo từng mẫu của HCC_ZALO_TEMPLATES: đã duyệt chưa, đúng loại, đủ tham số, đủ dài. Mã thoát 1 nếu có lỗi."""
    from worker.channels.zalo.tokens import NoAccess

    rows: list[dict[str, Any]] = []
    with deployment(*NEEDS) as made:
        for one in every(made, oa):
            access = one.tokens.access(one.oa)
            if isinstance(access, NoAccess):
                whose = f" (OA {made.names[one.oa]})" if made.several else ""
                raise Ended(f"Không hỏi được Zalo{whose}: {phrase(access.why).inner.vi}.")
            rows += told_of(made, one, list(checked(one, access)))
    if as_json:
        print_json(rows)
    else:
        _print(rows)
    if any(row["faults"] for row in rows):
        sys.exit(ExitCode.FAULT)


def checked(made: Services, access: Access) -> Iterator[dict[str, Any]]:
    """One row for each template of HCC_ZALO_TEMPLATES: Zalo's status, tag and prices, and its faults."""
    from domain.forms import FormError
    from worker.channels.zalo.register import Register, Registered, faults

    register = Register(made.client, made.settings.zalo_business_url)
    for kind, template_id in made.settings.zalo_templates.items():
        row: dict[str, Any] = {"kind": kind, "template_id": template_id, "status": None, "tag": None, "prices": {}}
        try:
            form = made.forms.form(kind)
        except FormError as fault:
            yield row | {"faults": [str(fault)]}
            continue
        found = register.find(access, template_id)
        if isinstance(found, Registered):
            wrong = list(faults(form, found, made.settings.payment_url))
            yield row | {"status": found.status, "tag": found.tag, "prices": dict(found.prices), "faults": wrong}
        else:
            yield row | {"faults": [found]}


def _print(rows: list[dict[str, Any]]) -> None:
    if not rows:
        say("HCC_ZALO_TEMPLATES chưa đặt: không có mẫu nào để kiểm tra.")
    for row in rows:
        whose = f"OA {row['oa']}, " if "oa" in row else ""
        usable = "" if row["faults"] else " dùng được"
        tick(not row["faults"], f"{whose}{row['kind']}: mẫu {row['template_id']}{usable}")
        for fault in row["faults"]:
            say(f"      {fault}")
