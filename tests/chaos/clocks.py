"""The clocks of a scenario, each of which can be wrong: of workers and beat, of the ledger, of Redis, of Zalo."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sandbox.servers.clock import why_no_clock
from tests.chaos.run import Run

WORKERS, BEAT, LEDGER, REDIS, ZALO = "workers", "beat", "ledger", "redis", "zalo"
PROCESSES = {WORKERS: ("first", "second"), BEAT: ("beat",)}
SERVERS = (LEDGER, REDIS)
MOVABLE = not why_no_clock()  # the servers'
_SHIFTED = str(Path(__file__).with_name("shifted_clock"))


@dataclass
class Clocks:
    """What each clock is ahead of the right one, in seconds; the monotonic clocks are always right."""

    run: Run
    folder: Path
    _zalo: float = field(default=0.0)

    def start(self) -> None:
        """Start the workers and beat, each by the clock it has."""
        for who, names in PROCESSES.items():
            for name in names:
                self.run.start(name, PYTHONPATH=_SHIFTED, HCC_CHAOS_CLOCK=str(self._file(who)))

    def move(self, who: str, seconds: float) -> None:
        """Set a clock, also of what runs. A server's stays where the machine cannot move it."""
        if who in PROCESSES:
            self._file(who).write_text(f"{seconds}")
        elif who == LEDGER and MOVABLE:
            self.run.servers.postgres.move_clock(seconds)
        elif who == REDIS and MOVABLE:
            self.run.servers.valkey.move_clock(seconds)
        elif who == ZALO:
            self.run.zalo.clock(advance=seconds - self._zalo)
            self._zalo = seconds

    def _file(self, who: str) -> Path:
        file = self.folder / who
        if not file.exists():
            file.write_text("0")
        return file
