"""The check of phone claims: claims that wait for a clerk, and users who claim too many phones."""

from __future__ import annotations

from collections.abc import Iterator

from ledger.people import phonebook
from operators.checks.fault import CheckFault
from worker.services.bootstrap import Services


def check_phones(made: Services) -> Iterator[str]:
    """A user who claims one phone after another is looking for somebody else's."""
    with made.ledger.connect() as connection:
        found = phonebook.state(connection, made.oa)
    if found.refused:
        raise CheckFault(
            f"{found.refused} lần khai số điện thoại bị từ chối trong 24 giờ, của {found.users} người dùng: "
            "xem `phone claim refused` trong bảng audit"
        )
    yield f"{found.open} số điện thoại đang chờ xác nhận, {found.denied} chờ cán bộ (`hcc follower confirm`)"
