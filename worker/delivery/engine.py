"""Runs the pump in its own thread and stops it in an orderly way when its process ends."""

from __future__ import annotations

import gc
import threading

from celery.signals import worker_process_shutdown, worker_shutdown

from worker.delivery.pump import Pump
from worker.wire.protocol import Wire

_LOOK_FOR_GARBAGE_AFTER = 50_000  # objects
_TO_RECORD_SECONDS = 3.0  # in addition to the maximum duration of a call


def start_pump(wire: Wire, *, shared: bool, answer_seconds: float) -> Pump:
    """Start a pump in this process; call it after the fork.

    `answer_seconds` is the maximum duration of a call. An orderly stop waits that long for the last answers.
    """
    look_for_garbage_rarely()
    pump = Pump(wire, shared=shared)
    thread = threading.Thread(target=pump.run, name="pump", daemon=True)
    thread.start()

    def end(**_: object) -> None:
        """Wait until calls in flight have landed and are recorded. A process that is killed instead leaves marks."""
        pump.stop()
        thread.join(answer_seconds + _TO_RECORD_SECONDS)
        if not thread.is_alive():
            wire.close()

    for signal in (worker_process_shutdown, worker_shutdown):
        signal.connect(end, weak=False)
    return pump


def look_for_garbage_rarely() -> None:
    """Raise gc's generation-0 threshold: scanning live in-flight objects cost 20 % of the CPU.

    Python's default is a scan for each 700 objects, which are 20 notices. Reference counting frees the objects of a
    batch without a scan; only reference cycles wait for one.
    """
    gc.set_threshold(_LOOK_FOR_GARBAGE_AFTER)
