"""One ordinary call: tokens, followers, templates, look-ups."""

from __future__ import annotations

from worker.wire.protocol import Call, Result, Wire


def ask(wire: Wire, call: Call) -> Result:
    """Carry one call and wait for its result."""
    [(_, result)] = wire.exchange([call])
    return result
