"""A server that answers and refuses, in a run: how it begins and ends, what the doctor says, and the promise."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.chaos.run import Run
from tests.chaos.scale import PATIENCE, SHORT
from tests.chaos.verdict import promised

AGAIN_SECONDS = 30.0  # after the healing, for all that is not in doubt
LOG_BYTES = 1_000_000  # a minute, of all processes together


@dataclass(frozen=True, slots=True)
class Refusal:
    """One way in which a server answers and refuses."""

    name: str
    begin: Callable[[Run], None]
    end: Callable[[Run], None]
    doctor: str  # words of its finding while it lasts
    begins: Mapping[str, object] = field(default_factory=dict)  # the fields of `World` that it needs

    def __str__(self) -> str:
        return self.name


def some_of(refusals: Sequence[Refusal], name: str) -> list[Refusal]:
    """All of them in a full run, the named one in a short one: others are refused in the same words."""
    return [one for one in refusals if not SHORT or one.name == name]


def play(run: Run, refusal: Refusal, seconds: float) -> None:
    """The load in three parts: before, while it is refused, and after; then the promise."""
    processes = dict(run.running)
    run.load.feed(run.dossier_count // 3)
    run.reach(max(1, len(run.load.fed) // 2))
    began, written = time.monotonic(), log_bytes(run)
    refusal.begin(run)
    run.load.feed(run.dossier_count // 3)
    told = doctor_says(run, refusal.doctor, seconds)
    time.sleep(max(0.0, seconds - (time.monotonic() - began)))
    a_minute = (log_bytes(run) - written) * 60 / (time.monotonic() - began)
    refusal.end(run)
    run.feed()
    run.last_blow = time.monotonic()
    freed_in = run.freed(PATIENCE)
    verdict = run.verdict()
    print(f"{refusal}: doctor: {told}; told again in {freed_in:.1f} s; {a_minute / 1000:.0f} kB of log a minute")
    promised(verdict)
    assert freed_in < AGAIN_SECONDS
    assert a_minute < LOG_BYTES
    assert {name: process.poll() for name, process in processes.items()} == dict.fromkeys(processes)


def doctor_says(run: Run, words: str, seconds: float) -> str:
    """The line of `hcc doctor` with these words, and its exit status 1; asked again until they come."""
    end = time.monotonic() + max(seconds, 20.0)
    while True:
        done = run.hcc("doctor")
        found = [line.strip() for line in done.stdout.splitlines() if "✗" in line and words in line]
        if found:
            assert done.returncode == 1
            return found[0]
        assert time.monotonic() < end, f"the doctor does not say {words!r}:\n{done.stdout}\n{done.stderr}"


def log_bytes(run: Run) -> int:
    """What all processes have written so far."""
    return sum(path.stat().st_size for path in run.logs.glob("*.log"))
