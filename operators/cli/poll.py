"""`hcc poll`: one round over the dossier database, in this process."""

from __future__ import annotations

import click

from config.settings import load
from operators.cli.context import services
from producers.dossiers.poll import build_poller


@click.command(short_help="Hỏi CSDL hồ sơ một lượt.")
@click.option(
    "--once", is_flag=True, required=True, help="Một lượt mọi luồng, cả đối chiếu; ghi sổ, rung chuông, dừng."
)
def poll(once: bool) -> None:  # noqa: ARG001 (the option names what the command does)
    """Hỏi CSDL hồ sơ một lượt trong tiến trình này."""
    with services("database_url", "secret_keys", "zalo_oa_id", "dossier_url", "redis_url"):
        poller = build_poller(load())
        made = (poller.round(), poller.reconcile(whole=True))
    read, recorded, set_aside = (
        sum(getattr(part, count) for part in made) for count in ("read", "recorded", "set_aside")
    )
    click.echo(f"Đã đọc {read} dòng, ghi {recorded} thông báo mới, để riêng {set_aside} dòng hỏng.")
