"""A decorator for values that are constructed a dozen times for each notice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

_T = TypeVar("_T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def value_object(cls: type[_T]) -> type[_T]:
    """A dataclass that mypy treats as frozen but that is not frozen at run time.

    One that is frozen at run time takes three times as long to construct. For the eight values of one delivery that was
    36 µs instead of 13, of 365 µs in all (CPython 3.11, 2 cores, 2026-11-29).
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)
