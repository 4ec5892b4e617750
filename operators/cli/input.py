"""Reads text from standard input, without the byte order mark that Windows programs put in front."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from operators.cli.exits import Ended

_MARK = "\ufeff"


def typed() -> str:
    """All of standard input. Raises `Ended` if it is not UTF-8."""
    return "\n".join(typed_lines())


def typed_lines() -> Iterator[str]:
    """The lines without line ends. A byte order mark is removed from any line, since files may be concatenated.

    Raises `Ended` if it is not UTF-8.
    """
    try:
        for line in sys.stdin:
            yield line.removeprefix(_MARK).rstrip("\r\n")
    except UnicodeDecodeError:
        raise Ended("Đầu vào không phải mã UTF-8; lưu lại tệp với mã UTF-8.") from None
