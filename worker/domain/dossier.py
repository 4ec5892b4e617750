"""What the source tells us: a dossier as it is now, a payment request, and the change that made us look."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum


class Status(IntEnum):
    """The national status codes of a dossier (set by the national public service portal)."""

    REGISTERED = 1  # Mới đăng ký
    ACCEPTED = 2  # Được tiếp nhận
    REFUSED = 3  # Không được tiếp nhận
    IN_PROGRESS = 4  # Đang xử lý
    SUPPLEMENT = 5  # Yêu cầu bổ sung giấy tờ
    OBLIGATION = 6  # Yêu cầu thực hiện nghĩa vụ tài chính
    WITHDRAWN = 7  # Công dân yêu cầu rút hồ sơ
    STOPPED = 8  # Dừng xử lý
    FINISHED = 9  # Đã xử lý xong
    RETURNED = 10  # Đã trả kết quả


class PaymentState(StrEnum):
    """Where a payment request stands; a mapping file translates the source's words into these."""

    NOT_YET = "not_yet"  # recorded, not yet asked for: nobody is told
    REQUESTED = "requested"  # the citizen is asked to pay
    PAID = "paid"
    CANCELLED = "cancelled"  # cancelled or refunded
    EXEMPT = "exempt"  # the person pays nothing


@dataclass(frozen=True, slots=True)
class Dossier:
    """A dossier's current state. Times are UTC; `phone` is the recipient's, raw as typed; no name, no ID."""

    code: str
    unit: str | None
    status: Status
    phone: str | None = field(repr=False)
    accepted_at: datetime | None
    appointment_at: datetime | None
    finished_at: datetime | None
    result_given: bool  # status 9 or 10 really means a result, by the mapping's rule (R39)
    sms: bool = False  # the form asks for notices by SMS (R33); a column that a mapping may lack


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment request of a dossier; `amount` in đồng, None when the source does not know it."""

    id: str
    state: PaymentState
    amount: int | None
    requested_at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """One row of a feed: something about a dossier may have changed.

    `status` is the status that the row itself reports (a history row may be older than the dossier's current
    state); `at` is when it happened, UTC.
    """

    dossier: Dossier
    at: datetime
    status: Status | None = None
    payment: Payment | None = None
