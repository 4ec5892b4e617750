"""`hcc preview KIND`: a text as the citizen would read it."""

from __future__ import annotations

import click

from operators.cli.output import say
from worker.domain.kinds import KINDS
from worker.domain.letters import Letters
from worker.shared import TEMPLATES


@click.command(short_help="Xem trước nội dung một loại thông báo.")
@click.argument("kind", metavar="LOẠI", type=click.Choice([kind.name for kind in KINDS]))
def preview(kind: str) -> None:
    """In nội dung của một loại thông báo với dữ liệu mẫu, đúng như công dân sẽ đọc."""
    letters = Letters(TEMPLATES)
    say(letters.text(kind, letters.sample(kind)), lines=True)
