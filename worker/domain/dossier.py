"""What the source tells us: a dossier as it is now, a payment request, and the change that made us look."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from worker.domain.event import Oddity, WordHold  # which knows a dossier's reasons, and so stands above


class Status(IntEnum):
    """The national status codes of a dossier (set by the national public service portal)."""

    UNKNOWN = 0  # a word that the mapping does not know (yet): no rule may take it for the end of anything
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
    UNKNOWN = "unknown"  # a word that the mapping does not know (yet): perhaps asked for, perhaps over
    REQUESTED = "requested"  # the citizen is asked to pay
    PAID = "paid"
    CANCELLED = "cancelled"  # cancelled or refunded
    EXEMPT = "exempt"  # the person pays nothing


class Reason(StrEnum):
    """Why a dossier is refused or sent back, as a class: the source's own words may name people and papers (R23)."""

    PAPERS_MISSING = "papers_missing"
    DATA_WRONG = "data_wrong"
    NOT_COMPETENT = "not_competent"
    NOT_ELIGIBLE = "not_eligible"


@dataclass(frozen=True, slots=True)
class Dossier:
    """A dossier's current state. Times are UTC; `phone` is the recipient's, raw as typed; no name, no ID.

    What stands below `result_given` not every source knows.
    """

    code: str
    unit: str | None
    status: Status
    phone: str | None = field(repr=False)
    accepted_at: datetime | None
    appointment_at: datetime | None
    finished_at: datetime | None
    result_given: bool  # status 9 or 10 really means a result, by the mapping's rule (R39)
    result: str = "1"  # which result it is; another one is news again (R40)
    given_back: bool = False  # returned or taken back: what 9 and 10 then mean is no result
    apologised: bool = False  # it is late, and the office said so in writing
    submitted_at: datetime | None = None
    returned_at: datetime | None = None
    deadline_at: datetime | None = None  # until when papers may be supplemented
    step: str | None = None  # tells a second pause in the same status from the first
    reason: Reason | None = None
    sms: bool = False  # the submitter chose SMS on the form (R33)
    source_code: str | None = None  # the code as the source spells it
    former_code: str | None = None  # under which the same dossier was known before
    stable_key: str | None = None  # of the source, which stays when the code changes


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment request of a dossier; `amount` in đồng, None when the source does not know it.

    `by_status`: no row says so, but the dossier's status 6. `both`: in this source a fee may come as a row, as a
    status, or as both.
    """

    id: str
    state: PaymentState
    amount: int | None
    requested_at: datetime
    changed_at: datetime | None = None
    by_status: bool = False
    both: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """One row of a feed: something about a dossier may have changed.

    `status` is the status that the row itself reports (a history row may be older than the dossier's current
    state); `at` is when it happened, UTC. `told` are the kinds that this dossier's unit tells, None for those that
    are on by default. `taken_back` says whether a status 3 is the citizen's own withdrawal, None if unknown.
    """

    dossier: Dossier
    at: datetime
    status: Status | None = None
    payment: Payment | None = None
    told: frozenset[str] | None = None
    taken_back: bool | None = None
    fees_by_status: bool = False  # in this source status 6 asks for a fee
    row: int = 0  # the id of the row, where ids increase
    oddities: tuple[Oddity, ...] = ()  # fields that could not be read
    holds: tuple[WordHold, ...] = ()  # what they keep back
