"""Log lines: one line a record, nobody's data in it, and a name for each OA."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config.log_lines import Masking, name_oas
from config.oas import load_oas

ONE, TWO = "4024926008133882615", "4024926008133882616"


@pytest.fixture
def written() -> Iterator[Callable[..., str]]:
    """What the log has of a record."""

    def write(message: str, *values: object, error: BaseException | None = None) -> str:
        told = (type(error), error, error.__traceback__) if error else None
        record = logging.LogRecord("hcc.deliver", logging.INFO, "a.py", 1, message, values, told)
        return Masking("%(levelname)s %(name)s %(message)s").format(record)

    name_oas({})
    yield write
    name_oas({})


def test_the_only_oa_is_called_default(written: Callable[..., str]) -> None:
    """Its id is a long number like a user's, and is blotted out where nobody says that it is an OA."""
    assert written("attempts oa=%s sent=3", ONE) == "INFO hcc.deliver attempts oa=*** sent=3"
    name_oas({ONE: ONE})
    assert written("attempts oa=%s sent=3", ONE) == "INFO hcc.deliver attempts oa=default sent=3"
    assert written("held key=channel:%s:zns", ONE) == "INFO hcc.deliver held key=channel:default:zns"
    assert written("user=%s", TWO) == "INFO hcc.deliver user=***"


def test_several_oas_are_called_by_the_names_of_their_tables(
    written: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As operators call them after `--oa`; one whose table is named by its id keeps the end of it."""
    file = tmp_path / "oas.toml"
    file.write_text(f'[ha-tinh]\nzalo_oa_id = "{ONE}"\n[{TWO}]\n', encoding="utf-8")
    monkeypatch.setenv("HCC_OAS", str(file))
    monkeypatch.setenv("HCC_SECRET_KEYS", "0123456789abcdef")
    load_oas("secret_keys")
    assert written("oa=%s and oa=%s", ONE, TWO) == "INFO hcc.deliver oa=ha-tinh and oa=oa-2616"


def test_text_of_others_makes_no_line_of_its_own(written: Callable[..., str]) -> None:
    """A dossier code with a line break and an escape sequence is seen as it is."""
    assert written("code=%s", "H1\nERROR forged \x1b[2J\u202e") == (
        r"INFO hcc.deliver code=H1\nERROR forged \x1b[2J\u202e"
    )


def test_an_exception_is_types_and_places_in_the_same_line(written: Callable[..., str]) -> None:
    """Its words may hold a phone or a row; where it came from is enough to find it."""
    try:
        try:
            int("0912 345 678 of Nguyễn Văn An")
        except ValueError as first:
            raise KeyError("Nguyễn Văn An") from first
    except KeyError as error:
        line = written("poll failed", error=error)
    assert "\n" not in line
    assert "Nguyễn" not in line
    assert "KeyError at tests/config/test_logs.py:" in line
    assert "ValueError at tests/config/test_logs.py:" in line
