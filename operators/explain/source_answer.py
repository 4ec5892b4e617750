"""What the dossier database answers about one dossier: asked by code, once, read-only, within two seconds."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from queue import Empty, Queue
from threading import BoundedSemaphore, Lock, Thread
from typing import Any

from config.settings import Settings
from domain.event import Event, Oddity
from domain.kinds import findings
from producers.dossiers.faults import RowError
from producers.dossiers.findings import ledger_code
from producers.dossiers.fingerprints import seen_standing
from producers.dossiers.mapping import load_mapping
from producers.dossiers.rows import RowReader, Silence
from producers.dossiers.source import Source

_log = logging.getLogger("hcc.explain")

LIMIT_SECONDS = 2.0
_KEPT_SECONDS = 30.0
_MOST_KEPT = 1000
_AT_ONCE = 4  # questions that may wait for a source that hangs
_MOST_CODES = 200  # in one question


class SourceWord(Enum):
    """How the source answered."""

    FOUND = "found"
    ABSENT = "absent"
    COUNTER = "filed another way than the told ones"
    IGNORED = "marked as ignored"
    UNREADABLE = "unreadable"
    AWAY = "no answer"
    UNASKED = "the mapping has no query by code"


@dataclass(frozen=True, slots=True)
class SourceAnswer:
    """`told` are the keys of events that are told, `off` the kinds whose events are not, of what is true now.

    `column` and `why`: the first value that cannot be read. `code` is the dossier's, in the ledger's spelling.
    """

    word: SourceWord
    code: str | None = None
    told: Sequence[str] = ()
    off: Sequence[str] = ()
    column: str = ""
    why: str = ""


AWAY = SourceAnswer(SourceWord.AWAY)


class SourceLook:
    """Asks the source of one OA. An answer is kept for half a minute; a source that hangs costs its limit only."""

    def __init__(self, settings: Settings, *, limit: float = LIMIT_SECONDS) -> None:
        self._settings = settings
        self._limit = limit
        self._source: Source | None = None
        self._lock = Lock()
        self._room = BoundedSemaphore(_AT_ONCE)
        self._kept: dict[tuple[str, ...], tuple[float, SourceAnswer]] = {}

    def ask(self, codes: Sequence[str]) -> SourceAnswer:
        """The answer on the dossier with one of these codes; of several, the first that exists."""
        asked = tuple(codes[:_MOST_CODES])
        kept = self._kept.get(asked)
        if kept and time.monotonic() - kept[0] < _KEPT_SECONDS:
            return kept[1]
        answer = self._within_limit(asked)
        if answer.word is not SourceWord.AWAY:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[asked] = time.monotonic(), answer
        return answer

    def close(self) -> None:
        """Close the connections to the source."""
        if self._source is not None:
            self._source.close()

    def _within_limit(self, codes: tuple[str, ...]) -> SourceAnswer:
        """The answer, if it comes in time. A thread that waits for a source that hangs ends with its time-outs."""
        if not self._settings.dossier_url or not self._room.acquire(blocking=False):
            return AWAY
        answers: Queue[SourceAnswer] = Queue()
        Thread(target=self._answer, args=(codes, answers), name="explain", daemon=True).start()
        try:
            return answers.get(timeout=self._limit)
        except Empty:
            return AWAY

    def _answer(self, codes: tuple[str, ...], answers: Queue[SourceAnswer]) -> None:
        try:
            answers.put(self._look(codes))
        except Exception as error:  # noqa: BLE001 (whatever the mapping, the driver or the server does: no answer)
            _log.warning("the source did not answer oa=%s why=%s", self._settings.zalo_oa_id, type(error).__name__)
            answers.put(AWAY)
        finally:
            self._room.release()

    def _look(self, codes: tuple[str, ...]) -> SourceAnswer:
        source = self._opened()
        if not source.mapping.has("by_code"):
            return SourceAnswer(SourceWord.UNASKED)
        rows = {ledger_code(row): row for row in source.page("by_code", {"codes": list(codes)})}
        first = next((code for code in codes if code in rows), None) or next(iter(rows), None)
        return answer_of(RowReader(source.mapping), rows[first]) if first else SourceAnswer(SourceWord.ABSENT)

    def _opened(self) -> Source:
        with self._lock:
            if self._source is None:
                mapping = load_mapping(self._settings.source)
                connection = mapping.connection.model_copy(update={"statement_seconds": max(1, int(self._limit))})
                self._source = Source(self._settings.dossier_url, mapping.model_copy(update={"connection": connection}))
            return self._source


_SILENT = {Silence.CHANNEL: SourceWord.COUNTER, Silence.IGNORED: SourceWord.IGNORED}


def answer_of(reader: RowReader, row: Mapping[str, Any]) -> SourceAnswer:
    """What a dossier's row says: why it is silent, or what its rules find now."""
    code = ledger_code(row)
    if silence := reader.silence(row):
        return SourceAnswer(_SILENT.get(silence, SourceWord.ABSENT), code)
    try:
        change = seen_standing(reader, row, datetime.now(UTC))
        found = list(findings(change)) if change else []
    except RowError as error:
        return SourceAnswer(SourceWord.UNREADABLE, code, column=error.column, why=error.why)
    events = [one for one in found if isinstance(one, Event)]
    odd = next((one for one in found if isinstance(one, Oddity)), None)
    return SourceAnswer(
        SourceWord.FOUND,
        code,
        told=[one.key for one in events if one.told and one.held is None],
        off=_kinds(events),
        column=odd.field if odd else "",
        why=odd.why if odd else "",
    )


def _kinds(events: Collection[Event]) -> list[str]:
    return list(dict.fromkeys(one.kind for one in events if not one.told))
