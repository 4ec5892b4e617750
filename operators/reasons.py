"""What operators are told where something does not work: one sentence for every fault that is expected."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from config.causes import Cause, cause_of, not_reached
from config.settings import SettingsError
from producers.dossiers.mapping import MappingError
from producers.dossiers.source import SourceError
from sandbox.servers import ServersError
from worker.domain.letters import LetterError
from worker.ledger.encoding import EncodingError
from worker.queue.connection import BrokerDown, QueueDown

LEDGER = "sổ thông báo (HCC_DATABASE_URL)"
REDIS = "Redis (HCC_REDIS_URL)"
BROKER = "hàng đợi (HCC_BROKER_URL)"


def sentence_of(error: BaseException) -> str | None:
    """The sentence; None where nobody expected this."""
    match error:
        case SettingsError() | MappingError() | SourceError() | ServersError() | LetterError() | EncodingError():
            return str(error)
        case BrokerDown():
            return not_reached(BROKER, error)
        case QueueDown():
            return str(error) if cause_of(error) is Cause.OTHER else not_reached(REDIS, error)
        case OperationalError() | InterfaceError() if cause_of(error) is not Cause.OTHER:
            return not_reached(LEDGER, error)
        case DBAPIError():
            return f"Không làm việc được với sổ thông báo: {_first_line(error)}"
    return None


def _first_line(error: DBAPIError) -> str:
    """The server's own words without the details, which may quote a row."""
    return str(error.orig).strip().splitlines()[0] if str(error.orig or "").strip() else type(error).__name__
