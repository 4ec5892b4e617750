"""Makes one ordinary call: tokens, followers, templates, look-ups."""

from __future__ import annotations

from worker.wire.protocol import Call, Client, Result


def ask(client: Client, call: Call) -> Result:
    """Make one call and wait for its result."""
    [(_, result)] = client.exchange([call])
    return result
