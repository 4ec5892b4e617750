"""What most commands begin with: the world, the settings, the services; closed when the command ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from config.settings import load
from operators.world import world
from worker.bootstrap import Services
from worker.ledger.migrate import migrate, missing

LEDGER = ("database_url", "secret_keys", "zalo_oa_id")


@contextmanager
def services(*required: str) -> Iterator[Services]:
    """Services on the settings at hand; `required` names the settings that this command cannot do without.

    An embedded ledger is migrated by itself, a real one only by `hcc migrate`.
    """
    with world() as added:
        made = Services(load(*(required or LEDGER)))
        try:
            if "HCC_DATABASE_URL" in added:
                migrate(made.ledger)
            elif lacking := missing(made.ledger):
                raise click.ClickException(f"Sổ thông báo thiếu {len(lacking)} bước nâng cấp: chạy `hcc migrate`.")
            yield made
        finally:
            made.close()
