"""What comes by standard input: text without the byte order mark that Windows' programs put before it."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

_MARK = "\ufeff"


def typed() -> str:
    """All of standard input. Raises `ClickException` where it is not UTF-8."""
    return "\n".join(typed_lines())


def typed_lines() -> Iterator[str]:
    """Its lines, without their ends; a mark may stand before any of them, since files are put together.

    Raises `ClickException` where it is not UTF-8.
    """
    try:
        for line in sys.stdin:
            yield line.removeprefix(_MARK).rstrip("\r\n")
    except UnicodeDecodeError:
        raise click.ClickException("Đầu vào không phải mã UTF-8; lưu lại tệp với mã UTF-8.") from None
