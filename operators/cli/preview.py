"""`hcc preview KIND`: a text as the citizen would read it, at the place and with the payment link that are set."""

from __future__ import annotations

import click

from config.oas import load_oas
from operators.cli.context import of_oa, the_one
from operators.cli.output import say
from worker.deployment import Deployment
from worker.domain.kinds import KINDS


@click.command(short_help="Xem trước nội dung một loại thông báo.")
@click.argument("kind", metavar="LOẠI", type=click.Choice([kind.name for kind in KINDS]))
@of_oa
def preview(kind: str, oa: str | None) -> None:
    """In nội dung của một loại thông báo với dữ liệu mẫu, địa phương và liên kết thanh toán đã đặt."""
    made = Deployment(load_oas("place"))  # asks no server
    one = the_one(made, oa)
    say(one.letters.text(kind, one.sample(kind)), lines=True)
