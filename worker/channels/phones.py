"""The phones of a batch: unsealed together before its calls are made, each person's once (R42)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

from worker.domain.notice import Letter
from worker.ledger.sealing import SealError

OpenAll: TypeAlias = Callable[[Iterable[bytes]], Mapping[bytes, str | SealError]]
"""`Sealer.open_all`."""


def phones_of(letters: Sequence[Letter], open_all: OpenAll) -> Callable[[Letter], str]:
    """What gives the phone (E.164) of each of these letters, or raises `SealError` for that one."""
    opened = open_all(_sealed(letter) for letter in letters)

    def phone(letter: Letter) -> str:
        found = opened[_sealed(letter)]
        if isinstance(found, SealError):
            raise found
        return found

    return phone


def _sealed(letter: Letter) -> bytes:
    return letter.notice.phone_sealed or b""
