"""The pump as tests use it: in the test's own thread, until nothing is left to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from worker.bootstrap import Services
from worker.channels.channel import Channel, Ready
from worker.domain.notice import Attempt, Letter
from worker.pump import Pump
from worker.wire.protocol import Leaving


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


def send(
    services: Services, channel: Channel, letters: Sequence[Letter], ready: Ready, leaving: Leaving = lambda _: None
) -> list[Attempt]:
    """Send letters by one channel, without the ledger."""
    cargo = channel.send(letters, ready, leaving=leaving)
    with closing(services.shared.open_sender()) as wire:
        landed = wire.exchange(cargo.calls, leaving=cargo.leaving)
        return [*cargo.done, *(cargo.arrived(call, result) for call, result in landed)]
