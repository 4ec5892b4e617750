"""Format log records: as a line of text, or as one JSON object a line. Personal data is masked as the last safeguard.

Our code logs ids of notices and counts; the mask is for leaks by libraries and exceptions. A record is one line of
bounded length and describes an exception by types and places. An OA appears by its name, since its id is a long number.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from config.faults import in_a_line
from config.log_events import event_name, field_names
from domain.text import shown

LONGEST_LINE = 8192  # characters

_PHONE = re.compile(r"(?<![\w.-])(?:\+?84|0)(?:[ .]?\d){9}(?![\w-])")
_NUMBER = re.compile(r"(?<!\d)\d{6,}(?!\d)")
_LONG_ID = re.compile(r"(?<![\w.-])\d{12,20}(?![\w-])")  # identity cards have 12 digits, Zalo's user ids up to 19
_NAMES: dict[str, str] = {}  # of OAs, by id
_CUT = "…"
_LONGEST = {"message": 2000, "fault": 2000, "logger": 100}  # characters of a part of a JSON line, before escapes
_LONGEST_FIELD = 200
_MOST_FIELDS = 12

BASE = ("time", "level", "logger", "event", "message", "process", "pid", "fault")
"""The names that every JSON line has (`fault` only with an exception); no field of a line has one of them."""


class Masking(logging.Formatter):
    """`2026-01-31T08:00:00.123Z INFO hcc.deliver attempt notice=1 …`; phones and long numbers are masked."""

    def format(self, record: logging.LogRecord) -> str:
        record.message = _message(record)
        record.asctime = self.formatTime(record)
        fault = _fault(record)
        return cut(clean(self.formatMessage(record) + (f" fault={fault}" if fault else "")), LONGEST_LINE)

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802, ARG002 (the library's names)
        return _time(record)


class JsonLines(logging.Formatter):
    """One JSON object a line: `BASE`, and the values that the line names (`notice=%d` → `"notice": 1`)."""

    def __init__(self, process: str) -> None:
        """`process`: which of ours it is, such as 'worker'."""
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        known: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": _part("logger", record.name),
            "event": event_name(record.name, str(record.msg)),
            "message": _part("message", _message(record)),
            "process": self._process,
            "pid": os.getpid(),
        }
        if fault := _fault(record):
            known["fault"] = _part("fault", fault)
        line = json.dumps(fields(record) | known, ensure_ascii=False)
        if len(line) <= LONGEST_LINE:
            return line
        short = {name: cut(value, 500) if isinstance(value, str) else value for name, value in known.items()}
        return json.dumps(short, ensure_ascii=False)


def fields(record: logging.LogRecord) -> dict[str, Any]:
    """The values that a line of ours names, clean: numbers and truth values as they are, all others as text."""
    values = record.args if isinstance(record.args, tuple) else ()
    named = zip(field_names(str(record.msg)), values, strict=False)
    found = {name: _value(value) for name, value in named if name and name not in BASE}
    return dict(list(found.items())[:_MOST_FIELDS])


def clean(text: str) -> str:
    """The text in one line, OAs by their names, everything masked that looks like personal data."""
    return mask(with_names(shown(text)))


def mask(text: str) -> str:
    """Mask everything in the text that looks like a phone, an identity number or a Zalo user id."""
    return _LONG_ID.sub("***", _PHONE.sub("***", text))


def name_oas(names: Mapping[str, str]) -> None:
    """Set the names that log lines of this process use for OAs, by id; a name is not a long number.

    An OA without a table has no name: the only one is called `default`.
    """
    told = {oa: f"oa-{oa[-4:]}" if name == oa else name for oa, name in names.items() if oa}
    _NAMES.clear()
    _NAMES.update(dict.fromkeys(told, "default") if len(told) == 1 and names == {oa: oa for oa in names} else told)


def with_names(text: str) -> str:
    """The text with the ids of OAs replaced by their names."""
    return _NUMBER.sub(lambda found: _NAMES.get(found[0], found[0]), text) if _NAMES else text


def cut(text: str, longest: int) -> str:
    """The beginning of the text, with a mark where something is missing."""
    return text if len(text) <= longest else text[: longest - 1] + _CUT


def _part(name: str, text: str) -> str:
    return cut(clean(text), _LONGEST[name])


def _value(value: object) -> object:
    told = clean(str(value))
    return value if isinstance(value, (bool, int, float)) and told == str(value) else cut(told, _LONGEST_FIELD)


def _message(record: logging.LogRecord) -> str:
    """The text with its values. Values that do not fit into it are left out: Python would print them unmasked."""
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 (a value's own `__str__` may fail in any way)
        return f"{record.msg} (its values do not fit)"


def _fault(record: logging.LogRecord) -> str:
    error = record.exc_info[1] if record.exc_info else None
    return "" if error is None else in_a_line(error)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
