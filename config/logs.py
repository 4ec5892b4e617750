"""How log lines look, and the last net that keeps personal data out of them."""

from __future__ import annotations

import logging
import re
import sys
import time
from datetime import UTC, datetime

_PHONE = re.compile(r"(?<![\w.-])(?:\+?84|0)(?:[ .]?\d){9}(?![\w-])")
_LIBRARIES = frozenset({"celery", "kombu", "amqp", "redis"})
_SILENT_SECONDS = 5.0
_LONG_ID = re.compile(r"(?<![\w.-])\d{12,20}(?![\w-])")  # identity cards have 12 digits, Zalo's user ids up to 19


class Masking(logging.Formatter):
    """`2026-01-31T08:00:00.123Z INFO hcc.deliver attempt notice=1 …`; phones and long numbers are blotted out.

    Code that logs gives ids of notices and counts; this net is for what libraries and exceptions might let slip.
    """

    def format(self, record: logging.LogRecord) -> str:
        return mask(super().format(record))

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802, ARG002 (the library's names)
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def mask(text: str) -> str:
    """The text without anything that looks like a phone, an identity number or a Zalo user id."""
    return _LONG_ID.sub("***", _PHONE.sub("***", text))


class Sparse(logging.Filter):
    """Of what libraries say at a broker that is away or refuses: one line a kind and five seconds, and no traceback.

    Beat wrote 10,000 lines in 20 s.
    """

    def __init__(self) -> None:
        super().__init__()
        self._silent_until: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is written."""
        if record.name.partition(".")[0] not in _LIBRARIES:
            return True
        now, kind = time.monotonic(), (record.name, str(record.msg)[:100])
        if now < self._silent_until.get(kind, 0.0):
            return False
        self._silent_until[kind] = now + _SILENT_SECONDS
        fault = record.exc_info[1] if record.exc_info else None
        if isinstance(fault, OSError) or type(fault).__module__.partition(".")[0] in _LIBRARIES:
            record.exc_info = record.exc_text = None
            record.msg, record.args = f"{_shown(record)} why={type(fault).__name__}", None
        return True


def _shown(record: logging.LogRecord) -> str:
    """Its first line."""
    return record.getMessage().partition("\n")[0]


def set_up_logs(level: str) -> None:
    """One handler on standard error, for every process of ours."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Sparse())
    handler.setFormatter(Masking("%(asctime)s %(levelname)s %(name)s %(message)s"))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for chatty in ("celery.worker.strategy", "celery.app.trace", "celery.beat", "kombu"):
        logging.getLogger(chatty).setLevel(max(logging.getLevelName(level), logging.WARNING))
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # its warnings show whole URLs, and those hold user ids
