"""Set up the log of a process: one handler on standard error, as text or as JSON (`HCC_LOG_FORMAT`)."""

from __future__ import annotations

import logging
import sys
from typing import Literal

from config.log_lines import JsonLines, Masking
from config.seldom import Seldom

_LIBRARIES = frozenset({"celery", "kombu", "amqp", "redis"})
_SILENT_SECONDS = 5.0


class Sparse(logging.Filter):
    """Limit libraries' lines about a broker that is away or refuses: one per kind and five seconds, no traceback.

    Without the limit beat wrote 10,000 lines in 20 s.
    """

    def __init__(self) -> None:
        super().__init__()
        self._seldom = Seldom(_SILENT_SECONDS)

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written."""
        if record.name.partition(".")[0] not in _LIBRARIES:
            return True
        if not self._seldom.may(f"{record.name} {str(record.msg)[:100]}"):
            return False
        fault = record.exc_info[1] if record.exc_info else None
        if isinstance(fault, OSError) or type(fault).__module__.partition(".")[0] in _LIBRARIES:
            record.exc_info = record.exc_text = None
            record.msg, record.args = f"{_first_line(record)} why={type(fault).__name__}", None
        return True


def _first_line(record: logging.LogRecord) -> str:
    return record.getMessage().partition("\n")[0]


def set_up_logs(level: str, form: Literal["text", "json"] = "text", process: str = "cli") -> None:
    """Install one handler on standard error; every process of ours does. `process` is told in JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Sparse())
    plain = Masking("%(asctime)s %(levelname)s %(name)s %(message)s")
    handler.setFormatter(JsonLines(process) if form == "json" else plain)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for chatty in ("celery.worker.strategy", "celery.app.trace", "celery.beat", "kombu", "alembic"):
        logging.getLogger(chatty).setLevel(max(logging.getLevelName(level), logging.WARNING))
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # its warnings show whole URLs, which contain user ids
