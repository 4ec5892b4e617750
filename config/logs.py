"""How log lines look, and the last net that keeps personal data out of them."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime

from config.faults import in_a_line
from config.seldom import Seldom
from worker.domain.text import shown

_PHONE = re.compile(r"(?<![\w.-])(?:\+?84|0)(?:[ .]?\d){9}(?![\w-])")
_LIBRARIES = frozenset({"celery", "kombu", "amqp", "redis"})
_SILENT_SECONDS = 5.0
_NUMBER = re.compile(r"(?<!\d)\d{6,}(?!\d)")
_NAMES: dict[str, str] = {}  # of OAs, by id
_LONG_ID = re.compile(r"(?<![\w.-])\d{12,20}(?![\w-])")  # identity cards have 12 digits, Zalo's user ids up to 19


class Masking(logging.Formatter):
    """`2026-01-31T08:00:00.123Z INFO hcc.deliver attempt notice=1 …`; phones and long numbers are blotted out.

    Code that logs gives ids of notices and counts; this net is for what libraries and exceptions might let slip. A
    record is one line, and of an exception it tells types and places. An OA goes by its name, as its id is a long
    number, too.
    """

    def format(self, record: logging.LogRecord) -> str:
        record.message = record.getMessage()
        record.asctime = self.formatTime(record)
        error = record.exc_info[1] if record.exc_info else None
        text = self.formatMessage(record) + (f" fault={in_a_line(error)}" if error is not None else "")
        return mask(with_names(shown(text)))

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802, ARG002 (the library's names)
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def mask(text: str) -> str:
    """The text without anything that looks like a phone, an identity number or a Zalo user id."""
    return _LONG_ID.sub("***", _PHONE.sub("***", text))


def name_oas(names: Mapping[str, str]) -> None:
    """Say what log lines call each OA (by its id) from now on, in this process; a name is no long number.

    An OA without a table has no name: the only one is `default`.
    """
    told = {oa: f"oa-{oa[-4:]}" if name == oa else name for oa, name in names.items() if oa}
    _NAMES.clear()
    _NAMES.update(dict.fromkeys(told, "default") if len(told) == 1 and names == {oa: oa for oa in names} else told)


def with_names(text: str) -> str:
    """The text with the names of OAs in place of their ids."""
    return _NUMBER.sub(lambda found: _NAMES.get(found[0], found[0]), text) if _NAMES else text


class Sparse(logging.Filter):
    """Of what libraries say at a broker that is away or refuses: one line a kind and five seconds, and no traceback.

    Beat wrote 10,000 lines in 20 s.
    """

    def __init__(self) -> None:
        super().__init__()
        self._seldom = Seldom(_SILENT_SECONDS)

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is written."""
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
