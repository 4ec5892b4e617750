"""Unseals the phones of a batch together, before its calls are made; each person's only once (R42)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from domain.notice import Letter
from ledger.base.sealing import SealError

OpenAll: TypeAlias = Callable[[Iterable[bytes]], Mapping[bytes, str | SealError]]
"""`Sealer.open_all`."""


def phones_of(letters: Sequence[Letter], open_all: OpenAll) -> Callable[[Letter], str]:
    """A function that returns the phone (E.164) of one of these letters, or raises `SealError` for that letter."""
    opened = open_all(_sealed(letter) for letter in letters)

    def phone(letter: Letter) -> str:
        found = opened[_sealed(letter)]
        if isinstance(found, SealError):
            raise found
        return found

    return phone


def _sealed(letter: Letter) -> bytes:
    return letter.notice.phone_sealed or b""
