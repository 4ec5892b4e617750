"""One sentence for operators for every expected fault."""

from __future__ import annotations

import errno

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from config.causes import Cause, cause_of, not_reached
from config.settings import SettingsError
from coordination.bell import OTHER_QUEUES, TAKES_NONE
from coordination.connection import BrokerDown, QueueDown
from domain.wording import LetterError
from ledger.base.away import LedgerAway, why_away
from ledger.base.encoding import EncodingError
from ledger.base.sealing import SealError
from producers.dossiers.mapping import MappingError
from producers.dossiers.source import SourceError, SourceUnreachableError
from sandbox.servers import ServersError

LEDGER = "sổ thông báo (HCC_DATABASE_URL)"
REDIS = "Redis (HCC_REDIS_URL)"
BROKER = "hàng đợi (HCC_BROKER_URL)"

WRONG_KEYS = (
    "ghi thêm khóa cũ vào cuối HCC_SECRET_KEYS (khóa của máy chủ nhúng nằm trong tệp var/secret_keys); "
    "nếu khóa vẫn đúng thì dữ liệu ấy đã hỏng"
)
"""What to do if sealed data cannot be opened."""

_CROWDED = "máy chủ hết lượt kết nối; xem `hcc connections`, tăng max_connections hoặc đặt PgBouncer"
_DISK_FULL = "máy chủ hết chỗ trên đĩa; dọn hoặc thêm đĩa cho PostgreSQL"
_OF_LEDGER = {  # SQLSTATE
    "25006": "máy chủ chỉ cho đọc (máy dự phòng, vừa đổi máy chính, hoặc default_transaction_read_only); "
    "trỏ HCC_DATABASE_URL hay địa chỉ chung về máy chính, hoặc mở lại quyền ghi",
    "53100": _DISK_FULL,
    "53300": _CROWDED,
}
_OF_BROKER = {
    TAKES_NONE: "hàng đợi (HCC_BROKER_URL) không nhận tin; xem báo động bộ nhớ và đĩa của RabbitMQ",
    OTHER_QUEUES: "hàng đợi (HCC_BROKER_URL) có một hàng khác kiểu; xóa hàng ấy trên RabbitMQ, sẽ tự được tạo lại",
}
_OF_FILES = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM})


def sentence_of(error: BaseException) -> str | None:
    """The sentence for an error; None for an unexpected one."""
    match error:
        case SettingsError() | MappingError() | SourceError() | ServersError() | LetterError() | EncodingError():
            return str(error)
        case SealError():
            return f"HCC_SECRET_KEYS không mở được dữ liệu đã có trong sổ thông báo: {WRONG_KEYS}."
        case QueueDown() | BrokerDown():
            return _of_queue(error)
        case LedgerAway() if refused := ledger_refusal(error):
            return f"Sổ thông báo (HCC_DATABASE_URL) chưa làm việc được: {refused}."
        case OperationalError() | InterfaceError() if cause_of(error) is not Cause.OTHER:
            return not_reached(LEDGER, error)
        case DBAPIError():
            return f"Không làm việc được với sổ thông báo: {_first_line(error)}"
        case OSError() if error.errno in _OF_FILES:  # e.g. a full disk, a read-only folder
            return f"Không đọc hoặc ghi được {error.filename or 'tệp'}: {error.strerror or type(error).__name__}"
    return None


def is_away(error: BaseException) -> bool:
    """Whether a server that we need does not work now: the same command may succeed later."""
    match error:
        case QueueDown() | BrokerDown() | LedgerAway() | SourceUnreachableError():
            return True
        case OperationalError() | InterfaceError():
            return cause_of(error) is not Cause.OTHER
    return False


def _of_queue(error: QueueDown | BrokerDown) -> str:
    if isinstance(error, BrokerDown):
        return _OF_BROKER.get(str(error)) or not_reached(BROKER, error)
    return str(error) if cause_of(error) is Cause.OTHER else not_reached(REDIS, error)


def ledger_refusal(away: LedgerAway) -> str | None:
    """Why a ledger that answers refuses us; None if it could not be reached, for which `cause_of` has the cause."""
    state, cause = getattr(away.orig, "pgcode", None), cause_of(away)
    if state in _OF_LEDGER:
        return _OF_LEDGER[state]
    if cause is Cause.FULL:  # libpq reports a refused connection as text only
        return _CROWDED
    if state is None and "No space left" in str(away.orig):
        return _DISK_FULL
    if state is not None and cause is Cause.OTHER:
        return f"máy chủ trả lời nhưng không nhận ghi ({why_away(away)}); xem nhật ký PostgreSQL"
    return None


def _first_line(error: DBAPIError) -> str:
    """The first line of the server's message, without the details, which may quote a row."""
    return str(error.orig).strip().splitlines()[0] if str(error.orig or "").strip() else type(error).__name__
