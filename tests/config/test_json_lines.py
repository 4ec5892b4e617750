"""HCC_LOG_FORMAT=json: one object a line, with the event's name, without anybody's data, of bounded length."""

from __future__ import annotations

import json
import logging
import os
from typing import Any

import pytest

from config.log_lines import LONGEST_LINE, JsonLines, Masking
from config.logs import set_up_logs

PHONE, USER = "0978362918", "6142494823000001001"


def record(name: str, text: str, *values: object, error: BaseException | None = None) -> logging.LogRecord:
    told = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord(name, logging.ERROR, "a.py", 1, text, values, told)


def told(name: str, text: str, *values: object, error: BaseException | None = None) -> dict[str, Any]:
    line = JsonLines("worker").format(record(name, text, *values, error=error))
    assert "\n" not in line
    found: dict[str, Any] = json.loads(line)
    return found


def raised(error: Exception) -> Exception:
    """The error with a place where it was raised."""
    try:
        raise error  # noqa: TRY301 (a place is all that is wanted)
    except Exception as caught:  # noqa: BLE001 (any)
        return caught


def test_a_line_is_an_object_with_the_event_and_its_values() -> None:
    """Numbers stay numbers, so that they can be added up."""
    line = told("hcc.tasks", "brought back oa=%s rows=%d", "ha-tinh", 12)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "ERROR",
        "logger": "hcc.tasks",
        "event": "ledger.brought_back",
        "message": "brought back oa=ha-tinh rows=12",
        "process": "worker",
        "pid": os.getpid(),
        "oa": "ha-tinh",
        "rows": 12,
    }


def test_an_exception_is_one_value_of_types_and_places() -> None:
    """Neither its text nor its local variables."""
    error = raised(KeyError(f"Nguyễn Văn An {PHONE}"))
    line = told("hcc.deliver", "the pump stumbled", error=error)
    assert line["fault"].startswith("KeyError at tests/config/test_json_lines.py:")
    assert "Nguyễn" not in json.dumps(line, ensure_ascii=False)


def test_phones_and_user_ids_are_masked_wherever_they_are() -> None:
    """Of a library's line too, and where a number stands for itself."""
    line = told("aiohttp.server", "Error handling request of %s from %s", PHONE, int(USER))
    assert line["event"] == "library"
    assert line["message"] == "Error handling request of *** from ***"
    line = told("hcc.tasks", "brought back oa=%s rows=%d", PHONE, int(USER))
    assert (line["oa"], line["rows"]) == ("***", "***")


@pytest.mark.parametrize("value", ["\n\x1b[2J\u202e\x00" * 9000, '"\\' * 90_000, "ữ" * 90_000, "1 " * 90_000])
def test_a_line_is_never_longer_than_its_bound(value: str) -> None:
    """Whatever a library puts into it, escapes included."""
    for name in ("hcc.tasks", "kombu." + "x" * 5000):
        one = record(name, "brought back oa=%s rows=%s", value, value, error=raised(ValueError(value)))
        line = JsonLines("worker").format(one)
        assert len(line) <= LONGEST_LINE
        assert json.loads(line)["level"] == "ERROR"
        assert len(Masking("%(message)s").format(one)) <= LONGEST_LINE


def test_values_that_do_not_fit_break_no_line() -> None:
    """Python would print them to standard error as they are."""
    for form in (JsonLines("worker"), Masking("%(message)s")):
        line = form.format(record("kombu", "two %s %s", PHONE))
        assert "two %s %s (its values do not fit)" in line
        assert PHONE not in line


def test_the_form_is_chosen_where_the_log_is_set_up(capfd: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before, level = root.handlers, root.level
    try:
        set_up_logs("INFO", "json", "beat")
        logging.getLogger("hcc.tasks").warning("clocks agree again: what is too old may go")
    finally:
        root.handlers = before
        root.setLevel(level)
    line = json.loads(capfd.readouterr().err)
    assert (line["process"], line["event"]) == ("beat", "clocks.agree")
