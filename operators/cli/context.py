"""What most commands begin with: the world, the settings, the services; closed when the command ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from config.oas import load_oas
from operators.world import world
from worker.bootstrap import Services
from worker.deployment import Deployment
from worker.ledger.migrate import migrate, missing

Command = TypeVar("Command", bound=Callable[..., Any])

LEDGER = ("database_url", "secret_keys", "zalo_oa_id")


def of_oa(command: Command) -> Command:
    """The option of every command that may concern one OA of several."""
    text = "OA nào (tên bảng trong HCC_OAS hoặc mã OA); chỉ cần khi có nhiều OA."
    return click.option("--oa", metavar="OA", help=text)(command)


@contextmanager
def deployment(*required: str) -> Iterator[Deployment]:
    """All OAs, on the settings at hand; `required` names the settings that this command cannot do without.

    An embedded ledger is migrated by itself, a real one only by `hcc migrate`.
    """
    with world() as added:
        made = Deployment(load_oas(*(required or LEDGER)))
        try:
            if "HCC_DATABASE_URL" in added:
                migrate(made.shared.ledger)
            elif lacking := missing(made.shared.ledger):
                raise click.ClickException(f"Sổ thông báo thiếu {len(lacking)} bước nâng cấp: chạy `hcc migrate`.")
            yield made
        finally:
            made.close()


@contextmanager
def services(*required: str, oa: str | None = None) -> Iterator[Services]:
    """The services of the OA that is named, or of the only one there is."""
    with deployment(*required) as made:
        yield the_one(made, oa)


def the_one(made: Deployment, oa: str | None) -> Services:
    """The OA that is named. Where several are, none is meant by silence."""
    if oa is None and made.several:
        raise click.ClickException(f"Có nhiều OA, chọn một bằng --oa: {', '.join(made.names.values())}.")
    return next(iter(every(made, oa)))


def every(made: Deployment, oa: str | None) -> Sequence[Services]:
    """The OA that is named, or all of them."""
    if oa is None:
        return list(made)
    named = made.named(oa)
    if named is None:
        raise click.ClickException(f"Không có OA «{oa}»; có: {', '.join(made.names.values())}.")
    return [named]


def told_of(made: Deployment, one: Services, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of an OA: they say of which, where there are several."""
    return [{"oa": one.oa, **row} if made.several else dict(row) for row in rows]


def named_columns(made: Deployment, columns: Mapping[str, str]) -> dict[str, str]:
    """The columns of a table of such rows."""
    return {"oa": "OA", **columns} if made.several else dict(columns)
