"""The pump as tests use it: in the test's own thread, until nothing is left to do."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

from domain.notice import Attempt, Letter
from domain.outcome import Uncertain
from worker.channels.cargo import BatchGuard
from worker.channels.channel import Channel, Ready
from worker.delivery.pump import Pump
from worker.services.bootstrap import Services


@contextmanager
def pumping(services: Services, *, shared: bool = False) -> Iterator[Pump]:
    """A pump with a wire of its own."""
    with closing(services.shared.open_sender()) as wire:
        pump = Pump(wire, shared=shared)
        yield pump
        pump.stop()
        pump.run()


def deliver(services: Services, oa: str) -> None:
    """Deliver what is due for an OA."""
    with pumping(services) as pump:
        pump.ask(services, oa)
        while pump.busy:
            pump.turn()


@dataclass(frozen=True)
class Open:
    """A guard that lets all go but those in `doubted`, which may have been sent before; tells `marked` of all."""

    marked: Callable[[Sequence[int]], object] = lambda _: None
    doubted: Mapping[int, Uncertain] = field(default_factory=dict)

    def mark(self, tags: Sequence[int]) -> Collection[int]:
        self.marked(tags)
        return self.doubted

    def is_over(self) -> bool:
        return False

    def doubt(self, notice: int) -> Uncertain | None:
        return self.doubted.get(notice)


def send(
    services: Services, channel: Channel, letters: Sequence[Letter], ready: Ready, guard: BatchGuard | None = None
) -> list[Attempt]:
    """Send letters by one channel, without the ledger."""
    cargo = channel.prepare(letters, ready, guard=guard or Open())
    with closing(services.shared.open_sender()) as wire:
        landed = wire.exchange(cargo.calls, guard=cargo)
        return [*cargo.done, *(cargo.arrived(call, result) for call, result in landed)]
