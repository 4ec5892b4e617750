"""Rounds: the same work for each of several OAs, each in a thread of its own, so that none waits for a slow one.

A worker has as many processes as cores, and a dossier database that hangs would keep one of them for minutes. So the
bell hands out the rounds, waits a moment for them, and leaves the slow ones to themselves; the next bell passes by an
OA whose round still runs. What is done in a round is recorded by compare-and-set, so one that its process takes with
it when it ends leaves nothing half done: what is not so (a send, the renewal of a token) is no round. Two at once
cannot be in one process, and in two they do no harm.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from threading import Lock, Thread

log = logging.getLogger("hcc.rounds")

PATIENCE = 1.0  # seconds that a bell waits for the rounds it has begun
_STUCK_SECONDS = 60.0  # a round that runs for longer is told, once a minute


class Rounds:
    """The rounds of one kind in this process; `work` takes an OA, and tells its own expected faults."""

    def __init__(self, name: str, work: Callable[[str], object]) -> None:
        self._name = name
        self._work = work
        self._running: dict[str, float] = {}  # OA → when its round began, or was last told to be stuck (monotonic)
        self._slow: set[str] = set()  # whose last round took longer than a bell waits
        self._lock = Lock()

    def run(self, oas: Sequence[str], *, alone: bool, seconds: float = PATIENCE) -> list[str]:
        """Begin the round of each OA that has none running, and wait for these, `seconds` at most.

        Who was slow the last time is not waited for: a province that always is would cost a process half its time.
        `alone`: there is but one OA, so nobody can be kept waiting, and its round is made here and now.
        Returns those that were passed by, since their last round still runs.
        """
        if alone:
            for oa in oas:
                self._work(oa)
            return []
        begun = [oa for oa in oas if self._begin(oa)]
        awaited = [oa for oa in begun if oa not in self._slow]
        threads = {oa: Thread(target=self._round, args=(oa,), name=f"{self._name} {oa}", daemon=True) for oa in begun}
        end = time.monotonic() + seconds
        for thread in threads.values():
            thread.start()
        for oa in awaited:
            threads[oa].join(max(0.0, end - time.monotonic()))
        return [oa for oa in oas if oa not in begun]

    def _begin(self, oa: str) -> bool:
        now = time.monotonic()
        with self._lock:
            since = self._running.get(oa)
            if since is None:
                self._running[oa] = now
                return True
            if stuck := now - since > _STUCK_SECONDS:
                self._running[oa] = now
        if stuck:
            log.error("%s still runs, no other begins before it ends oa=%s", self._name, oa)
        return False

    def _round(self, oa: str) -> None:
        began = time.monotonic()
        try:
            self._work(oa)
        except Exception as fault:  # noqa: BLE001 (nobody else would tell; the type only, a text may hold anything)
            log.error("%s failed oa=%s why=%s", self._name, oa, type(fault).__name__)  # noqa: TRY400 (as above)
        finally:
            with self._lock:
                (self._slow.add if time.monotonic() - began > PATIENCE else self._slow.discard)(oa)
                del self._running[oa]
