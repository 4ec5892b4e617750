"""Rounds: the same work for several OAs, each in its own thread, so that no OA waits for a slow one.

A worker has as many processes as cores, and a hanging dossier database would block one of them for minutes. So a bell
starts the rounds, waits for them briefly, and lets the slow ones continue. The next bell skips an OA whose round still
runs. The work of a round is recorded by compare-and-set, so a round that dies with its process leaves nothing half
done. Work without that property (a send, the renewal of a token) must not be a round. One process never runs two rounds
of an OA at once; in two processes they do no harm.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from threading import Lock, Thread

log = logging.getLogger("hcc.rounds")

PATIENCE = 1.0  # seconds that a bell waits for the rounds it has started
_STUCK_SECONDS = 60.0  # a round that runs for longer is logged, once a minute


class Rounds:
    """The rounds of one kind in this process; `work` takes an OA, and reports its own expected faults."""

    def __init__(self, name: str, work: Callable[[str], object]) -> None:
        self._name = name
        self._work = work
        self._running: dict[str, float] = {}  # OA → when its round began, or was last logged as stuck (monotonic)
        self._slow: set[str] = set()  # OAs whose last round took longer than a bell waits
        self._lock = Lock()

    def run(self, oas: Sequence[str], *, alone: bool, seconds: float = PATIENCE) -> list[str]:
        """Start a round for each OA that has none running, and wait for them, at most `seconds`.

        It does not wait for an OA that was slow last time: a province that is always slow would cost a process half its
        time. With `alone` there is only one OA, which can delay no other, so its round runs in the calling thread.
        Returns the skipped OAs, whose last round still runs.
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
        except Exception as fault:  # noqa: BLE001 (nobody else would report it; only the type, a text may contain anything)
            log.error("%s failed oa=%s why=%s", self._name, oa, type(fault).__name__)  # noqa: TRY400 (as above)
        finally:
            with self._lock:
                (self._slow.add if time.monotonic() - began > PATIENCE else self._slow.discard)(oa)
                del self._running[oa]
