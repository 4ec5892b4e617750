"""A command group that imports a command's module when the command is used, so that help and completion stay quick."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click

from operators.cli.output import unread_ends
from operators.cli.vietnamese import in_vietnamese

ASKS_FOR_HELP = "hcc.asks_for_help"


@dataclass(frozen=True, slots=True)
class CommandRow:
    """A command: where it is defined (`module.name` below operators.cli), and its short help."""

    place: str
    short_help: str

    def load(self) -> click.Command:
        """Import the command."""
        module, _, name = self.place.rpartition(".")
        command = getattr(import_module(f"operators.cli.{module}"), name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{self.place} is no command")
        return in_vietnamese(command)


class LazyGroup(click.Group):
    """A group whose commands are the rows of a table; `sections` maps a heading of the help to its commands."""

    sections: Mapping[str, Mapping[str, CommandRow]]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Note whether only help is asked for: the group's callback runs before a command shows its help."""
        ctx.meta[ASKS_FOR_HELP] = not {"-h", "--help"}.isdisjoint(args)
        return super().parse_args(ctx, args)

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """As click does, which prints help and the version here."""
        with unread_ends():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. Click itself would end with the status of a fault if nobody reads the output."""
        with unread_ends():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        """Every command's name, in the order of the table."""
        return [name for rows in self.sections.values() for name in rows]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 (click's signature)
        """Import the command of this name; None if there is none."""
        rows = {name: row for rows in self.sections.values() for name, row in rows.items()}
        return rows[cmd_name].load() if cmd_name in rows else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 (click's)
        """Write one list of commands for each section, from the table alone."""
        widest = max(len(name) for rows in self.sections.values() for name in rows)
        for heading, rows in self.sections.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(widest), row.short_help) for name, row in rows.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[click.shell_completion.CompletionItem]:
        """Complete a command's name from the table alone."""
        from click.shell_completion import CompletionItem

        found = [
            CompletionItem(name, help=row.short_help)
            for rows in self.sections.values()
            for name, row in rows.items()
            if name.startswith(incomplete)
        ]
        return found or click.Command.shell_complete(self, ctx, incomplete)
