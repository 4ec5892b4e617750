"""Defines the rivals, with the settings that were best at 50 ms (`python -m benchmarks.tuning` tries others)."""

from __future__ import annotations

from dataclasses import dataclass, replace

_CELERY = "celery -A benchmarks.rivals.plain_celery worker --loglevel WARNING --without-gossip --without-mingle"


@dataclass(frozen=True, slots=True)
class Rival:
    """A rival: `room` is the number of concurrent sends in each of `processes`.

    `command` starts all processes itself, or is run once for each.
    """

    name: str
    title: str
    module: str
    command: str
    room: int
    processes: int
    rate: int  # expected notices per second, roughly: with it all contestants' rounds take equally long
    together: bool = True  # one command starts all processes

    def commands(self) -> dict[str, str]:
        """The command lines, by process name."""
        filled = f"{self.command.format(room=self.room, processes=self.processes)}"
        if self.together:
            return {self.name: filled}
        return {f"{self.name}{number}": f"{filled} -n {self.name}{number}@%h" for number in range(self.processes)}

    def tuned(self, room: int, processes: int) -> Rival:
        """The same rival with other settings."""
        return replace(self, room=room, processes=processes)


RIVALS = (
    Rival(
        "celery",
        "plain Celery, prefork",
        "benchmarks.rivals.plain_celery",
        f"{_CELERY} -P prefork -c {{room}}",
        room=32,
        processes=1,
        rate=200,
        together=False,
    ),
    Rival(
        "threads",
        "plain Celery, threads",
        "benchmarks.rivals.plain_celery",
        f"{_CELERY} -P threads -c {{room}}",
        room=32,
        processes=2,
        rate=200,
        together=False,
    ),
    Rival(
        "dramatiq",
        "dramatiq, threads",
        "benchmarks.rivals.with_dramatiq",
        "dramatiq benchmarks.rivals.with_dramatiq --processes {processes} --threads {room}",
        room=32,
        processes=2,
        rate=800,
    ),
    Rival(
        "taskiq",
        "taskiq, aiohttp",
        "benchmarks.rivals.with_taskiq",
        "taskiq worker benchmarks.rivals.with_taskiq:broker --workers {processes} --max-async-tasks {room} "
        "--max-prefetch {room} --ack-type when_executed --log-level WARNING",
        room=100,
        processes=2,
        rate=1500,
    ),
)
