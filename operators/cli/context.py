"""Opens the world, the settings and the services for a command, and closes them when it ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from operators.cli.exits import Ended
from operators.cli.output import Command

if TYPE_CHECKING:
    from worker.services.bootstrap import Services
    from worker.services.deployment import Deployment

LEDGER = ("database_url", "secret_keys", "zalo_oa_id")


def of_oa(command: Command) -> Command:
    """Add `--oa`, the option of every command that may concern one OA of several."""
    text = "OA nào (tên bảng trong HCC_OAS hoặc mã OA); chỉ cần khi có nhiều OA."
    return click.option("--oa", metavar="OA", help=text, shell_complete=_oa_names)(command)


def _oa_names(_context: click.Context, _option: click.Parameter, incomplete: str) -> list[str]:
    """The names of the OAs that begin so, for completion: without settings, which take a second to load."""
    import tomllib

    from config.arrival import TEXT, layered
    from config.places import ROOT

    try:
        named = layered(ROOT / ".env").get("HCC_OAS")
        names = tomllib.loads((ROOT / named).read_text(TEXT)) if named else {}
    except (OSError, ValueError):  # the command itself says what is wrong
        return []
    return [name for name in names if name.startswith(incomplete)]


@contextmanager
def deployment(*required: str) -> Iterator[Deployment]:
    """Open all OAs with the current settings; `required` names the settings that this command needs.

    An embedded ledger is migrated automatically, a real one only by `hcc migrate`.
    Raises `Ended` if a real ledger lacks migrations.
    """
    from config.oas import load_oas
    from ledger.migrate import migrate, missing
    from operators.world import world
    from worker.services.deployment import Deployment

    with world() as added:
        made = Deployment(load_oas(*(required or LEDGER)))
        try:
            if "HCC_DATABASE_URL" in added:
                migrate(made.shared.ledger)
            elif lacking := missing(made.shared.ledger):
                raise Ended(f"Sổ thông báo thiếu {len(lacking)} bước nâng cấp: chạy `hcc migrate`.")
            yield made
        finally:
            made.close()


@contextmanager
def services(*required: str, oa: str | None = None) -> Iterator[Services]:
    """Open the services of the named OA, or of the only one."""
    with deployment(*required) as made:
        yield the_one(made, oa)


def the_one(made: Deployment, oa: str | None) -> Services:
    """The named OA, or the only one. Raises `UsageError` if there are several and none is named."""
    if oa is None and made.several:
        raise click.UsageError(f"Có nhiều OA, chọn một bằng --oa: {', '.join(made.names.values())}.")
    return next(iter(every(made, oa)))


def every(made: Deployment, oa: str | None) -> Sequence[Services]:
    """The named OA, or all of them. Raises `UsageError` for an unknown name."""
    if oa is None:
        return list(made)
    named = made.named(oa)
    if named is None:
        raise click.UsageError(f"Không có OA «{oa}»; có: {', '.join(made.names.values())}.")
    return [named]


def told_of(made: Deployment, one: Services, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows of an OA, with a field `oa` if there are several OAs."""
    return [{"oa": one.oa, **row} if made.several else dict(row) for row in rows]


def named_columns(made: Deployment, columns: Mapping[str, str]) -> dict[str, str]:
    """The columns for rows of `told_of`: with the OA if there are several."""
    return {"oa": "OA", **columns} if made.several else dict(columns)
