"""Reads text from standard input, without the byte order mark that Windows programs put in front.

A person at a terminal is told that something is awaited, on standard error.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from operators.cli.bulk import at_a_terminal
from operators.cli.exits import Ended
from operators.cli.output import say

_MARK = "\ufeff"


def typed() -> str:
    """All of standard input. Raises `Ended` if it is not UTF-8."""
    return "\n".join(typed_lines())


def first_line(asked: str) -> str:
    """The first line of standard input, asked for at a terminal. Raises `Ended` if it is not UTF-8."""
    return next(_lines(asked), "")


def typed_lines() -> Iterator[str]:
    """The lines without line ends. A byte order mark is removed from any line, since files may be concatenated.

    Raises `Ended` if it is not UTF-8.
    """
    return _lines("Đọc từ bàn phím; xong thì nhấn Ctrl-D ở đầu dòng:")


def _lines(asked: str) -> Iterator[str]:
    if at_a_terminal():
        say(asked, err=True)
    try:
        for line in sys.stdin:
            yield line.removeprefix(_MARK).rstrip("\r\n")
    except UnicodeDecodeError:
        raise Ended("Đầu vào không phải mã UTF-8; lưu lại tệp với mã UTF-8.") from None
