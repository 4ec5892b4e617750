"""Brings a ledger to its state after a first start, without running one; `benchmarks.start` measures that.

The keys of all past events are streamed from the dossier database to the ledger's baseline, hashed on the way as in
`ledger.source.cursors`. The feeds begin at the newest position.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import Engine, create_engine, text

from benchmarks.world import OA, tell
from config.settings import Settings
from ledger.base.engine import open_ledger
from ledger.source import cursors
from producers.dossiers.context import utc_now
from producers.dossiers.feeds import feeds_of
from producers.dossiers.mapping import load_mapping
from producers.dossiers.source import Source
from sandbox.dossiers.truth import HOLDS_IN_ALL

_HASH = "('x' || substr(encode(sha256(convert_to(key, 'UTF8')), 'hex'), 1, 16))::bit(64)::bigint"
_KEYS = f"SELECT code || '/' || kind || '/' || occurrence AS key FROM ({HOLDS_IN_ALL}) AS events"  # noqa: S608 (from constants)
_OUT = f"COPY (SELECT '{OA}', {_HASH} AS hash FROM ({_KEYS}) AS keys ORDER BY hash) TO STDOUT"  # noqa: S608 (from constants)
_IN = "COPY baseline (oa, key_hash) FROM STDIN"


def remember_past(settings: Settings) -> None:
    """Bring an empty ledger to its state after a first start; a ledger that has cursors is not changed."""
    ledger = open_ledger(settings.database_url)
    with ledger.begin() as tx:
        begun = bool(cursors.read(tx, OA))
    if not begun:
        tell("the past goes into the ledger's baseline")
        _stream(settings.dossier_url, settings.database_url)
        _begin(settings, ledger)
    ledger.dispose()


def _begin(settings: Settings, ledger: Engine) -> None:
    mapping, now = load_mapping(settings.source), utc_now()
    source = Source(settings.dossier_url, mapping)
    newest = source.newest()
    source.close()
    with ledger.begin() as tx:
        for feed in feeds_of(mapping):
            cursors.begin(tx, OA, feed.name, feed.begin(newest[feed.name], now), now)
    with ledger.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE baseline"))


def _stream(source: str, target: str) -> None:
    """Copy the baseline from one database to the other through a pipe."""
    reading, writing = os.pipe()
    with ThreadPoolExecutor(1) as hand, os.fdopen(reading, "rb") as end, os.fdopen(writing, "wb") as begin:
        copied = hand.submit(_copy, target, lambda cursor: cursor.copy_expert(_IN, end))
        _copy(source, lambda cursor: cursor.copy_expert(_OUT, begin))
        begin.close()
        copied.result()


def _copy(url: str, deed: Callable[[Any], None]) -> None:
    engine = create_engine(url, connect_args={"options": "-c work_mem=256MB -c synchronous_commit=off"})
    raw = engine.raw_connection()
    deed(raw.cursor())
    raw.commit()
    raw.close()
    engine.dispose()
