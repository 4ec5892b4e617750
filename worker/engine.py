"""The pump at work in a thread of its own; it ends with its process, and in order."""

from __future__ import annotations

import gc
import threading

from celery.signals import worker_process_shutdown, worker_shutdown

from worker.pump import Pump
from worker.wire.protocol import Wire

_LOOK_FOR_GARBAGE_AFTER = 50_000  # objects
_TO_RECORD_SECONDS = 3.0  # beside the longest that an answer may take


def start_pump(wire: Wire, *, shared: bool, answer_seconds: float) -> Pump:
    """To be called after a fork, in the process whose notices it is to carry.

    `answer_seconds` is how long a call may take: an orderly stop waits as long for the last answers.
    """
    look_for_garbage_rarely()
    pump = Pump(wire, shared=shared)
    thread = threading.Thread(target=pump.run, name="pump", daemon=True)
    thread.start()

    def end(**_: object) -> None:
        """What is in flight lands and is recorded; a process that is killed instead leaves marks."""
        pump.stop()
        thread.join(answer_seconds + _TO_RECORD_SECONDS)
        if not thread.is_alive():
            wire.close()

    for signal in (worker_process_shutdown, worker_shutdown):
        signal.connect(end, weak=False)
    return pump


def look_for_garbage_rarely() -> None:
    """Python looks after each 700 objects, which are 20 notices, and finds all of them in flight: a fifth of the CPU.

    What a batch leaves behind is freed without a search; only what refers to itself in a ring waits for one.
    """
    gc.set_threshold(_LOOK_FOR_GARBAGE_AFTER)
