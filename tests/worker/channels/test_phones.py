"""Phones are unsealed for a whole batch, and one that cannot be opened concerns its own notice alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest

from domain.notice import Letter
from ledger.base.sealing import Sealer, SealError
from tests.worker.channels.cases import NOTICE, TEXT
from worker.channels.phones import phones_of

SEALER = Sealer(["0123456789abcdef"])


def letter(number: int, sealed: bytes | None) -> Letter:
    return Letter(replace(NOTICE, id=number, phone_sealed=sealed), TEXT)


def test_a_person_with_many_notices_is_unsealed_once() -> None:
    """All at one time, before the first call is made."""
    asked: list[list[bytes]] = []

    def open_all(sealed: Iterable[bytes]) -> Mapping[bytes, str | SealError]:
        asked.append(list(sealed))
        return SEALER.open_all(asked[-1])

    one, other = SEALER.seal("+84978001001"), SEALER.seal("+84978001002")
    letters = [letter(1, one), letter(2, other), letter(3, one)]
    phone = phones_of(letters, open_all)
    assert [phone(each) for each in letters] == ["+84978001001", "+84978001002", "+84978001001"]
    assert len(asked) == 1
    assert len(SEALER.open_all(asked[0])) == 2


@pytest.mark.parametrize(
    "broken",
    [None, b"", b"x" * 40, SEALER.seal("+84978001001")[:-1]],
    ids=["none", "erased", "of another key", "damaged"],
)
def test_a_seal_that_cannot_be_opened_keeps_no_other_shut(broken: bytes | None) -> None:
    """It is told when its own call is made."""
    letters = [letter(1, broken), letter(2, SEALER.seal("+84978001002"))]
    phone = phones_of(letters, SEALER.open_all)
    assert phone(letters[1]) == "+84978001002"
    with pytest.raises(SealError):
        phone(letters[0])
