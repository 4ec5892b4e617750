"""A PostgreSQL with a standby, both behind one address, as a fail-over with a moving address has them.

    clients ── address ── primary        after a fail-over: clients ── address ── standby
                  standby ── link ──┘

The standby is asynchronous: what had not reached it when the primary died is gone, though it was committed.
"""

import os
import signal
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from sandbox.network import Forwarder
from sandbox.servers.postgres import Postgres
from sandbox.servers.roles import PRODUCT
from sandbox.servers.standby import Standby

# A server that was killed and never starts again leaves nothing outside of its folder.
SETTINGS = {"dynamic_shared_memory_type": "mmap"}


class Replicated:
    """Both servers, with their data under `root`, for a `with`. What happens to them is ordered here."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._stack = ExitStack()
        self.primary = Postgres(root / "primary", settings=SETTINGS)

    def __enter__(self) -> Self:
        """Start both; the standby has all there is."""
        with ExitStack() as stack:
            stack.callback(self.primary.stop)
            self.primary.start()
            self._address = stack.enter_context(Forwarder(self.primary.port))
            self._link = stack.enter_context(Forwarder(self.primary.port))
            self.standby = Standby(self._root / "standby", self.primary, self._link.port, SETTINGS)
            stack.callback(self.standby.stop)
            self.standby.start()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stack.close()

    def url(self, name: str, role: str = PRODUCT) -> str:
        """The SQLAlchemy URL of a database of whichever server has the address."""
        return self.primary.url_as(role, name, self._address.port)

    def hold_back(self) -> None:
        """From now on nothing reaches the standby, and the primary goes on committing."""
        self._link.silence()

    def move_address(self) -> None:
        """The address leads to the standby, promoted or not; sessions that stand stay with the server they have."""
        self._address.lead_to(self.standby.port)

    def switch_over(self) -> None:
        """A planned one: the first server takes no more writes, stays up and keeps its sessions; nothing is lost."""
        self.primary.refuse_writes()
        self.standby.catch_up(self.primary)
        self.standby.promote()
        self.move_address()

    def silence(self) -> None:
        """From now on nothing passes by the address; nobody there is refused, and no connection ends."""
        self._address.silence()

    def speak(self) -> None:
        """Everything passes again."""
        self._address.speak()

    def fail_over(self) -> None:
        """The primary's host dies, with every connection to it; the standby takes over and has the address."""
        pid = self.primary.pid
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
        self._address.cut()
        self.standby.promote()
        self._address.lead_to(self.standby.port)
