"""The kinds of notices as values of arguments and options."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class KindName(click.ParamType[str]):
    """The name of a kind of notices. The list is long, so the help names it and `hcc preview --list` shows it."""

    name = "LOẠI"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name as it is. Fails for an unknown one, and offers the nearest."""
        from difflib import get_close_matches

        known = kind_names()
        if value in known:
            return value
        near = get_close_matches(value, known, 1)
        meant = f"có phải {near[0]}? " if near else ""
        raise click.BadParameter(f"không có loại «{value}»; {meant}xem `hcc preview --list`.", ctx=ctx, param=param)

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002 (click's signature)
        param: click.Parameter,  # noqa: ARG002 (click's signature)
        incomplete: str,
    ) -> list[CompletionItem]:
        """The kinds that begin so."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(name) for name in kind_names() if name.startswith(incomplete)]


def kind_names() -> list[str]:
    """Every kind, in the order of the table."""
    from domain.kinds import RANK

    return list(RANK)


KIND = KindName()
