"""`hcc poll`: one round over the dossier database, in this process."""

from __future__ import annotations

import sys

import click

from operators.cli.context import deployment, every, of_oa
from operators.cli.output import say
from producers.dossiers.mapping import MappingError
from producers.dossiers.parts import Round
from producers.dossiers.poll import build_poller
from producers.dossiers.source import SourceError
from worker.bootstrap import Services


@click.command(short_help="Hỏi CSDL hồ sơ một lượt.")
@click.option(
    "--once", is_flag=True, required=True, help="Một lượt mọi luồng, cả đối chiếu; ghi sổ, rung chuông, dừng."
)
@of_oa
def poll(once: bool, oa: str | None) -> None:  # noqa: ARG001 (the option names what the command does)
    """Hỏi CSDL hồ sơ một lượt trong tiến trình này; có nhiều OA thì mọi CSDL, hoặc chỉ của --oa."""
    faults = []
    with deployment("database_url", "secret_keys", "zalo_oa_id", "dossier_url", "redis_url") as made:
        for one in every(made, oa):
            whose = f"{made.names[one.oa]}: " if made.several else ""
            try:
                say(whose + _told(_whole_round(one)))
            except (SourceError, MappingError) as fault:  # the others are polled all the same
                faults.append(f"{whose}{fault}")
    if faults:
        say("\n".join(faults), lines=True, err=True)
        sys.exit(1)


def _whole_round(one: Services) -> tuple[Round, Round]:
    poller = build_poller(one.settings, one.ledger, one.people)
    return poller.round(), poller.reconcile(whole=True)


def _told(made: tuple[Round, Round]) -> str:
    read, recorded, set_aside = (
        sum(getattr(part, count) for part in made) for count in ("read", "recorded", "set_aside")
    )
    return f"Đã đọc {read} dòng, ghi {recorded} thông báo mới, để riêng {set_aside} dòng hỏng."
