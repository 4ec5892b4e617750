"""The CPU that a page of the console costs, by the clock of this process: other load on the machine counts little.

The pages are made by the console's own application, without HTTP, so the figure is that of Python alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any
from wsgiref.util import setup_testing_defaults

Application = Callable[..., Any]

_WARM = 3  # templates are compiled, names are read


def cpu_of_pages(
    application: Application, cookies: Mapping[str, str], pages: Mapping[str, Sequence[str]], rounds: int
) -> dict[str, float]:
    """Seconds of CPU of one page, by name, the mean of `rounds`. Raises `RuntimeError` for any answer but 200."""
    spent: dict[str, float] = {}
    for name, addresses in pages.items():
        for number in range(_WARM):
            _ask(application, cookies, addresses[number % len(addresses)])
        began = time.process_time()
        for number in range(rounds):
            _ask(application, cookies, addresses[number % len(addresses)])
        spent[name] = (time.process_time() - began) / rounds
    return spent


def _ask(application: Application, cookies: Mapping[str, str], address: str) -> None:
    path, _, query = address.partition("?")
    asked: dict[str, Any] = {
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "HTTP_HOST": "127.0.0.1",
        "REMOTE_ADDR": "127.0.0.1",
    }
    asked["HTTP_COOKIE"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    setup_testing_defaults(asked)
    told: list[str] = []
    answer = application(asked, lambda status, _headers, _fault=None: told.append(status))
    b"".join(answer)
    answer.close()
    if not told[0].startswith(str(HTTPStatus.OK.value)):
        raise RuntimeError(f"{path}: {told[0]}")
