"""The first start: what is already there is remembered, and nobody is told (R14).

The same rules run over all that exists, and the keys of what they find are remembered. So whatever feed comes across
one of these events later, in whatever row, it is known; no comparison of times is needed, and times may be wrong.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from sqlalchemy import Engine, RowMapping

from producers.dossiers.cursor import Position, start_after
from producers.dossiers.source import RowError, Source
from worker.domain.event import Event
from worker.domain.kinds import findings
from worker.ledger import cursors

log = logging.getLogger("hcc.producers")

_KEYS = 5000  # event keys a transaction
_LONG_AGO = "1970-01-01T00:00:00"


def begin(ledger: Engine, source: Source, oa: str, start_from: str) -> None:
    """Set the first cursors as `HCC_START_FROM` says. A crash on the way begins again; cursors are written last."""
    if start_from == "beginning":
        positions = {name: _origin(feed.by) for name, feed in source.mapping.feeds.items()}
    else:
        until = _moment(start_from, source)
        positions = _now(source) if until is None else {n: _origin(f.by) for n, f in source.mapping.feeds.items()}
        number = _remember(ledger, source, oa, until)
        log.info("baseline oa=%s events=%d", oa, number)
    with ledger.begin() as tx:
        cursors.begin(tx, oa, positions)


def _now(source: Source) -> dict[str, Position]:
    """Positions behind the newest rows; read before the baseline, so that nothing falls in between."""
    queries = source.mapping.baseline
    newest = {"history": queries.history, "payments": queries.payments}
    changed: datetime | None = source.single("baseline.now", queries.now)
    return {
        name: start_after(source.single(f"baseline.{name}", newest[name]))
        if feed.by == "id"
        else {"since": changed.isoformat() if changed else _LONG_AGO}
        for name, feed in source.mapping.feeds.items()
    }


def _remember(ledger: Engine, source: Source, oa: str, until: datetime | None) -> int:
    number = 0
    found = _keys(source, until)
    while keys := list(islice(found, _KEYS)):
        with ledger.begin() as tx:
            cursors.remember(tx, oa, keys)
        number += len(keys)
    return number


def _keys(source: Source, until: datetime | None) -> Iterator[str]:
    """The keys of every event that exists and, with `until`, happened before it."""
    queries = source.mapping.baseline
    for name, sql in (("dossiers_told", queries.dossiers_told), ("payments_told", queries.payments_told)):
        for row in source.stream(f"baseline.{name}", sql):
            yield from _keys_of(source, name, row, until)


def _keys_of(source: Source, name: str, row: RowMapping, until: datetime | None) -> Iterator[str]:
    try:
        for finding in findings(source.change(name, row)):
            if isinstance(finding, Event) and (until is None or finding.at < until):
                yield finding.key
    except (RowError, ValueError, TypeError):
        return  # a row that makes no sense tells nobody anything, now or later


def _moment(start_from: str, source: Source) -> datetime | None:
    if start_from == "now":
        return None
    moment = datetime.fromisoformat(start_from)
    return moment if moment.tzinfo else moment.replace(tzinfo=source.mapping.zone)


def _origin(by: str) -> Position:
    return start_after(None) if by == "id" else {"since": _LONG_AGO}
