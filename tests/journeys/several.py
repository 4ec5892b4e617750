"""A deployment of several OAs in this process: their file, their environment, and tasks that begin afresh."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

import producers.tasks
import worker.tasks
from worker.queue import bell

_CACHED = (
    worker.tasks.deployment, worker.tasks.settling, worker.tasks.renewing,
    producers.tasks.office, producers.tasks.polling, producers.tasks.reconciling, producers.tasks.reminding,
    bell._redis, bell._ringer,
)  # fmt: skip


def write(path: Path, tables: Mapping[str, Mapping[str, str | int | float]]) -> str:
    """A file of OAs; returns its path as HCC_OAS takes it."""
    lines = []
    for name, table in tables.items():
        lines += [f'["{name}"]', *(f'{key} = "{value}"' for key, value in table.items())]
    path.write_text("\n".join(lines))
    return str(path)


@contextmanager
def tasks(environment: Mapping[str, str]) -> Iterator[None]:
    """The doorbells of both halves with these settings, as in a worker that has just been started."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        _forget()
        yield
        producers.tasks.office().ledger.dispose()
        worker.tasks.deployment().close()
    _forget()


def _forget() -> None:
    for cached in _CACHED:
        cached.cache_clear()
