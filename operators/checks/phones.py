"""The check of claims of phones: what waits for a clerk, and whoever claims too many."""

from __future__ import annotations

from collections.abc import Iterator

from operators.checks.fault import Fault
from worker.bootstrap import Services
from worker.ledger import phonebook


def check_phones(made: Services) -> Iterator[str]:
    """One user who claims phone after phone looks for somebody else's."""
    with made.ledger.connect() as connection:
        found = phonebook.state(connection, made.oa)
    if found.refused:
        raise Fault(
            f"{found.refused} lần khai số điện thoại bị từ chối trong 24 giờ, của {found.users} người dùng: "
            "xem `phone claim refused` trong bảng audit"
        )
    yield f"{found.open} số điện thoại đang chờ xác nhận, {found.denied} chờ cán bộ (`hcc follower confirm`)"
