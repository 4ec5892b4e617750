"""Which posters there are: the units of the list that exist today, each with the address for its QR code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from domain.guide import follow_link, guide, short_link
from domain.units import ListedUnit
from operators.poster.poster import Poster


def posters(units: Iterable[ListedUnit], *, oa: str, place: str, console_url: str) -> Sequence[Poster]:
    """A poster for each unit; without `console_url` its code leads to the OA's page, and scans are not counted."""
    words = guide(place)
    return [
        Poster(unit.code, unit.name, words, short_link(console_url, unit.code) if console_url else follow_link(oa))
        for unit in units
    ]


def existing(units: Iterable[ListedUnit], day: date) -> Sequence[ListedUnit]:
    """The units that exist on that day."""
    return [unit for unit in units if unit.valid_on(day)]
