"""`hcc poll`: one round over the dossier database, in this process."""

from __future__ import annotations

import click

from config.settings import load
from operators.cli.context import services
from producers.dossiers.poll import build_poller


@click.command(short_help="Hỏi CSDL hồ sơ một lượt.")
@click.option("--once", is_flag=True, required=True, help="Một lượt qua mọi nguồn, ghi sổ, rung chuông, rồi dừng.")
def poll(once: bool) -> None:  # noqa: ARG001 (the option names what the command does)
    """Hỏi CSDL hồ sơ một lượt trong tiến trình này."""
    with services("database_url", "secret_keys", "zalo_oa_id", "dossier_url", "redis_url"):
        made = build_poller(load()).round()
    click.echo(f"Đã đọc {made.read} dòng, ghi {made.recorded} thông báo mới, để riêng {made.set_aside} dòng hỏng.")
