"""Prints the values of a dossier that cannot be read, for operators."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from domain.clock import to_the_second
from operators.cli.output import say
from operators.phrasebook import phrase


def tell_oddities(rows: Iterable[Mapping[str, Any]]) -> None:
    """Print the values of a dossier that cannot be read, one line each."""
    for row in rows:
        where = f"{row['column']} ({row['row']})" if row["row"] else row["column"]
        say(
            f"  ! cột {where}: {phrase(row['why']).inner.vi}; từ {to_the_second(row['since'])}, {row['times']} lần, "
            f"lần cuối {to_the_second(row['last_seen'])}",
            fg="yellow",
        )
