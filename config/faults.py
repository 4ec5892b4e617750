"""Describe an unexpected exception by types and places, never by its message.

An exception's message may contain any data in reach: a phone, a row, a URL with its password. The place where it was
raised is enough to find the fault.
"""

from __future__ import annotations

import os
import platform
import re
import secrets
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from config.settings import ROOT, VAR

_LATEST = 8  # frames of each exception in a log line
_FOLDERS = (VAR / "faults", Path(tempfile.gettempdir()))  # the second if the first cannot be written
_SQLSTATE = re.compile(r"[0-9A-Z]{5}")


def chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and its causes, the latest first; each once."""
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)


def named(error: BaseException) -> str:
    """An exception's type, with the database's code where it has one: 'OperationalError (57P01)'."""
    code = getattr(error, "pgcode", None) or getattr(getattr(error, "orig", None), "pgcode", None)
    shown = f" ({code})" if isinstance(code, str) and _SQLSTATE.fullmatch(code) else ""
    return f"{type(error).__name__}{shown}"


def in_a_line(error: BaseException) -> str:
    """Types and places for a log: 'KeyError at worker/a.py:3 in f < worker/b.py:9 in g; ValueError at …'."""
    return "; ".join(f"{named(one)} at {' < '.join(list(reversed(_places(one)))[:_LATEST])}" for one in chain(error))


def keep(error: BaseException, command: str) -> tuple[str, Path | None]:
    """Write types and places to a file; returns the fault's number and the file, None if none can be written."""
    number = secrets.token_hex(4)
    at = datetime.now(UTC)
    lines = [f"fault {number}", f"at {at.isoformat(timespec='seconds')}", f"command {command}",
             f"python {platform.python_version()}"]  # fmt: skip
    for one in chain(error):
        lines += ["", named(one), *(f"  {place}" for place in _places(one))]
    for folder in _FOLDERS:
        path = folder / f"hcc-{at:%Y%m%dT%H%M%S}-{number}.txt"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _write_for_us_alone(path, lines)
        except OSError:  # a full disk, a folder of another account
            continue
        return number, path
    return number, None


def _write_for_us_alone(path: Path, lines: Sequence[str]) -> None:
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def _places(error: BaseException) -> list[str]:
    """The places that the exception passed, the outermost first."""
    return [f"{_short(frame.filename)}:{line} in {frame.name}" for frame, line in _frames(error)] or ["no place"]


def _frames(error: BaseException) -> Iterator[tuple[traceback.FrameSummary, int]]:
    for frame in traceback.extract_tb(error.__traceback__):
        yield frame, frame.lineno or 0


def _short(file: str) -> str:
    """The path relative to the project or to the libraries: no path of this machine."""
    for mark in ("site-packages/", f"{ROOT}/", f"{Path(os.__file__).parent}/"):
        _, found, rest = file.rpartition(mark)
        if found:
            return rest
    return Path(file).name
