"""Values read from the source: a dossier's current state, a payment request, and the change that made us read it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from domain.event import Oddity, WordHold  # imports `Reason` from this module


class Status(IntEnum):
    """The national status codes of a dossier (set by the national public service portal)."""

    UNKNOWN = 0  # a word that the mapping does not know (yet): no rule may treat it as the end of anything
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
    """The state of a payment request; a mapping file translates the source's words into these."""

    NOT_YET = "not_yet"  # recorded, not yet requested: nobody is told
    UNKNOWN = "unknown"  # a word that the mapping does not know (yet): perhaps requested, perhaps over
    REQUESTED = "requested"  # the citizen is asked to pay
    PAID = "paid"
    CANCELLED = "cancelled"  # cancelled or refunded
    EXEMPT = "exempt"  # the person pays nothing


class Reason(StrEnum):
    """The class of reason for a refusal or return: the source's own words may name people and papers (R23)."""

    PAPERS_MISSING = "papers_missing"
    DATA_WRONG = "data_wrong"
    NOT_COMPETENT = "not_competent"
    NOT_ELIGIBLE = "not_eligible"


@dataclass(frozen=True, slots=True)
class Dossier:
    """A dossier's current state. Times are UTC; `phone` is the recipient's, raw as typed; no name, no ID.

    Not every source has the fields below `result_given`.
    """

    code: str
    unit: str | None
    status: Status
    phone: str | None = field(repr=False)
    accepted_at: datetime | None
    appointment_at: datetime | None
    finished_at: datetime | None
    result_given: bool  # status 9 or 10 really means a result, by the mapping's rule (R39)
    result: str = "1"  # identifies the result; another one is news again (R40)
    given_back: bool = False  # returned or taken back: statuses 9 and 10 then do not mean a result
    apologised: bool = False  # the dossier is late, and the office admitted it in writing
    submitted_at: datetime | None = None
    returned_at: datetime | None = None
    deadline_at: datetime | None = None  # for supplementing papers
    step: str | None = None  # distinguishes a second pause in the same status from the first
    reason: Reason | None = None
    sms: bool = False  # the submitter chose SMS on the form (R33)
    source_code: str | None = None  # the code as spelt in the source
    former_code: str | None = None  # the code under which the same dossier was known before
    stable_key: str | None = None  # the source's key that stays when the code changes
    by_post: bool = False  # the submitter gets the result by post (R34)


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment request of a dossier; `amount` in đồng, None if the source does not have it.

    `by_status`: the request is the dossier's status 6, not a row. `both`: in this source a fee may come as a row, as a
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
    state); `at` is when it happened, UTC. `told` are the kinds switched on for this dossier's unit, None for those that
    are on by default. `taken_back`: whether a status 3 is the citizen's own withdrawal, None if unknown.
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
    holds: tuple[WordHold, ...] = ()  # the events that are held back for them
