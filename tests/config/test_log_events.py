"""Every log line of ours is an event with a name from one list."""

from __future__ import annotations

import ast
import logging
import re
from collections.abc import Iterator

import pytest

from config.log_events import EVENTS, LIBRARY, UNLISTED, event_name, field_names
from config.log_lines import BASE
from config.settings import ROOT

_ROOMS = ("config", "domain", "ledger", "coordination", "ground", "producers", "worker", "operators")
_LOGGER = re.compile(r"^_?log(?:ger)? = logging\.getLogger\((.*)\)", re.MULTILINE)
_VERBS = frozenset({"debug", "info", "warning", "error", "exception", "critical", "log"})


def lines() -> Iterator[tuple[str, str | None]]:
    """(place, text) of every call of a logger; the text is None where it is not written out there."""
    for room in _ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            for call in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(call, ast.Call) and _is_line(call.func):
                    text = call.args[1 if ast.unparse(call.func).endswith(".log") else 0]
                    literal = text.value if isinstance(text, ast.Constant) and isinstance(text.value, str) else None
                    yield f"{path.relative_to(ROOT)}:{call.lineno}", literal


def _is_line(called: ast.expr) -> bool:
    if not isinstance(called, ast.Attribute) or called.attr not in _VERBS:
        return False
    return re.fullmatch(r"_?log(ger)?|logging|self\._?log", ast.unparse(called.value), re.IGNORECASE) is not None


def test_every_line_in_the_code_has_a_row_and_every_row_a_line() -> None:
    """A new line gets its name in `config.log_events.EVENTS`; a row without a line goes."""
    found = list(lines())
    assert {place: text for place, text in found if text not in EVENTS} == {}
    assert EVENTS.keys() - {text for _, text in found} == set()


def test_the_names_are_short_and_of_one_form() -> None:
    assert [name for name in EVENTS.values() if not re.fullmatch(r"[a-z]+(\.[a-z_]+)?", name)] == []
    assert not {LIBRARY, UNLISTED} & set(EVENTS.values())


def test_no_value_has_a_name_that_every_line_has() -> None:
    """It would replace the time or the level."""
    assert {text: name for text in EVENTS for name in field_names(text) if name in BASE} == {}


def test_loggers_of_ours_begin_with_hcc() -> None:
    """A line of another logger counts as a library's."""
    texts = [path.read_text("utf-8") for room in _ROOMS for path in (ROOT / room).rglob("*.py")]
    names = [name for text in texts for name in _LOGGER.findall(text)]
    assert len(names) > 20
    assert [name for name in names if not name.startswith('"hcc.')] == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("attempts oa=%s channel=%s %s slowest_ms=%d", ("oa", "channel", None, "slowest_ms")),
        ("sweep oa=%s %s=%d", ("oa", None, None)),
        ("clocks disagree by %.0f s: 100 %% ledger=%s", (None, "ledger")),
        ("the pump stumbled", ()),
    ],
)
def test_a_value_is_named_by_the_word_before_it(text: str, names: tuple[str | None, ...]) -> None:
    assert field_names(text) == names


def test_a_line_of_a_library_is_told_from_ours() -> None:
    assert event_name("hcc.deliver", "the pump stumbled") == "pump.stumbled"
    assert event_name("hcc.deliver", "something new") == UNLISTED
    assert event_name("celery.worker", "the pump stumbled") == LIBRARY
    assert logging.getLogger("hcc.deliver").name.startswith("hcc.")
